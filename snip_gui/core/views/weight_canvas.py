"""The connections of one layer on a plane, as a picture for any number of kept connections.

A canvas is made once for a layer; a picture is then one comparison of its ranks. Where connections
lie is said by `snip_gui.core.views.arrangement`.

Shapes: H rows and W columns of the canvas.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import numpy as np

from snip_gui.core.views.picture import Picture, to_indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import TensorSpec
    from snip_gui.core.pruning.ranking import Ranking
    from snip_gui.core.views.arrangement import Arrangement

T = TypeVar("T", bound=np.generic)

Colours: TypeAlias = Literal["mask", "kept-sensitivity", "sensitivity"]

GAP_RANK = np.iinfo(np.int32).max  # a rank that is never below a number kept
_LARGEST_SIDE = 2048


@dataclass(frozen=True, eq=False)
class WeightCanvas:
    """One tensor on a plane.

    Attributes
    ----------
    arrangement
        The weight that is shown, and where its connections lie.
    rank_HW
        int32; a huge rank in gaps.
    sensitivity_HW
        uint8 indices of the logarithm of the score.
    low, high
        Base-10 logarithms at the two ends of the indices.
    block
        Canvas pixels per picture pixel on each side. Above 1 a picture pixel shows what a block
        holds: the fraction kept, or the highest sensitivity.
    reductions
        The same canvas with other blocks, as far as they were asked for.
    """

    arrangement: Arrangement
    rank_HW: NDArray[np.int32]
    sensitivity_HW: NDArray[np.uint8]
    low: float
    high: float
    block: tuple[int, int]
    reductions: dict[tuple[int, int], WeightCanvas] = field(default_factory=dict)

    @property
    def tensor(self) -> TensorSpec:
        """The weight that is shown."""
        return self.arrangement.tensor

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the canvas, in canvas pixels."""
        return self.arrangement.size

    def reduced(self, factor: int) -> WeightCanvas:
        """Return the canvas with blocks of at least ``factor`` pixels a side."""
        block = reduced_block(self.arrangement, factor)
        if block == self.block:
            return self
        # Kept, with what each has worked out, since zooming goes to and fro.
        self.reductions.setdefault(self.block, self)
        if block not in self.reductions:
            self.reductions[block] = replace(self, block=block)
        return self.reductions[block]

    @functools.cached_property
    def _there(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
        """Of each block one over the fraction that holds connections, and whether any of it does.

        None for a plane without gaps.
        """
        if self.arrangement.has_no_gaps:
            return None
        present_HW = block_mean(self.arrangement.present_HW.view(bool), self.block)
        holds_HW = present_HW > 0
        inverse_HW = np.divide(1, present_HW, out=np.zeros_like(present_HW), where=holds_HW)
        return inverse_HW, holds_HW.view(np.uint8)

    def picture(self, num_kept: int, colours: Colours) -> Picture:
        """Return the picture when ``num_kept`` connections of the whole network are kept."""
        if colours == "sensitivity":
            return self._sensitivity(self.sensitivity_HW)
        kept_HW = self.rank_HW < num_kept
        if colours == "kept-sensitivity":
            return self._sensitivity(self.sensitivity_HW * kept_HW)
        if self.block == (1, 1):
            return Picture(
                self.arrangement.present_HW + kept_HW * np.uint8(254), 0, 1, "kept", "mask"
            )
        return self._density(kept_HW)

    def _density(self, kept_HW: NDArray[np.bool_]) -> Picture:
        """Return the picture of the share kept of each block."""
        share_HW = block_mean(kept_HW, self.block)
        there = self._there
        if there is not None:
            share_HW *= there[0]
        # Up to the largest share: of a layer that keeps little, nothing would be seen up to 1.
        most = float(share_HW.max(initial=0.0)) or 1.0
        # In place, as this follows the slider: new arrays take longer than what is done to them.
        share_HW *= np.float32(254 / most)
        share_HW += np.float32(1.5)
        index_HW = share_HW.astype(np.uint8)
        if there is not None:
            index_HW *= there[1]
        return Picture(index_HW, 0, most, "share kept", "density")

    def _sensitivity(self, index_HW: NDArray[np.uint8]) -> Picture:
        """Return a picture in the colours of sensitivity."""
        if self.block != (1, 1):
            index_HW = block_max(index_HW, self.block)
        return Picture(index_HW, self.low, self.high, "sensitivity", "viridis", "log")

    def position_at(self, row: int, column: int) -> tuple[int, ...] | None:
        """Return the position in the tensor under a canvas pixel; None in a gap or outside."""
        return self.arrangement.position_at(row, column)


def weight_canvas(ranking: Ranking, arrangement: Arrangement) -> WeightCanvas:
    """Lay out one weight of a ranking."""
    tensor = arrangement.tensor
    index, low, high = sensitivity_indices(ranking.get_scores(tensor))
    return WeightCanvas(
        arrangement=arrangement,
        rank_HW=arrangement.place(ranking.get_ranks(tensor), GAP_RANK),
        sensitivity_HW=arrangement.place(index, 0),
        low=low,
        high=high,
        block=reduced_block(arrangement, 1),
    )


def reduced_block(arrangement: Arrangement, factor: int) -> tuple[int, int]:
    """Return blocks of at least ``factor`` pixels a side that a picture can be made of.

    Whole kernels where they are seen as one block each, and few enough for a picture.
    """
    down, across = (-(-side // _LARGEST_SIDE) for side in arrangement.size)
    high, wide = arrangement.least_block
    down, across = max(down, factor, high), max(across, factor, wide)
    return -(-down // high) * high, -(-across // wide) * wide


def sensitivity_indices(
    score: NDArray[np.float32],
) -> tuple[NDArray[np.uint8], float, float]:
    """Return log10 of scores as indices, and the logarithms at both ends.

    The range ends at the largest score and begins at the 1 % quantile of those that are not zero,
    so that a few tiny ones do not spend the colours; exact zeros take the lowest colour.
    """
    positive = score[score > 0]
    if positive.size == 0:
        return np.ones(score.shape, np.uint8), -1.0, 0.0
    sample = positive[:: max(1, positive.size // 100_000)]
    low = float(np.log10(np.quantile(sample, 0.01)))
    high = float(np.log10(positive.max()))
    high = high if high > low else low + 1
    with np.errstate(divide="ignore"):
        logarithm = np.log10(score)
    return to_indices(np.maximum(logarithm, np.float32(low)), low, high), low, high


def block_mean(kept_HW: NDArray[np.bool_], block: tuple[int, int]) -> NDArray[np.float32]:
    """Return the fraction kept in each block; the last blocks may be smaller."""
    down, across = block
    height, width = kept_HW.shape
    num_rows, num_columns = -(-height // down), -(-width // across)
    # One addition of bytes for each place in a block: ten times faster than `numpy.add.reduceat`.
    dtype = np.min_scalar_type(down * across)
    byte_HW = kept_HW.view(np.uint8)  # adding booleans to bytes converts them one by one
    rows = np.zeros((num_rows, width), dtype)
    for first in range(down):
        part = byte_HW[first::down]
        rows[: len(part)] += part
    sums = np.zeros((num_rows, num_columns), dtype)
    for first in range(across):
        part = rows[:, first::across]
        sums[:, : part.shape[1]] += part
    heights = np.minimum(down, height - np.arange(0, height, down))
    widths = np.minimum(across, width - np.arange(0, width, across))
    sizes = np.outer(heights.astype(np.float32), widths.astype(np.float32))
    return np.divide(sums, sizes, dtype=np.float32)


def block_max(index_HW: NDArray[T], block: tuple[int, int]) -> NDArray[T]:
    """Return the highest value of each block, none below zero; the last blocks may be smaller."""
    if block == (1, 1):
        return index_HW
    down, across = block
    height, width = index_HW.shape
    rows = np.zeros((-(-height // down), width), index_HW.dtype)
    for first in range(down):
        part = index_HW[first::down]
        np.maximum(rows[: len(part)], part, out=rows[: len(part)])
    most = np.zeros((len(rows), -(-width // across)), index_HW.dtype)
    for first in range(across):
        part = rows[:, first::across]
        np.maximum(most[:, : part.shape[1]], part, out=most[:, : part.shape[1]])
    return most
