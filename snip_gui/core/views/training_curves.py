"""Metric points as arrays to plot: one row per quantity, one column per point. NumPy only."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.training.metrics import MetricPoint

EPOCHS, STEPS, SECONDS, LOSS, ERROR, ACCURACY, RATE, GRADIENT, SPEED = range(9)
_NUM_ROWS = 9


class CurveArrays:
    """Points by split; each point is converted only once."""

    def __init__(self) -> None:
        self._first: MetricPoint | None = None
        self._last: MetricPoint | None = None
        self._num_taken = 0
        self._values: dict[str, array[float]] = {}
        self._norms: list[tuple[float, ...]] = []

    def show(self, points: Sequence[MetricPoint]) -> None:
        """Add new points; start over for another training run."""
        first = points[0] if points else None
        if first is not self._first or len(points) < self._num_taken:
            self._first, self._num_taken, self._values = first, 0, {}
            self._last, self._norms = None, []
        for point in points[self._num_taken :]:
            values = self._values.setdefault(point.split, array("d"))
            gradient = _drawable(point.gradient_norm)
            values.extend((point.epoch, point.step, point.seconds, point.loss))
            values.extend((100 * point.error, 100 * point.accuracy, point.lr, gradient))
            values.append(self._speed(point))
            if point.split == "train":
                self._norms.append(tuple(map(_drawable, point.weight_norms)))
            self._last = point
        self._num_taken = len(points)

    def _speed(self, point: MetricPoint) -> float:
        """Return the steps per second since the last point; NaN across an evaluation."""
        last = self._last
        if last is None or (last.split, point.split) != ("train", "train"):
            return math.nan
        seconds = point.seconds - last.seconds
        return (point.step - last.step) / seconds if seconds > 0 else math.nan

    def arrays(self, split: str) -> NDArray[np.float64]:
        """Return the rows of a split, `EPOCHS` to `SPEED`."""
        values = self._values.get(split, array("d"))
        return np.array(values, np.float64).reshape(-1, _NUM_ROWS).T

    def norms(self) -> NDArray[np.float64]:
        """Return the norm of each layer's weights at each training point, one row per layer."""
        most = max(map(len, self._norms), default=0)
        rows = [norms if len(norms) == most else (math.nan,) * most for norms in self._norms]
        return np.array(rows, np.float64).reshape(len(rows), most).T


def smoothed(values_N: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Return the exponential moving average of a curve, corrected for the bias at its start.

    Parameters
    ----------
    factor
        Weight of the past, from 0 to below 1; 0 leaves the curve unchanged.
    """
    if not factor:
        return values_N
    result_N = np.empty_like(values_N)
    total = weight = 0.0
    for number, value in enumerate(values_N.tolist()):
        if math.isnan(value):
            result_N[number] = value
            continue
        total = factor * total + (1 - factor) * value
        weight = factor * weight + (1 - factor)
        result_N[number] = total / weight
    return result_N


def _drawable(value: float | None) -> float:
    """Return a number that a chart can plot; NaN, a gap, if it is missing or overflowed."""
    return value if value is not None and math.isfinite(value) else math.nan
