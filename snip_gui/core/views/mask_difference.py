"""Pictures of the difference of two masks of a network, and of keep frequencies over many.

Connections are arranged by `snip_gui.core.views.arrangement`.

Shapes: H rows and W columns of the canvas, C channels of an image, M parameters in flat order.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from snip_gui.core.views.arrangement import Arrangement
from snip_gui.core.views.picture import BOTH, NEITHER, ONLY_A, ONLY_B, Picture, to_indices
from snip_gui.core.views.weight_canvas import block_mean, lay_out_kept, reduced_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.comparing.comparison import Mask
    from snip_gui.core.comparing.frequency import Frequency
    from snip_gui.core.graph.layout import TensorSpec
    from snip_gui.core.pruning.mask_source import Cutter, MaskSource

Rgb: TypeAlias = tuple[int, int, int]

# Indices of one colour, from almost none of a block to all of it.
_LEVELS = 84


@dataclass(frozen=True, eq=False)
class DifferenceCanvas:
    """A tensor of two networks, arranged on a plane.

    Attributes
    ----------
    cut_a, cut_b
        Functions from the number kept to the arranged masks (H, W).
    block
        Canvas pixels per picture pixel, vertically and horizontally; see
        `DifferenceCanvas.reduced`.
    """

    arrangement: Arrangement
    cut_a: Cutter
    cut_b: Cutter
    block: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the canvas, in canvas pixels."""
        return self.arrangement.size

    def reduced(self, factor: int) -> DifferenceCanvas:
        """Return the canvas with blocks of at least ``factor`` pixels per side."""
        block = reduced_block(self.arrangement, factor)
        return self if block == self.block else replace(self, block=block)

    def picture(self, kept_a: int, kept_b: int) -> Picture:
        """Return a picture of which connections are kept by both, only A, only B, or neither.

        The colour of a block is that of the most frequent of the first three; its strength is the
        fraction of the block that either mask keeps.
        """
        in_a_HW, in_b_HW = self.cut_a(kept_a), self.cut_b(kept_b)
        if self.block == (1, 1):
            kind_HW = in_a_HW.view(np.uint8) + in_b_HW.view(np.uint8) * np.uint8(2)
            kind_HW += self.arrangement.present_HW * np.uint8(4)
            index_of_kind = np.array([0] * 4 + [NEITHER, ONLY_A, ONLY_B, BOTH], np.uint8)
            index_HW = index_of_kind[kind_HW]
        else:
            index_HW = self._blocks(in_a_HW, in_b_HW)
        return Picture(index_HW, 0, 1, "kept", "relation")

    @functools.cached_property
    def _present(self) -> NDArray[np.float32]:
        """Fraction of each block that contains connections; the rest are gaps."""
        return block_mean(self.arrangement.present_HW.view(bool), self.block)

    def _blocks(self, in_a_HW: NDArray[np.bool_], in_b_HW: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return the colour index of each block."""
        kinds = (in_a_HW & in_b_HW, in_a_HW & ~in_b_HW, in_b_HW & ~in_a_HW)
        share = np.stack([block_mean(kind, self.block) for kind in kinds])
        either = share.sum(axis=0) / np.maximum(self._present, 1e-6)
        level = np.ceil(either * _LEVELS - 1e-3).clip(0, _LEVELS)
        index = 1 + share.argmax(axis=0) * _LEVELS + level
        shown = np.where(either > 0, index, NEITHER) * (self._present > 0)
        return shown.astype(np.uint8)

    def position_at(self, row: int, column: int) -> tuple[int, ...] | None:
        """Return the position in the tensor under a canvas pixel; None in a gap or outside."""
        return self.arrangement.position_at(row, column)


def difference_canvas(a: MaskSource, b: MaskSource, tensor: TensorSpec) -> DifferenceCanvas:
    """Arrange a weight tensor of the masks of two networks with the same layout."""
    arrangement = Arrangement(tensor)
    cut_a, cut_b = (lay_out_kept(masks, arrangement) for masks in (a, b))
    return DifferenceCanvas(arrangement, cut_a, cut_b, reduced_block(arrangement, 1))


def who_keeps(a: Mask, b: Mask, tensor: TensorSpec, position: tuple[int, ...]) -> str:
    """Return which of two masks keep a connection, as text."""
    in_a, in_b = (mask.scored.masks.keeps(tensor, position, mask.num_kept) for mask in (a, b))
    words = "kept by both" if in_a and in_b else "kept by neither"
    if in_a != in_b:
        words = "kept only by A" if in_a else "kept only by B"
    return f"{tensor.name}[{', '.join(map(str, position))}]: {words}"


@dataclass(frozen=True, eq=False)
class FrequencyCanvas:
    """Keep counts of a tensor's connections, arranged on a plane.

    Attributes
    ----------
    count_HW
        Number of masks that keep each connection; 0 in gaps.
    """

    arrangement: Arrangement
    num_masks: int
    count_HW: NDArray[np.unsignedinteger]
    block: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the canvas, in canvas pixels."""
        return self.arrangement.size

    def reduced(self, factor: int) -> FrequencyCanvas:
        """Return the canvas with blocks of at least ``factor`` pixels per side."""
        block = reduced_block(self.arrangement, factor)
        return self if block == self.block else replace(self, block=block)

    def picture(self) -> Picture:
        """Return a picture of the fraction of masks that keep each connection; blocks are means."""
        if self.block == (1, 1):
            of_count = to_indices(np.arange(self.num_masks + 1.0), 0, self.num_masks)
            index_HW = of_count[self.count_HW] * self.arrangement.present_HW
        else:
            places = _block_sums(self.arrangement.present_HW, self.block)
            mean = _block_sums(self.count_HW, self.block) / np.maximum(places, 1)
            index_HW = to_indices(mean, 0, self.num_masks) * (places > 0)
        return Picture(index_HW, 0, 1, "fraction of masks")

    def position_at(self, row: int, column: int) -> tuple[int, ...] | None:
        """Return the position in the tensor under a canvas pixel; None in a gap or outside."""
        return self.arrangement.position_at(row, column)


def frequency_canvas(frequency: Frequency, tensor: TensorSpec) -> FrequencyCanvas:
    """Arrange the keep counts of a weight tensor."""
    count = frequency.count_M[tensor.offset : tensor.end].reshape(tensor.shape)
    arrangement = Arrangement(tensor)
    count_HW = arrangement.place(count, 0)
    block = reduced_block(arrangement, 1)
    return FrequencyCanvas(arrangement, frequency.num_masks, count_HW, block)


def _block_sums(
    count_HW: NDArray[np.unsignedinteger], block: tuple[int, int]
) -> NDArray[np.float64]:
    """Return the sum of each block."""
    rows = np.add.reduceat(count_HW, np.arange(0, count_HW.shape[0], block[0]), axis=0, dtype=float)
    sums: NDArray[np.float64] = np.add.reduceat(
        rows, np.arange(0, count_HW.shape[1], block[1]), axis=1
    )
    return sums


@dataclass(frozen=True, slots=True, eq=False)
class InputMaps:
    """The input maps of two masks: kept fractions, averaged over channels."""

    a_HW: NDArray[np.float64]
    b_HW: NDArray[np.float64]

    @property
    def difference_HW(self) -> NDArray[np.float64]:
        """Kept fraction of A minus that of B."""
        return self.a_HW - self.b_HW

    def picture(self, which: Literal["a", "b", "difference"]) -> Picture:
        """Return one of the pictures; those of A and B share a scale."""
        if which == "difference":
            return difference_picture(self.difference_HW)
        high = float(max(self.a_HW.max(), self.b_HW.max())) or 1.0
        map_HW = self.a_HW if which == "a" else self.b_HW
        return Picture(to_indices(map_HW, 0, high), 0, high, "fraction kept", "grey")


def input_maps(a: Mask, b: Mask) -> InputMaps | str:
    """Return the input maps of two masks of one network, or why there are none."""
    a_CHW, b_CHW = (mask.scored.input_fractions(mask.num_kept) for mask in (a, b))
    if isinstance(a_CHW, str):
        return a_CHW
    if isinstance(b_CHW, str):
        return b_CHW
    return InputMaps(a_CHW.mean(axis=0), b_CHW.mean(axis=0))


def difference_picture(difference_HW: NDArray[np.float64]) -> Picture:
    """Return a picture of signed values; 0 has the middle index."""
    most = float(np.abs(difference_HW).max(initial=0.0)) or 1.0
    return Picture(to_indices(difference_HW, -most, most), -most, most, "A − B", "diverging")


def relation_table(
    *, nothing: Rgb, neither: Rgb, both: Rgb, only_a: Rgb, only_b: Rgb
) -> NDArray[np.uint8]:
    """Return the (256, 3) colour table for pictures of two masks."""
    table = np.empty((256, 3), np.uint8)
    table[:] = neither
    table[0] = nothing
    # At least a quarter of full strength, so that a single connection in a block is visible.
    strength = np.linspace(0.25, 1, _LEVELS)[:, None]
    for last, colour in ((BOTH, both), (ONLY_A, only_a), (ONLY_B, only_b)):
        mixed = np.array(neither) + strength * (np.array(colour) - np.array(neither))
        table[last - _LEVELS + 1 : last + 1] = np.rint(mixed)
    return table


def diverging_table(*, nothing: Rgb, neutral: Rgb, only_a: Rgb, only_b: Rgb) -> NDArray[np.uint8]:
    """Return the (256, 3) colour table of signed values: B's colour below 0, A's above."""
    table = np.empty((256, 3), np.uint8)
    where = np.linspace(-1, 1, 255)
    for channel in range(3):
        ends = [only_b[channel], neutral[channel], only_a[channel]]
        table[1:, channel] = np.rint(np.interp(where, [-1, 0, 1], ends))
    table[0] = nothing
    return table
