"""Numbers of answers in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snip_gui.core.studies.intervals import Interval


def interval_text(interval: Interval, form: str, number: int) -> str:
    """Return an estimate with its interval, or that there is a single value.

    Parameters
    ----------
    form
        Format of the numbers, as for `format`.
    number
        How many values the estimate is the mean of.
    """
    estimate = format(interval.estimate, form)
    if math.isinf(interval.low):
        return f"{estimate} (one seed)"
    low, high = format(interval.low, form), format(interval.high, form)
    return f"{estimate} (95% interval {low} to {high}, {number} seeds)"


def points_text(interval: Interval, number: int) -> str:
    """Return a difference of two errors in percentage points, with its interval."""
    parts = [f"{100 * value:+.2f}" for value in interval]
    if math.isinf(interval.low):
        return f"{parts[0]} points (one seed)"
    return f"{parts[0]} points (95% interval {parts[1]} to {parts[2]}, {number} seeds)"
