"""Counts as people read them."""

from __future__ import annotations


def short_count(number: int) -> str:
    """Return a count with three digits and a unit: ``1.74 G``."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number}"


def count_text(number: int) -> str:
    """Return a count for a narrow column: exact below 100,000, then of three digits."""
    return f"{number:,}" if number < 100_000 else short_count(number)
