"""Numbers as people read them."""

from __future__ import annotations


def short_count(number: int) -> str:
    """Return a count with at most three digits and a letter for its size: ``430 k``."""
    return _scaled(number, ("", " k", " M", " G", " T"))


def narrow_count(number: int) -> str:
    """Return a count for a narrow column: exact below 100,000, then of three digits."""
    return f"{number:,}" if number < 100_000 else short_count(number)


def size_text(number: int) -> str:
    """Return a number of bytes with three digits and a decimal unit: ``36.9 MB``."""
    return _scaled(number, (" bytes", " kB", " MB", " GB", " TB"))


def time_text(milliseconds: float) -> str:
    """Return a time with three digits: ``0.123 ms``, ``1.23 s``."""
    return _scaled(milliseconds, (" ms", " s"))


def _scaled(value: float, units: tuple[str, ...]) -> str:
    """Return a value with three digits; each unit is a thousand of the one before."""
    for unit in units[:-1]:
        if value < 999.5:
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}{units[-1]}"
