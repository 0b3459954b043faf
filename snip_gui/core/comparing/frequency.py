"""Stability: how often each connection is kept by many masks of one network.

Masks are counted one by one and released, so a hundred take no more memory than two.

Shapes: M prunable parameters in flat order, C, H, W of an input map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.events import Event
from snip_gui.core.comparing.comparison import refuse_different

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.comparing.comparison import Mask
    from snip_gui.core.graph.layout import Layout

# bincount converts its input to eight bytes per value, so it is called in chunks.
_AT_ONCE = 1 << 20
MOST_MASKS = 65_535


@dataclass(frozen=True, eq=False)
class Frequency:
    """The number of masks that keep each connection. Arrays are read-only.

    Attributes
    ----------
    num_masks
        Number of masks.
    count_M
        Number of masks that keep each connection.
    histograms
        By layer, number of connections that exactly 0, 1, ..., ``num_masks`` masks keep.
    overlap, chance
        Average Jaccard index of two of the masks, and that expected by chance; see `_pooled`.
    input_map
        Mean kept fraction (C, H, W) of each pixel, or why the network has no input map.
    """

    layout: Layout
    num_masks: int
    count_M: NDArray[np.unsignedinteger]
    histograms: dict[str, NDArray[np.int64]]
    overlap: float
    chance: float
    input_map: NDArray[np.float64] | str

    @property
    def num_in_all(self) -> int:
        """Number of connections that every mask keeps."""
        return sum(int(histogram[-1]) for histogram in self.histograms.values())

    @property
    def num_in_any(self) -> int:
        """Number of connections that at least one mask keeps."""
        return sum(int(histogram[1:].sum()) for histogram in self.histograms.values())

    @property
    def summary(self) -> str:
        """The result as a sentence."""
        return (
            f"{self.num_in_all:,} connections are kept by all {self.num_masks:,} masks, and "
            f"{self.num_in_any:,} of {self.layout.num_parameters:,} by at least one. Two masks "
            f"overlap by {self.overlap:.1%} on average; {self.chance:.1%} would be expected by "
            "chance."
        )


class FrequencyCounter:
    """Counts masks one by one.

    Parameters
    ----------
    num_masks
        Largest number of masks, up to 65,535; determines the type of the counts.
    """

    def __init__(self, num_masks: int) -> None:
        if not 1 <= num_masks <= MOST_MASKS:
            raise ValueError(f"{num_masks} masks cannot be counted")
        self._dtype = np.min_scalar_type(num_masks)
        self._count_M: NDArray[np.unsignedinteger] | None = None
        self._first: Mask | None = None
        self._kept: list[list[int]] = []  # by mask and layer
        self._map_sum: NDArray[np.float64] | str | None = None

    def add(self, mask: Mask) -> None:
        """Count a mask.

        Raises
        ------
        UserError
            If it belongs to another network than the first one.
        """
        if self._first is None or self._count_M is None:
            self._first = mask
            self._count_M = np.zeros(mask.layout.num_parameters, self._dtype)
        refuse_different(self._first, mask, ("the first mask", "this mask"))
        for tensor in mask.layout.tensors:
            kept = mask.scored.masks.get_mask(tensor, mask.num_kept)
            self._count_M[tensor.offset : tensor.end] += kept.reshape(-1)
        rows = mask.scored.layer_rows(mask.num_kept)
        self._kept.append([row.kept for row in rows])
        fractions = mask.scored.input_fractions(mask.num_kept)
        if isinstance(fractions, str) or self._map_sum is None:
            self._map_sum = fractions
        elif not isinstance(self._map_sum, str):
            self._map_sum = self._map_sum + fractions

    def result(self) -> Frequency:
        """Return the counts so far; raises `ValueError` before the first mask."""
        if self._first is None or self._count_M is None:
            raise ValueError("no mask was counted")
        num_masks = len(self._kept)
        layout = self._first.layout
        histograms = {
            layer: sum(
                (_histogram(self._count_M[t.offset : t.end], num_masks)
                 for t in layout.get_tensors(layer)),
                np.zeros(num_masks + 1, np.int64),
            )
            for layer in layout.layers
        }  # fmt: skip
        overlap, chance = _pooled(histograms, np.array(self._kept, np.float64))
        count_M = self._count_M.copy()
        count_M.flags.writeable = False
        input_map = self._map_sum
        assert input_map is not None
        if not isinstance(input_map, str):
            input_map = input_map / num_masks
            input_map.flags.writeable = False
        return Frequency(layout, num_masks, count_M, histograms, overlap, chance, input_map)


def _histogram(count: NDArray[np.unsignedinteger], num_masks: int) -> NDArray[np.int64]:
    """Return the number of connections that exactly 0, 1, ... masks keep."""
    histogram = np.zeros(num_masks + 1, np.int64)
    for first in range(0, len(count), _AT_ONCE):
        histogram += np.bincount(count[first : first + _AT_ONCE], minlength=num_masks + 1)
    return histogram


def _pooled(
    histograms: dict[str, NDArray[np.int64]], kept: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the mean overlap of two of the masks, and that expected by chance.

    Pooled over pairs: the sum of intersections divided by the sum of unions, which is the mean of
    the Jaccard indices weighted by the unions. A connection kept by c masks is in the intersection
    of c (c - 1) / 2 pairs, so pairs need not be enumerated. By chance two masks share ``a b / n``
    of a layer's ``n`` connections, as in `snip_gui.core.comparing.comparison.Comparison`.

    Parameters
    ----------
    kept
        Number of connections kept, shape (masks, layers).
    """
    num_masks = len(kept)
    if num_masks < 2:
        return 1.0, 1.0
    times = np.arange(num_masks + 1)
    both = sum(int(histogram @ (times * (times - 1) // 2)) for histogram in histograms.values())
    totals = np.array([histogram.sum() for histogram in histograms.values()], np.float64)
    products = (kept.sum(axis=0) ** 2 - (kept**2).sum(axis=0)) / 2
    expected = float((products / totals).sum())
    in_sum = float(kept.sum()) * (num_masks - 1)  # pairs that a mask belongs to
    overlap = both / (in_sum - both) if in_sum > both else 1.0
    chance = expected / (in_sum - expected) if in_sum > expected else 1.0
    return overlap, chance


@dataclass(frozen=True)
class StabilityMeasured(Event):
    """A recipe has been scored with several draws, and the masks counted."""

    frequency: Frequency
