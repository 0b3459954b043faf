"""Axes: the range of numbers, where its ticks are, and where a number lies in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of numbers, linear or logarithmic."""

    low: float
    high: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """Return where a number lies, from 0 at the low end to 1 at the high end."""
        low, high, at = self.low, self.high, value
        if self.is_log:
            low, high, at = math.log10(low), math.log10(high), math.log10(max(value, self.low))
        return (at - low) / (high - low)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Round numbers within the range."""
        if self.is_log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for digits in ((1, 2, 5), (1,)):
                found = [d * 10.0**p for p in powers for d in digits]
                within = tuple(round(v, 15) for v in found if self.low <= v <= self.high)
                if len(within) < 2:  # less than a decade
                    break
                if len(within) <= _MOST_TICKS + 1 or len(digits) == 1:
                    return within[:: -(-len(within) // (_MOST_TICKS + 1))]
        step = _round_step((self.high - self.low) / _MOST_TICKS)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return tuple(round(number * step, 12) for number in range(first, last + 1))


def fit_axis(values: Iterable[float], *, is_log: bool = False, from_zero: bool = False) -> Axis:
    """Return an axis that holds all finite numbers, and positive ones only if logarithmic."""
    found = [v for v in values if math.isfinite(v) and (v > 0 or not is_log)]
    low, high = min(found, default=1.0), max(found, default=1.0)
    if is_log:
        return Axis(low / 1.25, high * 1.25, is_log=True)
    if from_zero:
        low = min(low, 0.0)
    if high == low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    margin = 0.05 * (high - low)
    return Axis(low if low == 0 and from_zero else low - margin, high + margin)


def _round_step(value: float) -> float:
    """Round up to 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-9))
