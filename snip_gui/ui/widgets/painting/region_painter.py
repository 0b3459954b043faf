"""Paints a region of a picture with a brush or as a rectangle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt, Signal, Slot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.ui.widgets.painting.paint_box import Tool
    from snip_gui.ui.widgets.pictures.picture_plot import PicturePlot

_BRUSH_PIXELS = 9  # on the screen; never less than one position of the picture


class RegionPainter(QObject):
    """Collects the positions that a drag covers.

    Signals
    -------
    painting
        bool (H, W) of the canvas: what was painted so far.
    painted
        The same, once the mouse button is released.
    refused
        Why nothing can be painted.

    Attributes
    ----------
    obstacle
        Why nothing can be painted; empty if it can.
    """

    painting = Signal(object)
    painted = Signal(object)
    refused = Signal(str)

    def __init__(self, plot: PicturePlot) -> None:
        super().__init__(plot)
        self._plot = plot
        self._chosen_HW: NDArray[np.bool_] | None = None
        self.obstacle = ""
        plot.view_box.stroked.connect(self._on_stroked)

    @property
    def tool(self) -> Tool:
        """The tool; empty if the mouse selects and pans."""
        tool: Tool = self._plot.view_box.tool
        return tool

    def set_tool(self, tool: Tool) -> None:
        """Choose a tool."""
        self._plot.view_box.tool = tool
        shape = Qt.CursorShape.CrossCursor if tool else Qt.CursorShape.ArrowCursor
        self._plot.view.viewport().setCursor(shape)

    def dab(self, row: int, column: int) -> None:
        """Paint where the mouse was pressed and released without moving."""
        point = QPointF(column + 0.5, row + 0.5)
        self._on_stroked(point, point, point, True)

    @Slot(object, object, object, bool)
    def _on_stroked(self, first: QPointF, before: QPointF, now: QPointF, is_over: bool) -> None:
        if self.obstacle:
            self.refused.emit(self.obstacle)
        if not self._plot.shape or self.obstacle:
            return
        rows, columns = self._plot.shape
        if self._chosen_HW is None or self._chosen_HW.shape != (rows, columns):
            self._chosen_HW = np.zeros((rows, columns), bool)
        if self.tool == "rectangle":
            self._chosen_HW[:] = False
            self._fill(first, now, 0.0)
        else:
            self._draw_line(before, now)
        if is_over:
            chosen_HW, self._chosen_HW = self._chosen_HW, None
            self.painted.emit(chosen_HW)
        else:
            self.painting.emit(self._chosen_HW)

    def _draw_line(self, before: QPointF, now: QPointF) -> None:
        """Paint from one point to another, as far apart as the pointer may have moved."""
        width = max(1.0, _BRUSH_PIXELS * float(self._plot.view_box.viewPixelSize()[0]))
        way = now - before
        number = max(1, math.ceil(2 * math.hypot(way.x(), way.y()) / width))
        for step in range(number + 1):
            point = before + way * (step / number)
            self._fill(point, point, (width - 1) / 2)

    def _fill(self, one: QPointF, other: QPointF, margin: float) -> None:
        """Paint every position of the rectangle between two points, and a margin around it."""
        assert self._chosen_HW is not None
        left, right = sorted((one.x(), other.x()))
        top, bottom = sorted((one.y(), other.y()))
        rows = slice(max(0, math.floor(top - margin)), max(0, math.floor(bottom + margin) + 1))
        columns = slice(max(0, math.floor(left - margin)), max(0, math.floor(right + margin) + 1))
        self._chosen_HW[rows, columns] = True
