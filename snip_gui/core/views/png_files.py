"""The pictures of a run folder as PNG files, drawn with Pillow, without a window."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from snip_gui.core.base.files import replacing
from snip_gui.core.views.input_map import map_picture
from snip_gui.core.views.picture import colour_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.pruning.layer_table import LayerRow
    from snip_gui.core.training.metrics import MetricPoint

_INK, _FAINT, _PAPER = (34, 40, 49), (214, 219, 226), (255, 255, 255)
_SPLIT_COLOURS = {  # the colour-blind safe palette of Okabe and Ito
    "train": (0, 114, 178),
    "validation": (230, 159, 0),
    "test": (0, 158, 115),
}


def save_input_map(path: Path, fraction_CHW: NDArray[np.float64], title: str) -> None:
    """Draw the input map as in figure 2 of the paper, divided by its maximum."""
    picture = map_picture(fraction_CHW, "own-maximum")
    side = 448
    factor = max(1, side // max(picture.index_HW.shape))
    pixels = colour_table("grey")[picture.index_HW].repeat(factor, 0).repeat(factor, 1)
    height, width = pixels.shape[:2]
    image = Image.new("RGB", (width + 40, height + 86), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((20, 14), title, _INK, font(15))
    image.paste(Image.fromarray(pixels), (20, 42))
    text = f"white: {picture.high:.1%} of a pixel's connections kept; black: none"
    draw.text((20, height + 54), text, _INK, font(13))
    _save(path, image)


def save_layer_bars(path: Path, rows: Sequence[LayerRow], title: str) -> None:
    """Draw the sparsity of each layer as a bar."""
    image = Image.new("RGB", (640, 60 + 34 * len(rows)), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((20, 14), title, _INK, font(15))
    for number, row in enumerate(rows):
        top = 48 + 34 * number
        draw.text((20, top + 3), row.layer, _INK, font(14))
        draw.rectangle((110, top, 410, top + 22), _FAINT)
        draw.rectangle((110, top, 110 + round(300 * row.sparsity), top + 22), (86, 98, 122))
        text = f"{row.sparsity_text}   {row.kept:,} of {row.total:,} kept"
        draw.text((422, top + 3), text, _INK, font(13))
    _save(path, image)


def save_curves(path: Path, points: Sequence[MetricPoint], title: str) -> None:
    """Draw loss and error over epochs, one line per split."""
    image = Image.new("RGB", (1000, 440), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((20, 14), title, _INK, font(15))
    for left, label, values in (
        (70, "loss", [p.loss for p in points]),
        (570, "error, %", [100 * p.error for p in points]),
    ):
        _chart(draw, (left, 64, left + 400, 370), label, points, values)
    for number, (split, colour) in enumerate(_SPLIT_COLOURS.items()):
        left = 70 + 130 * number
        draw.line((left, 422, left + 24, 422), colour, 3)
        draw.text((left + 32, 413), split, _INK, font(13))
    _save(path, image)


def _chart(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    label: str,
    points: Sequence[MetricPoint],
    values: Sequence[float],
) -> None:
    """Draw one chart into a box."""
    left, top, right, bottom = box
    right_epoch = max((p.epoch for p in points), default=1) or 1
    finite = [value for value in values if math.isfinite(value)]
    high = _nice(max(finite, default=1) or 1)
    draw.text((left, top - 22), label, _INK, font(14))
    for part in range(5):
        y = bottom - (bottom - top) * part / 4
        draw.line((left, y, right, y), _FAINT)
        draw.text((left - 8, y), f"{high * part / 4:.3g}", _INK, font(12), anchor="rm")
    for part in range(3):
        x = left + (right - left) * part / 2
        draw.text((x, bottom + 6), f"{right_epoch * part / 2:.3g}", _INK, font(12), anchor="ma")
    draw.text(((left + right) / 2 + 40, bottom + 6), "epochs", _INK, font(12), anchor="la")
    for split, colour in _SPLIT_COLOURS.items():
        line = [
            (left + (right - left) * p.epoch / right_epoch, bottom - (bottom - top) * value / high)
            for p, value in zip(points, values, strict=True)
            if p.split == split and math.isfinite(value)
        ]
        if len(line) > 1:
            draw.line(line, colour, 2, "curve")


def _nice(value: float) -> float:
    """Round up to 1, 2, 4, 5, 8 or 10 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's built-in font."""
    return ImageFont.load_default(size)


def _save(path: Path, image: Image.Image) -> None:
    """Write a PNG file atomically."""
    with replacing(path) as part:
        image.save(part, "PNG")
