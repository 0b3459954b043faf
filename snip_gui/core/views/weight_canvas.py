"""Pictures of the connections of a layer, for any number of kept connections.

A canvas is created once per layer; with a ranking, a picture is then a single comparison of ranks.
Connections are arranged by `snip_gui.core.views.arrangement`.

Shapes: H rows and W columns of the canvas.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np

from snip_gui.core.pruning.mask_source import removed_value
from snip_gui.core.views.picture import Picture, to_indices
from snip_gui.core.views.weight_values import colour_limit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import TensorSpec
    from snip_gui.core.pruning.mask_source import Cutter, MaskSource
    from snip_gui.core.views.arrangement import Arrangement

T = TypeVar("T", bound=np.generic)

Colours: TypeAlias = Literal["mask", "kept-sensitivity", "sensitivity"]

NO_SCORES = "This method gives connections no scores."
_LARGEST_SIDE = 2048
_SAMPLE = 400_000


@dataclass(frozen=True, slots=True)
class ScoreColours:
    """The colour scale of scores: logarithmic, or symmetric around zero if some are negative.

    Attributes
    ----------
    low, high
        Ends of the colour scale; base-10 logarithms if it is logarithmic.
    label
        Name of the scores, for the colour bar.
    """

    low: float
    high: float
    label: str
    is_log: bool = True

    def to_indices(self, score: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Map scores to indices 1 to 255; exact zeros get the lowest on a log scale."""
        if not self.is_log:
            return to_indices(score, self.low, self.high)
        with np.errstate(divide="ignore"):
            logarithm = np.log10(score)
        return to_indices(np.maximum(logarithm, np.float32(self.low)), self.low, self.high)

    def picture(self, index_HW: NDArray[np.uint8]) -> Picture:
        """Return a picture of colour indices."""
        if self.is_log:
            return Picture(index_HW, self.low, self.high, self.label, "viridis", "log")
        return Picture(index_HW, self.low, self.high, self.label, "diverging", is_share=False)


@dataclass(frozen=True, eq=False)
class WeightCanvas:
    """A tensor, arranged on a plane.

    Attributes
    ----------
    arrangement
        The weight tensor, and the positions of its connections.
    cut
        Function from the number kept to the arranged mask (H, W).
    colours
        Colour scale of scores; None for a method without scores.
    score_HW
        uint8 colour indices of the scores; empty without scores.
    block
        Canvas pixels per picture pixel, vertically and horizontally. If above 1, a picture pixel
        shows the fraction kept or the highest score of a block.
    reductions
        The same canvas with larger blocks, cached.
    """

    arrangement: Arrangement
    cut: Cutter
    colours: ScoreColours | None
    score_HW: NDArray[np.uint8]
    block: tuple[int, int]
    reductions: dict[tuple[int, int], WeightCanvas] = field(default_factory=dict)

    @property
    def tensor(self) -> TensorSpec:
        """The weight tensor."""
        return self.arrangement.tensor

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the canvas, in canvas pixels."""
        return self.arrangement.size

    def reduced(self, factor: int) -> WeightCanvas:
        """Return the canvas with blocks of at least ``factor`` pixels per side."""
        block = reduced_block(self.arrangement, factor)
        if block == self.block:
            return self
        # Cached, with all that each has computed, because users zoom in and out.
        self.reductions.setdefault(self.block, self)
        if block not in self.reductions:
            self.reductions[block] = replace(self, block=block)
        return self.reductions[block]

    @functools.cached_property
    def _there(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
        """Inverse of the fraction of each block that contains connections, and whether any does.

        None if the plane has no gaps.
        """
        if self.arrangement.has_no_gaps:
            return None
        present_HW = block_mean(self.arrangement.present_HW.view(bool), self.block)
        holds_HW = present_HW > 0
        inverse_HW = np.divide(1, present_HW, out=np.zeros_like(present_HW), where=holds_HW)
        return inverse_HW, holds_HW.view(np.uint8)

    def picture(self, num_kept: int, look: Colours) -> Picture | str:
        """Return the picture with ``num_kept`` connections of the whole network kept.

        For scores, a sentence if the method has none.
        """
        if look != "mask" and self.colours is None:
            return NO_SCORES
        if self.colours is not None and look == "sensitivity":
            return self._scores(self.colours, self.score_HW)
        kept_HW = self.cut(num_kept)
        if self.colours is not None and look == "kept-sensitivity":
            return self._scores(self.colours, self.score_HW * kept_HW)
        if self.block == (1, 1):
            return Picture(
                self.arrangement.present_HW + kept_HW * np.uint8(254), 0, 1, "kept", "mask"
            )
        return self._density(kept_HW)

    def _density(self, kept_HW: NDArray[np.bool_]) -> Picture:
        """Return a picture of the kept fraction of each block."""
        share_HW = block_mean(kept_HW, self.block)
        there = self._there
        if there is not None:
            share_HW *= there[0]
        # Scaled to the largest fraction: on a scale to 1, a very sparse layer would look empty.
        most = float(share_HW.max(initial=0.0)) or 1.0
        # In place, because this follows the slider, and allocation takes longer than arithmetic.
        share_HW *= np.float32(254 / most)
        share_HW += np.float32(1.5)
        index_HW = share_HW.astype(np.uint8)
        if there is not None:
            index_HW *= there[1]
        return Picture(index_HW, 0, most, "fraction kept", "density")

    def _scores(self, colours: ScoreColours, index_HW: NDArray[np.uint8]) -> Picture:
        """Return a picture of scores."""
        if self.block != (1, 1):
            index_HW = block_max(index_HW, self.block)
        return colours.picture(index_HW)

    def position_at(self, row: int, column: int) -> tuple[int, ...] | None:
        """Return the position in the tensor under a canvas pixel; None in a gap or outside."""
        return self.arrangement.position_at(row, column)


def weight_canvas(
    masks: MaskSource, arrangement: Arrangement, score_name: str = "sensitivity"
) -> WeightCanvas:
    """Arrange a weight tensor of the masks of a network.

    Parameters
    ----------
    score_name
        Name of the scores, for the colour bar.
    """
    tensor, colours = arrangement.tensor, None
    score_HW = np.zeros((0, 0), np.uint8)
    if masks.scores is not None:
        score = masks.scores[tensor.offset : tensor.end]
        colours = find_score_colours(score, score_name)
        score_HW = arrangement.place(colours.to_indices(score), 0)
    return WeightCanvas(
        arrangement=arrangement,
        cut=lay_out_kept(masks, arrangement),
        colours=colours,
        score_HW=score_HW,
        block=reduced_block(arrangement, 1),
    )


def edit_picture(
    state: NDArray[np.uint8], arrangement: Arrangement, block: tuple[int, int]
) -> NDArray[np.uint8]:
    """Arrange what edits do to each connection (see `edit_states`), 0 in gaps.

    A block shows an edit of any of its connections, so that single ones are seen.
    """
    state_HW = arrangement.place(state, 0)
    return np.ascontiguousarray(block_max(state_HW, block))


def lay_out_kept(masks: MaskSource, arrangement: Arrangement) -> Cutter:
    """Return a function from the number kept to the arranged mask (H, W), False in gaps."""

    def place(values: NDArray[Any]) -> NDArray[Any]:
        return arrangement.place(values, removed_value(values.dtype))

    return masks.cutter(arrangement.tensor, place)


def reduced_block(arrangement: Arrangement, factor: int) -> tuple[int, int]:
    """Return the size of blocks of at least ``factor`` pixels per side.

    Blocks are whole kernels if the arrangement shows each kernel as one block, and large enough to
    limit the size of a picture.
    """
    down, across = (-(-side // _LARGEST_SIDE) for side in arrangement.size)
    high, wide = arrangement.least_block
    down, across = max(down, factor, high), max(across, factor, wide)
    return -(-down // high) * high, -(-across // wide) * wide


def find_score_colours(score: NDArray[np.float32], label: str) -> ScoreColours:
    """Return the colour scale for the scores of a layer, given as a flat array.

    A logarithmic scale spans the 1 % quantile of nonzero scores to the largest score, so that a few
    tiny scores do not stretch it.
    """
    if score.size and score.min() < 0:
        most = colour_limit(score)
        return ScoreColours(-most, most, label, is_log=False)
    most = float(score.max(initial=0.0))
    if most == 0:
        return ScoreColours(-1.0, 0.0, label)
    high = float(np.log10(most))
    sample = score[:: max(1, score.size // _SAMPLE)]
    low = float(np.log10(np.quantile(sample[sample > 0], 0.01))) if sample.any() else high - 1
    return ScoreColours(low, high if high > low else low + 1, label)


def block_mean(kept_HW: NDArray[np.bool_], block: tuple[int, int]) -> NDArray[np.float32]:
    """Return the kept fraction of each block; the last blocks may be smaller."""
    down, across = block
    height, width = kept_HW.shape
    num_rows, num_columns = -(-height // down), -(-width // across)
    # One addition of bytes per position in a block: ten times faster than `numpy.add.reduceat`.
    dtype = np.min_scalar_type(down * across)
    byte_HW = kept_HW.view(np.uint8)  # adding booleans to bytes would convert them one by one
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
    """Return the highest value of each block; the last blocks may be smaller."""
    if block == (1, 1):
        return index_HW
    down, across = block
    height, width = index_HW.shape
    lowest = -np.inf if index_HW.dtype.kind == "f" else 0
    rows = np.full((-(-height // down), width), lowest, index_HW.dtype)
    for first in range(down):
        part = index_HW[first::down]
        np.maximum(rows[: len(part)], part, out=rows[: len(part)])
    most = np.full((len(rows), -(-width // across)), lowest, index_HW.dtype)
    for first in range(across):
        part = rows[:, first::across]
        np.maximum(most[:, : part.shape[1]], part, out=most[:, : part.shape[1]])
    return most
