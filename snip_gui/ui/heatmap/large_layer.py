"""Draws layers with very many connections: a precomputed overview, or the visible part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.views.arrangement import Arrangement
from snip_gui.core.views.large_canvas import BLOCK, LARGE, LargeCanvas, Look, aligned
from snip_gui.ui.theme.picture_colours import make_colour_table

if TYPE_CHECKING:
    from snip_gui.core.graph.layout import TensorSpec
    from snip_gui.core.views.arrangement import Rectangle
    from snip_gui.session.looking.level_maker import LevelMaker
    from snip_gui.ui.theme.theme import Colours
    from snip_gui.ui.widgets.pictures.picture_plot import PicturePlot


def is_large(tensor: TensorSpec) -> bool:
    """Return whether a layer is drawn in this way."""
    return tensor.size > LARGE and Arrangement(tensor).is_matrix


class LargeLayer:
    """Draws a large layer in a plot.

    Attributes
    ----------
    canvas
        The layer; None while a smaller one is shown.
    """

    def __init__(self, plot: PicturePlot, levels: LevelMaker) -> None:
        self._plot, self._levels = plot, levels
        self.canvas: LargeCanvas | None = None
        self._part: Rectangle | None = None

    def draw(self, look: Look, num_kept: int, colours: Colours) -> str:
        """Draw the visible part; return why there is nothing to draw (yet), empty if drawn."""
        assert self.canvas is not None
        factor, size = self._plot.reduction, self.canvas.arrangement.size
        part = (0, 0, *size)
        if factor >= BLOCK:
            self._part = None
            level = self._levels.level(self.canvas, look, num_kept)
            if level is None:
                number = self.canvas.arrangement.tensor.size
                return f"Rendering {number:,} connections…"
            if isinstance(level, str):
                return level
            picture, origin = level.picture(factor), (0, 0)
        else:
            part = self._part = aligned(self._plot.visible, factor, size)
            found = self.canvas.part(look, num_kept, self._part, factor)
            if isinstance(found, str):
                return found
            picture, origin = found, self._part[:2]
        table = make_colour_table(picture, colours)
        self._plot.show_picture(picture, table, size, (factor, factor), origin)
        self._plot.show_edits(self.canvas.edits(part, factor), (factor, factor), origin)
        return ""

    def needs_another_part(self) -> bool:
        """Return whether the visible part is not completely drawn."""
        if self._part is None:
            return False
        top, left, height, width = self._plot.visible
        first_row, first_column, rows, columns = self._part
        inside_down = first_row <= top and top + height <= first_row + rows
        return not (inside_down and first_column <= left and left + width <= first_column + columns)
