"""Histograms of scores: sensitivities on a logarithmic axis, signed scores on a linear one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """A histogram of scores.

    Attributes
    ----------
    edges
        Bin edges, one more than ``counts``; base-10 logarithms if the axis is logarithmic.
    counts
        Number of connections in each bin.
    num_zero
        Connections with a score of exactly zero; on a logarithmic axis they are in no bin.
    share_zero
        Fraction of connections with a score of exactly zero.
    is_log
        Whether the axis is logarithmic, which it is unless a score is negative.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    num_zero: int
    share_zero: float
    is_log: bool = True

    def to_place(self, score: float) -> float:
        """Return the axis coordinate of a score, clipped to the start of the axis."""
        if not self.is_log:
            return float(np.clip(score, self.edges[0], self.edges[-1]))
        return float(np.log10(score)) if score > 0 else float(self.edges[0])

    def score_at(self, place: float) -> float:
        """Return the score at an axis coordinate."""
        return 10**place if self.is_log else place


def score_histogram(score_M: NDArray[np.float32], num_bins: int = 120) -> Histogram:
    """Count scores in bins of equal width, on a logarithmic axis if none is negative.

    A logarithmic axis starts at the 0.1 % quantile of nonzero scores; a linear one leaves out 0.1 %
    at either end. Scores outside are counted in the outer bins.
    """
    num_zero = score_M.size - int(np.count_nonzero(score_M))
    share_zero = num_zero / score_M.size if score_M.size else 0.0
    if score_M.size and score_M.min() < 0:
        low, high = (float(np.quantile(_sample(score_M), q)) for q in (0.001, 0.999))
        if low == high:
            low, high = float(score_M.min()), float(score_M.max())
        return _count(score_M, (low, high), num_bins, num_zero, share_zero, is_log=False)
    positive = score_M[score_M > 0]
    if positive.size == 0:
        edges = np.linspace(-1, 0, num_bins + 1)
        return Histogram(edges, np.zeros(num_bins, np.int64), num_zero, share_zero)
    logarithm = np.log10(positive, out=positive)
    low, high = float(np.quantile(_sample(logarithm), 0.001)), float(logarithm.max())
    return _count(logarithm, (low, high), num_bins, num_zero, share_zero, is_log=True)


def _sample(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a sample of the values that is large enough for quantiles."""
    return values[:: max(1, values.size // 200_000)]


def _count(
    values: NDArray[np.float32],
    ends: tuple[float, float],
    num_bins: int,
    num_zero: int,
    share_zero: float,
    *,
    is_log: bool,
) -> Histogram:
    """Count values between two ends, with outliers in the outer bins."""
    low, high = ends
    # Each bin needs two steps of single precision, or its edges would fall together.
    step = float(np.spacing(np.float32(max(abs(low), abs(high)))))
    high = max(high, low + 2 * num_bins * step) if high > low else low + 1
    counts, edges = np.histogram(values.clip(low, high), num_bins, (low, high))
    edges = edges.astype(np.float64)
    return Histogram(edges, counts.astype(np.int64), num_zero, share_zero, is_log)


def count_layer(histogram: Histogram, sorted_ranks: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the number of a layer's connections in each bin of the network's histogram.

    Parameters
    ----------
    sorted_ranks
        Ascending ranks of its connections; descending score.
    """
    # The number of connections in each bin and those above it equals the rank where it ends.
    above = np.append(histogram.counts[::-1].cumsum()[::-1], 0).astype(np.int32)
    return -np.diff(sorted_ranks.searchsorted(above)).astype(np.int64)
