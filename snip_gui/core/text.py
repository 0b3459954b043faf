"""Numbers as people read them."""

from __future__ import annotations


def size_text(number: int) -> str:
    """Return a number of bytes with three digits and a decimal unit: ``36.9 MB``."""
    size = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
