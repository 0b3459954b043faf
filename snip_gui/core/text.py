"""Numbers as people read them."""

from __future__ import annotations


def count_text(number: int) -> str:
    """Return a number with at most three digits and a letter for its size: ``430 k``."""
    size = float(number)
    for letter in ("", " k", " M", " G"):
        if size < 999.5:
            return f"{size:.3g}{letter}"
        size /= 1000
    return f"{size:.3g} T"


def time_text(milliseconds: float) -> str:
    """Return a time with three digits: ``0.123 ms``, ``1.23 s``."""
    if milliseconds < 999.5:
        return f"{milliseconds:.3g} ms"
    return f"{milliseconds / 1000:.3g} s"


def size_text(number: int) -> str:
    """Return a number of bytes with three digits and a decimal unit: ``36.9 MB``."""
    size = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
