"""Writes figures to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import write_bytes, write_text
from snip_gui.core.studies.figures.drawing import LIGHT
from snip_gui.core.studies.figures.layout import HEIGHT, WIDTH, lay_out
from snip_gui.core.studies.figures.svg import to_svg

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.studies.figures.drawing import Colours
    from snip_gui.core.studies.figures.figure import Figure

SUFFIXES = (".png", ".svg")


def figure_svg(
    figure: Figure, colours: Colours = LIGHT, width: float = WIDTH, height: float = HEIGHT
) -> str:
    """Return a figure as an SVG document; charts have the given size in pixels."""
    return to_svg(lay_out(figure, colours, width, height))


def figure_png(figure: Figure) -> bytes:
    """Return a figure as a PNG file."""
    from snip_gui.core.studies.figures.png import to_png  # Pillow takes a while to import

    return to_png(lay_out(figure))


def save_figure(path: Path, figure: Figure) -> None:
    """Write a figure in the format of the file extension.

    Raises
    ------
    UserError
        If the extension is another, or the file cannot be written.
    """
    match path.suffix.lower():
        case ".svg":
            write_text(path, figure_svg(figure))
        case ".png":
            write_bytes(path, figure_png(figure))
        case other:
            raise UserError(
                f"Figures cannot be saved as “{other}”.", f"Choose one of {', '.join(SUFFIXES)}."
            )
