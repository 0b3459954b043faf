"""Labels of a colour bar: distinct, and at round values of a logarithmic scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snip_gui.core.views.picture import Picture

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_MOST_DIGITS = 8


def bar_ticks(picture: Picture) -> list[tuple[float, str]]:
    """Return fractions of the bar's length, from its low end, and their labels."""
    low, high = picture.low, picture.high
    if not high > low:
        return [(0.0, _text(low, 2, picture))]
    if picture.scale == "log":
        powers = range(math.ceil(low), math.floor(high) + 1)
        if len(powers) >= 2:
            return [((power - low) / (high - low), f"1e{power}") for power in powers]
    values = [low + share * (high - low) for share in _SHARES]
    for digits in range(2, _MOST_DIGITS):
        texts = [_text(value, digits, picture) for value in values]
        if len(set(texts)) == len(texts):
            break
    return list(zip(_SHARES, texts, strict=True))


def _text(value: float, digits: int, picture: Picture) -> str:
    """Return a value with a number of significant digits."""
    if picture.scale == "log":
        return f"{10**value:.{digits - 1}e}".replace("e-0", "e-").replace("e+0", "e")
    if not picture.is_share:
        return f"{value:.{digits}g}"
    percent = 100 * value
    whole = len(f"{abs(percent):.0f}") if abs(percent) >= 1 else 0
    return f"{percent:.{max(0, digits - whole)}f}%" if value else "0%"
