"""How the sensitivities are distributed, on a logarithmic axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts of sensitivities.

    Attributes
    ----------
    edges
        Base-10 logarithms of the bin edges, one more than ``counts``.
    counts
        Connections in each bin.
    num_zero
        Connections whose sensitivity is exactly zero; they are in no bin.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    num_zero: int

    @property
    def share_zero(self) -> float:
        """Fraction of all connections whose sensitivity is exactly zero."""
        total = self.num_zero + int(self.counts.sum())
        return self.num_zero / total if total else 0.0


def sensitivity_histogram(score_M: NDArray[np.float32], num_bins: int = 120) -> Histogram:
    """Count scores in bins of equal width on a logarithmic axis.

    The axis begins at the 0.1 % quantile of what is not zero; smaller ones join the first bin.
    """
    positive = score_M[score_M > 0]
    num_zero = score_M.size - positive.size
    if positive.size == 0:
        return Histogram(np.linspace(-1, 0, num_bins + 1), np.zeros(num_bins, np.int64), num_zero)
    logarithm = np.log10(positive)
    sample = logarithm[:: max(1, logarithm.size // 200_000)]
    low, high = float(np.quantile(sample, 0.001)), float(logarithm.max())
    high = high if high > low else low + 1
    counts, edges = np.histogram(logarithm.clip(low, high), num_bins, (low, high))
    return Histogram(edges.astype(np.float64), counts.astype(np.int64), num_zero)


def count_layer(histogram: Histogram, sorted_ranks: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return how many connections of a layer are in each bin of the whole network's histogram.

    Parameters
    ----------
    sorted_ranks
        Ascending ranks of its connections, in the order of falling scores.
    """
    # How many connections of the network are in each bin and those above it: as many ranks.
    above = np.append(histogram.counts[::-1].cumsum()[::-1], 0).astype(np.int32)
    return -np.diff(sorted_ranks.searchsorted(above)).astype(np.int64)
