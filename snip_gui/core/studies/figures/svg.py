"""Drawings as SVG."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from PIL import Image

from snip_gui.core.base.text import to_visible
from snip_gui.core.studies.figures.drawing import Box, Dot, Line, Raster, Words

if TYPE_CHECKING:
    from snip_gui.core.studies.figures.drawing import Colour, Drawing, Shape


def to_svg(drawing: Drawing) -> str:
    """Return a drawing as an SVG document that refers to nothing outside itself."""
    size = f'width="{drawing.width:g}" height="{drawing.height:g}"'
    view = f'viewBox="0 0 {drawing.width:g} {drawing.height:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{size} {view} font-family="DejaVu Sans, Helvetica, Arial, sans-serif">',
        f'<rect {size} fill="{_hex(drawing.paper)}"/>',
        *(_element(shape) for shape in drawing.shapes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _element(shape: Shape) -> str:
    match shape:
        case Line():
            points = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.points)
            dashes = ""
            if shape.dashes:
                dashes = f' stroke-dasharray="{shape.dashes[0]:g} {shape.dashes[1]:g}"'
            return (
                f'<polyline points="{points}" fill="none" stroke="{_hex(shape.colour)}" '
                f'stroke-width="{shape.width:g}" stroke-linejoin="round"{dashes}/>'
            )
        case Dot():
            colour = _hex(shape.colour)
            fill = colour if shape.is_filled else "none"
            return (
                f'<circle cx="{shape.x:.2f}" cy="{shape.y:.2f}" r="{shape.radius:g}" '
                f'fill="{fill}" stroke="{colour}" stroke-width="1.5"/>'
            )
        case Box():
            return (
                f'<rect x="{shape.x:.2f}" y="{shape.y:.2f}" width="{shape.width:.2f}" '
                f'height="{shape.height:.2f}" fill="{_hex(shape.colour)}"/>'
            )
        case Words():
            return (
                f'<text x="{shape.x:.2f}" y="{shape.y:.2f}" font-size="{shape.size:g}" '
                f'fill="{_hex(shape.colour)}" text-anchor="{shape.anchor}">'
                f"{escape(to_visible(shape.text))}</text>"
            )
        case Raster():
            data = io.BytesIO()
            side = round(shape.side)
            # Enlarged here, because viewers differ in whether they smooth the pixels.
            picture = Image.fromarray(shape.grey_HW).resize((side, side), Image.Resampling.NEAREST)
            picture.save(data, "PNG")
            text = base64.b64encode(data.getvalue()).decode("ascii")
            return (
                f'<image x="{shape.x:.2f}" y="{shape.y:.2f}" width="{side}" height="{side}" '
                f'xlink:href="data:image/png;base64,{text}"/>'
            )


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
