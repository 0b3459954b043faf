"""Drawings as PNG, drawn with Pillow."""

from __future__ import annotations

import io
import itertools
import math
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from snip_gui.core.base.text import to_visible
from snip_gui.core.studies.figures.drawing import Box, Dot, Line, Raster, Words
from snip_gui.core.views.png_files import font

if TYPE_CHECKING:
    from snip_gui.core.studies.figures.drawing import Drawing

SCALE = 2
"""Pixels of the file for each pixel of the drawing, so that it is sharp on paper."""

_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def to_png(drawing: Drawing, scale: int = SCALE) -> bytes:
    """Return a drawing as the bytes of a PNG file."""
    size = (round(drawing.width * scale), round(drawing.height * scale))
    image = Image.new("RGB", size, drawing.paper)
    draw = ImageDraw.Draw(image)
    for shape in drawing.shapes:
        match shape:
            case Line():
                points = [(x * scale, y * scale) for x, y in shape.points]
                width = max(1, round(shape.width * scale))
                if shape.dashes is None:
                    draw.line(points, shape.colour, width, "curve")
                else:
                    on, off = (length * scale for length in shape.dashes)
                    for part in _dashed(points, on, off):
                        draw.line(part, shape.colour, width)
            case Dot():
                box = [
                    (shape.x - shape.radius) * scale, (shape.y - shape.radius) * scale,
                    (shape.x + shape.radius) * scale, (shape.y + shape.radius) * scale,
                ]  # fmt: skip
                fill = shape.colour if shape.is_filled else None
                draw.ellipse(box, fill, shape.colour, round(1.5 * scale))
            case Box():
                right, bottom = shape.x + shape.width, shape.y + shape.height
                corners = [shape.x * scale, shape.y * scale, right * scale - 1, bottom * scale - 1]
                if corners[2] >= corners[0] and corners[3] >= corners[1]:
                    draw.rectangle(corners, shape.colour)
            case Words():
                place = (shape.x * scale, shape.y * scale)
                letters = font(round(shape.size * scale))
                anchor = _ANCHORS[shape.anchor]
                draw.text(place, to_visible(shape.text), shape.colour, letters, anchor=anchor)
            case Raster():
                side = round(shape.side * scale)
                picture = Image.fromarray(shape.grey_HW)
                picture = picture.resize((side, side), Image.Resampling.NEAREST)
                image.paste(picture, (round(shape.x * scale), round(shape.y * scale)))
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    return data.getvalue()


def _dashed(
    points: list[tuple[float, float]], on: float, off: float
) -> list[list[tuple[float, float]]]:
    """Return the dashes of a line, each as its two ends."""
    parts: list[list[tuple[float, float]]] = []
    done = 0.0  # length so far, within a dash and a gap
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        length = math.hypot(to_x - x, to_y - y)
        place = -done
        while place < length:
            begin, end = max(0.0, place), min(length, place + on)
            if end > begin:
                shares = (begin / length, end / length)
                parts.append([(x + (to_x - x) * s, y + (to_y - y) * s) for s in shares])
            place += on + off
        done = (done + length) % (on + off)
    return parts
