"""Layers with too many connections to be drawn as a single picture.

Zoomed out, a layer is drawn from a `Level`: values of small blocks of connections, gathered once in
the background. Zoomed in, only the visible part is drawn, from the connections themselves.

Shapes: H rows and W columns of the plane, or of the part being drawn.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from snip_gui.core.base.events import Event
from snip_gui.core.pruning.edits.edited import EditedRanking
from snip_gui.core.views.picture import Picture, to_indices
from snip_gui.core.views.weight_canvas import (
    NO_SCORES,
    ScoreColours,
    block_max,
    block_mean,
    find_score_colours,
)
from snip_gui.core.views.weight_values import NO_GRADIENT, NOT_NESTED, block_means, colour_limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.views.arrangement import Arrangement, Rectangle
    from snip_gui.core.views.picture import PaletteName

Look: TypeAlias = Literal["mask", "kept-sensitivity", "sensitivity", "weight", "gradient", "leaves"]

LARGE = 8_000_000
"""Number of connections from which a matrix is drawn in this way."""
BLOCK = 4
"""Side, in canvas pixels, of the blocks of a `Level`."""

_ROWS_AT_ONCE = 256  # a multiple of the block; bounds memory, and the time until cancelled


@dataclass(frozen=True, eq=False)
class Level:
    """Values of the blocks of a layer.

    Attributes
    ----------
    num_kept
        Number kept, for pictures that follow the slider; 0 for others.
    block_HW
        float32, one value for each block of `BLOCK` by `BLOCK` connections.
    low, high
        Ends of the colour scale; for scores, see ``colours``.
    colours
        Colour scale of scores; None for other pictures.
    """

    arrangement: Arrangement
    look: Look
    num_kept: int
    block_HW: NDArray[np.float32]
    low: float
    high: float
    colours: ScoreColours | None = None

    def picture(self, factor: int) -> Picture:
        """Return a picture in blocks of ``factor`` connections per side, a multiple of `BLOCK`."""
        return self._pictures(max(1, factor // BLOCK))

    @functools.cached_property
    def _known(self) -> dict[int, Picture]:
        return {}

    def _pictures(self, times: int) -> Picture:
        if times not in self._known:
            self._known[times] = self._made(times)
        return self._known[times]

    def _made(self, times: int) -> Picture:
        block = (times, times)
        if self.colours is not None:
            return _score_picture(block_max(self.block_HW, block), self.colours)
        values_HW = block_means(self.block_HW, block)
        high = self.high
        if self.look == "mask":  # up to the largest fraction, as for smaller layers
            high = float(values_HW.max(initial=0.0)) or 1.0
        return _linear_picture(values_HW, self.look, self.low, high)


@dataclass(frozen=True, eq=False)
class LargeCanvas:
    """A matrix with very many connections."""

    arrangement: Arrangement
    scored: Scored

    def part(self, look: Look, num_kept: int, part: Rectangle, factor: int) -> Picture | str:
        """Return a picture of a part of the plane, or the reason that there is none.

        Parameters
        ----------
        part
            Row, column, height and width; corners are at multiples of ``factor`` or at the edge of
            the plane.
        factor
            Connections per side of a picture pixel: 1 or 2.
        """
        values_HW = self._values(look, num_kept, part)
        if isinstance(values_HW, str):
            return values_HW
        low, high = self.limits(look)
        block = (factor, factor)
        colours = self._get_colours(look)
        if colours is not None:
            return _score_picture(block_max(values_HW, block), colours)
        if look == "mask" and factor == 1:
            return Picture(1 + values_HW.astype(np.uint8) * np.uint8(254), 0, 1, "kept", "mask")
        return _linear_picture(_means(values_HW, block), look, low, high)

    def edits(self, part: Rectangle, factor: int) -> NDArray[np.uint8] | None:
        """Return what edits do to each block of a part (see `edit_states`); None without edits."""
        if not isinstance(self.scored.masks, EditedRanking):
            return None
        key = (part, factor)
        if self._edits.get("key") != key:
            state = self.scored.masks.get_states(self.arrangement.tensor)
            state_HW = block_max(self._arrange(part, state), (factor, factor))
            self._edits.update(key=key, state_HW=np.ascontiguousarray(state_HW))
        found: NDArray[np.uint8] = self._edits["state_HW"]
        return found

    @functools.cached_property
    def _edits(self) -> dict[str, Any]:
        """The last result of `edits`: the slider moves more often than the view."""
        return {}

    def level(self, look: Look, num_kept: int, cancel: CancelToken) -> Level | str:
        """Return the blocks of the whole plane; slow.

        Raises
        ------
        Cancelled
            If cancelled meanwhile.
        """
        height, width = self.arrangement.size
        rows: list[NDArray[np.float32]] = []
        colours = self._get_colours(look)
        reduce = block_max if colours is not None else _means
        for top in range(0, height, _ROWS_AT_ONCE):
            cancel.raise_if_cancelled()
            part = (top, 0, min(_ROWS_AT_ONCE, height - top), width)
            values_HW = self._values(look, num_kept, part)
            if isinstance(values_HW, str):
                return values_HW
            rows.append(np.asarray(reduce(values_HW, (BLOCK, BLOCK)), np.float32))
        low, high = self.limits(look)
        kept = num_kept if look in ("mask", "kept-sensitivity") else 0
        return Level(self.arrangement, look, kept, np.concatenate(rows), low, high, colours)

    def _get_colours(self, look: Look) -> ScoreColours | None:
        """Return the colour scale of a picture of scores; None for other pictures."""
        return self._score_colours if look in ("sensitivity", "kept-sensitivity") else None

    def limits(self, look: Look) -> tuple[float, float]:
        """Return the ends of the colour scale of pictures other than scores."""
        if look not in ("weight", "gradient"):
            return 0.0, 1.0
        most = self._most_weight if look == "weight" else self._most_gradient
        return -most, most

    @functools.cached_property
    def _score_colours(self) -> ScoreColours | None:
        """Colour scale of scores; None for a method without scores."""
        tensor, scores = self.arrangement.tensor, self.scored.masks.scores
        if scores is None:
            return None
        return find_score_colours(scores[tensor.offset : tensor.end], self.scored.score_name)

    @functools.cached_property
    def _most_weight(self) -> float:
        tensor = self.arrangement.tensor
        return colour_limit(self.scored.weight_M[tensor.offset : tensor.end])

    @functools.cached_property
    def _most_gradient(self) -> float:
        tensor, gradient_M = self.arrangement.tensor, self.scored.gradient_M
        return 1.0 if gradient_M is None else colour_limit(gradient_M[tensor.offset : tensor.end])

    def _values(self, look: Look, num_kept: int, part: Rectangle) -> NDArray[Any] | str:
        """Return the value of each connection in a part of the plane; bool for a mask."""
        masks, tensor = self.scored.masks, self.arrangement.tensor
        arrange = functools.partial(self._arrange, part)
        match look:
            case "mask":
                return masks.cutter(tensor, arrange)(num_kept)
            case "sensitivity":
                return NO_SCORES if masks.scores is None else self._cut(masks.scores, part)
            case "kept-sensitivity":
                if masks.scores is None:
                    return NO_SCORES
                kept_HW = masks.cutter(tensor, arrange)(num_kept)
                return np.where(kept_HW, self._cut(masks.scores, part), np.float32(-np.inf))
            case "leaves":
                leaves = masks.removal(tensor, arrange)
                return NOT_NESTED if leaves is None else leaves
            case "weight":
                return self._cut(self.scored.weight_M, part)
        if self.scored.gradient_M is None:
            return NO_GRADIENT
        return self._cut(self.scored.gradient_M, part)

    def _cut(self, flat_M: NDArray[Any], part: Rectangle) -> NDArray[Any]:
        """Return a part of the plane, given flat values."""
        tensor = self.arrangement.tensor
        return self._arrange(part, flat_M[tensor.offset : tensor.end])

    def _arrange(self, part: Rectangle, values: NDArray[Any]) -> NDArray[Any]:
        """Return a part of the plane, given the tensor's values."""
        plane, tensor = self.arrangement, self.arrangement.tensor
        top, left, height, width = part
        matrix_OI = values.reshape(tensor.shape[:2])
        rows = slice(top, top + height) if plane.units is None else plane.units[top : top + height]
        cut = matrix_OI[rows]
        columns = slice(left, left + width)
        return cut[:, columns if plane.sources is None else plane.sources[columns]]


def make_level(
    canvas: LargeCanvas, look: Look, num_kept: int, cancel: CancelToken
) -> Iterator[Event]:
    """Compute a level and its pictures; ends with `LevelMade`."""
    level = canvas.level(look, num_kept, cancel)
    if not isinstance(level, str):
        factor = BLOCK
        while factor < max(canvas.arrangement.size):
            level.picture(factor)
            factor *= 2
    yield LevelMade(look, level)


def aligned(part: Rectangle, factor: int, size: tuple[int, int]) -> Rectangle:
    """Return a part, enlarged so that its corners are at multiples of ``factor``."""
    top, left, height, width = part
    around, aside = height // 8, width // 8
    first_row, first_column = (
        max(0, (at - by) // factor * factor) for at, by in ((top, around), (left, aside))
    )
    last_row = min(size[0], -(-(top + height + around) // factor) * factor)
    last_column = min(size[1], -(-(left + width + aside) // factor) * factor)
    return first_row, first_column, last_row - first_row, last_column - first_column


def _means(values_HW: NDArray[Any], block: tuple[int, int]) -> NDArray[np.float32]:
    if values_HW.dtype == bool:
        return block_mean(np.ascontiguousarray(values_HW), block)
    return block_means(values_HW, block)


def _score_picture(score_HW: NDArray[np.float32], colours: ScoreColours) -> Picture:
    """Return a picture of scores; on a logarithmic scale, only of positive ones."""
    drawn_HW = score_HW > (0 if colours.is_log else -np.inf)
    score_HW = np.where(drawn_HW, score_HW, np.float32(0))
    return colours.picture(colours.to_indices(score_HW) * drawn_HW)


def _linear_picture(values_HW: NDArray[np.float32], look: Look, low: float, high: float) -> Picture:
    label = {"mask": "fraction kept", "leaves": "removal sparsity"}.get(look, look)
    palettes: dict[str, PaletteName] = {"mask": "density", "leaves": "viridis"}
    palette = palettes.get(look, "diverging")
    is_share = palette != "diverging"
    return Picture(to_indices(values_HW, low, high), low, high, label, palette, is_share=is_share)


@dataclass(frozen=True, slots=True, eq=False)
class LevelMade(Event):
    """The level of a large layer, or the reason that there is none."""

    look: str
    level: Level | str
