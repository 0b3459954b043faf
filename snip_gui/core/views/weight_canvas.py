"""The connections of one layer laid out on a plane.

A canvas is made once for a layer; a picture at any number of kept connections is then one
comparison of its ranks. Fully connected layers lie as outputs x inputs. Of convolutions every
output is a strip of its kernels, one for each input channel, with gaps between; the strips stand
below one another in as many columns as make the canvas about square.

Shapes: H rows and W columns of the canvas, O outputs, I inputs.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import numpy as np

from snip_gui.core.views.picture import Picture, to_indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.pruning.layout import TensorSpec
    from snip_gui.core.pruning.ranking import Ranking

T = TypeVar("T", bound=np.generic)

Colours: TypeAlias = Literal["mask", "kept-sensitivity", "sensitivity"]

GAP_RANK = np.iinfo(np.int32).max  # a rank that is never below a number kept
_LARGEST_SIDE = 2048


@dataclass(frozen=True, eq=False)
class WeightCanvas:
    """One tensor on a plane.

    Attributes
    ----------
    tensor
        The weight that is shown.
    rank_HW
        int32; a huge rank in gaps.
    present_HW
        uint8; 1 where a connection is, 0 in gaps.
    sensitivity_HW
        uint8 indices of the logarithm of the score.
    low, high
        Base-10 logarithms at the two ends of the indices.
    block
        Canvas pixels per picture pixel on each side. Above 1 a picture pixel shows what a block
        holds: the fraction kept, or the highest sensitivity.
    """

    tensor: TensorSpec
    rank_HW: NDArray[np.int32]
    present_HW: NDArray[np.uint8]
    sensitivity_HW: NDArray[np.uint8]
    low: float
    high: float
    block: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the canvas, in canvas pixels."""
        height, width = self.rank_HW.shape
        return height, width

    def reduced(self, factor: int) -> WeightCanvas:
        """Return the canvas with blocks of at least ``factor`` pixels a side."""
        down, across = block_of(self.size)
        block = (max(down, factor), max(across, factor))
        return self if block == self.block else replace(self, block=block)

    @functools.cached_property
    def _present(self) -> NDArray[np.float32]:
        """Fraction of each block that holds connections; the rest are gaps."""
        return block_mean(self.present_HW.view(bool), self.block)

    def picture(self, num_kept: int, colours: Colours) -> Picture:
        """Return the picture when ``num_kept`` connections of the whole network are kept."""
        if colours == "sensitivity":
            return self._sensitivity(self.sensitivity_HW)
        kept_HW = self.rank_HW < num_kept
        if colours == "kept-sensitivity":
            return self._sensitivity(self.sensitivity_HW * kept_HW)
        if self.block == (1, 1):
            return Picture(self.present_HW + kept_HW * np.uint8(254), 0, 1, "kept", "mask")
        share = np.divide(block_mean(kept_HW, self.block), np.maximum(self._present, 1e-6))
        # Up to the largest share: of a layer that keeps little, nothing would be seen up to 1.
        most = float(share.max(initial=0.0)) or 1.0
        index_HW = to_indices(share, 0, most) * (self._present > 0)
        return Picture(index_HW, 0, most, "share kept", "density")

    def _sensitivity(self, index_HW: NDArray[np.uint8]) -> Picture:
        """Return a picture in the colours of sensitivity."""
        if self.block != (1, 1):
            index_HW = block_max(index_HW, self.block)
        return Picture(index_HW, self.low, self.high, "sensitivity", "viridis", "log")

    def position_at(self, row: int, column: int) -> tuple[int, ...] | None:
        """Return the position in the tensor under a canvas pixel; None in a gap or outside."""
        return position_under(self.tensor, self.present_HW, (1, 1), row, column)


def weight_canvas(ranking: Ranking, tensor: TensorSpec) -> WeightCanvas:
    """Lay out one weight of a ranking."""
    index, low, high = sensitivity_indices(ranking.scores_of(tensor))
    rank_HW = place(ranking.ranks_of(tensor), tensor, GAP_RANK)
    present_HW = presence(tensor)
    block = block_of(rank_HW.shape)
    return WeightCanvas(tensor, rank_HW, present_HW, place(index, tensor, 0), low, high, block)


def place(values: NDArray[T], tensor: TensorSpec, gap: int) -> NDArray[T]:
    """Lay values of a tensor's connections out on its plane; a view if they are a matrix."""
    if is_matrix(tensor):
        return values.reshape(tensor.shape[:2])
    return _mosaic(values.reshape(kernel_shape(tensor)), gap)


def presence(tensor: TensorSpec) -> NDArray[np.uint8]:
    """Return 1 where the plane of a tensor has a connection, 0 in gaps."""
    return place(np.ones(tensor.shape, np.uint8), tensor, 0)


def block_of(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many canvas pixels one picture pixel covers, down and across."""
    return -(-shape[0] // _LARGEST_SIDE), -(-shape[1] // _LARGEST_SIDE)


def position_under(
    tensor: TensorSpec,
    present_HW: NDArray[np.uint8],
    block: tuple[int, int],
    row: int,
    column: int,
) -> tuple[int, ...] | None:
    """Return the position in a tensor under a picture pixel; None in a gap or outside."""
    row, column = row * block[0], column * block[1]
    if not (0 <= row < present_HW.shape[0] and 0 <= column < present_HW.shape[1]):
        return None
    if not present_HW[row, column]:
        return None
    if is_matrix(tensor):
        return (row, column, *(0 for _ in tensor.shape[2:]))
    _, into, height, width = kernel_shape(tensor)
    strip_row, kernel_row = divmod(row, height + 1)
    strip, within = divmod(column, into * (width + 1) + 1)
    channel, kernel_column = divmod(within, width + 1)
    out = strip * _strips_down(kernel_shape(tensor)) + strip_row
    found = np.unravel_index(kernel_row * width + kernel_column, tensor.shape[2:])
    return out, channel, *(int(index) for index in found)


def is_matrix(tensor: TensorSpec) -> bool:
    """Return whether a tensor lies as outputs x inputs: fully connected, or with 1x1 kernels."""
    return math.prod(tensor.shape[2:]) == 1


def kernel_shape(tensor: TensorSpec) -> tuple[int, int, int, int]:
    """Return outputs, inputs, height and width of a bank of kernels as it is laid out.

    A one-dimensional kernel is a row; the slices of a three-dimensional one lie below one another.
    """
    out, into, *sides = tensor.shape
    return out, into, math.prod(sides[:-1]), sides[-1]


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


def block_max(index_HW: NDArray[np.uint8], block: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the highest index of each block; the last blocks may be smaller."""
    down, across = block
    height, width = index_HW.shape
    rows = np.zeros((-(-height // down), width), np.uint8)
    for first in range(down):
        part = index_HW[first::down]
        np.maximum(rows[: len(part)], part, out=rows[: len(part)])
    most = np.zeros((len(rows), -(-width // across)), np.uint8)
    for first in range(across):
        part = rows[:, first::across]
        np.maximum(most[:, : part.shape[1]], part, out=most[:, : part.shape[1]])
    return most


def _mosaic(values: NDArray[T], gap: int) -> NDArray[T]:
    """Lay kernels (O, I, h, w) out in strips, one pixel between kernels and two between strips."""
    out, into, height, width = values.shape
    down = _strips_down(values.shape)
    columns = -(-out // down)
    strips: NDArray[T] = np.full((columns * down, height + 1, into, width + 1), gap, values.dtype)
    strips[:out, :height, :, :width] = values.transpose(0, 2, 1, 3)
    tall = strips.reshape(columns, down * (height + 1), into * (width + 1))
    canvas: NDArray[T] = np.full((tall.shape[1], columns, tall.shape[2] + 1), gap, values.dtype)
    canvas[:, :, :-1] = tall.transpose(1, 0, 2)
    return np.ascontiguousarray(canvas.reshape(tall.shape[1], -1)[:-1, :-2])


def _strips_down(shape: tuple[int, ...]) -> int:
    """Return how many outputs' strips stand below one another to make the canvas about square."""
    out, into, height, width = shape
    down = min(out, max(1, round(math.sqrt(out * (into * (width + 1) + 1) / (height + 1)))))
    return -(-out // -(-out // down))  # as many columns, evenly filled
