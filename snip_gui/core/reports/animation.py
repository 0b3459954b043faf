"""The picture of a mask from the dense network to the sparsest one, as an animated GIF or PNG.

Shapes: H rows and W columns of a frame, in pixels.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.files import write_bytes
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.views.arrangement import Arrangement
from snip_gui.core.views.input_map import map_picture
from snip_gui.core.views.picture import colour_table
from snip_gui.core.views.png_files import font
from snip_gui.core.views.weight_canvas import weight_canvas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.views.input_map import MapScale
    from snip_gui.core.views.picture import Picture

ENDINGS = {".gif": "Animated GIF", ".png": "Animated PNG"}
FRAME_MS = 80

_HOLD_MS = 1500  # the last frame
_SIDE = 448  # of the picture, in pixels
_MARGIN, _ABOVE, _BELOW = 20, 44, 76
_Rgb: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnimatedView:
    """What is shown, and in which colours.

    Attributes
    ----------
    tensor
        Key of the weight whose mask is shown; empty for the input map.
    unit
        Unit whose input map is shown; None for all units.
    scale
        See `map_picture`.
    kept, removed, nothing
        Colours of kept and removed connections, and of gaps.
    paper, ink
        Colours of background and text.
    """

    tensor: str = ""
    unit: int | None = None
    scale: MapScale = "own-maximum"
    kept: _Rgb = (255, 200, 87)
    removed: _Rgb = (26, 32, 44)
    nothing: _Rgb = (0, 0, 0)
    paper: _Rgb = (255, 255, 255)
    ink: _Rgb = (34, 40, 49)


@dataclass(frozen=True, slots=True)
class AnimationSaved(Event):
    """An animation was written."""

    path: Path


def animation_steps(
    scored: Scored,
    view: AnimatedView,
    sparsities: Sequence[float],
    path: Path,
    cancel: CancelToken,
) -> Iterator[Event]:
    """Draw a frame for each sparsity and write them to a file; ends with `AnimationSaved`.

    Raises
    ------
    UserError
        If the file cannot be written, for instance because the disk is full; an old file is then
        untouched.
    Cancelled
        If cancelled meanwhile.
    """
    draw = _frame_painter(scored, view)
    frames = []
    for number, sparsity in enumerate(sparsities):
        cancel.raise_if_cancelled()
        yield Progress("Drawing the animation", number, len(sparsities))
        frames.append(draw(sparsity, number / max(1, len(sparsities) - 1)))
    yield Progress("Writing the animation", len(sparsities), len(sparsities))
    write_bytes(path, _encode(frames, path.suffix.lower(), cancel))
    yield AnimationSaved(path)


def _frame_painter(scored: Scored, view: AnimatedView) -> Callable[[float, float], Image.Image]:
    """Return a function from sparsity and position of the slider to a frame.

    A network without an input map shows the weights of its first layer instead.
    """
    tensor = view.tensor
    if not tensor and isinstance(scored.input_fractions(1), str):
        tensor = scored.layout.weights[0].name
    title = scored.model.title
    if tensor:
        spec = scored.layout[tensor]
        canvas = weight_canvas(scored.masks, Arrangement(spec))
        canvas = canvas.reduced(-(-max(canvas.size) // _SIDE))
        title = f"{title}, {spec.label}"
    elif view.unit is not None:
        title = f"{title}, unit {view.unit}"

    def picture_at(num_kept: int) -> Picture:
        if tensor:
            found = canvas.picture(num_kept, "mask")
            assert not isinstance(found, str)
            return found
        fractions = scored.input_fractions(num_kept, view.unit)
        assert not isinstance(fractions, str)
        return map_picture(fractions, view.scale)

    total = scored.layout.num_parameters

    def paint(sparsity: float, share: float) -> Image.Image:
        num_kept = max(1, scored.num_kept_at(sparsity))
        picture = picture_at(num_kept)
        kept = f"{sparsity_text(1 - num_kept / total)} removed, {num_kept:,} of {total:,} kept"
        return _frame(picture, view, (title, kept, _legend(picture)), share)

    return paint


def _legend(picture: Picture) -> str:
    """Return what the colours of a picture mean."""
    if picture.palette == "grey":
        return f"white: {picture.high:.1%} of a pixel's connections kept; black: none"
    if picture.palette == "density":
        return f"brightest: {picture.high:.1%} of the connections kept"
    return "each pixel is a connection: kept or removed"


def _frame(
    picture: Picture, view: AnimatedView, texts: tuple[str, str, str], share: float
) -> Image.Image:
    """Draw a frame: title, picture, number kept, legend and the position of the slider."""
    table = colour_table(
        picture.palette,
        nothing=(0, 0, 0) if picture.palette == "grey" else view.nothing,
        removed=view.removed,
        kept=view.kept,
    )
    pixels: NDArray[np.uint8] = table[picture.index_HW]
    factor = max(1, _SIDE // max(pixels.shape[:2]))
    pixels = pixels.repeat(factor, 0).repeat(factor, 1)
    height, width = pixels.shape[:2]
    room = max(width, _SIDE)
    image = Image.new("RGB", (room + 2 * _MARGIN, height + _ABOVE + _BELOW), view.paper)
    draw = ImageDraw.Draw(image)
    title, kept, legend = texts
    draw.text((_MARGIN, 14), title, view.ink, font(16))
    left = _MARGIN + (room - width) // 2
    # A frame, so that the edge of the picture is seen on any background.
    box = (left - 1, _ABOVE - 1, left + width, _ABOVE + height)
    draw.rectangle(box, outline=view.ink)
    image.paste(Image.fromarray(np.ascontiguousarray(pixels)), (left, _ABOVE))
    top = _ABOVE + height + 10
    draw.text((_MARGIN, top), kept, view.ink, font(16))
    draw.text((_MARGIN, top + 24), legend, view.ink, font(12))
    track = top + 50
    draw.line((_MARGIN, track, _MARGIN + room, track), view.ink, 1)
    at = _MARGIN + round(room * share)
    draw.ellipse((at - 5, track - 5, at + 5, track + 5), view.kept, view.ink)
    return image


class _Frames:
    """Frames that Pillow may iterate over more than once; raises `Cancelled` if cancelled."""

    def __init__(self, frames: Sequence[Image.Image], cancel: CancelToken) -> None:
        self._frames, self._cancel = frames, cancel

    def __iter__(self) -> Iterator[Image.Image]:
        for frame in self._frames:
            self._cancel.raise_if_cancelled()
            yield frame


def _encode(frames: Sequence[Image.Image], suffix: str, cancel: CancelToken) -> bytes:
    """Return frames as the contents of a file that repeats forever."""
    durations = [FRAME_MS] * (len(frames) - 1) + [_HOLD_MS]
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        "GIF" if suffix == ".gif" else "PNG",
        save_all=True,
        append_images=_Frames(frames[1:], cancel),
        duration=durations,
        loop=0,
    )
    return buffer.getvalue()
