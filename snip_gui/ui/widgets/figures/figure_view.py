"""The figure of a study, drawn as large as there is room, in the colours of the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QWidget

from snip_gui.core.studies.figures.drawing import LIGHT
from snip_gui.core.studies.figures.figure import Chart
from snip_gui.core.studies.figures.layout import HEIGHT, WIDTH, lay_out
from snip_gui.core.studies.figures.svg import to_svg
from snip_gui.ui.widgets.guarded import Guarded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.studies.figures.drawing import Colours
    from snip_gui.core.studies.figures.figure import Figure

_LEAST = QSize(260, 180)


class FigureView(Guarded, QWidget):
    """Shows one figure, which is laid out anew for every size."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self._colours = title, LIGHT
        self.picture: Figure | None = None
        self._renderer = QSvgRenderer(self)
        self.setMinimumSize(_LEAST)

    def show_figure(self, figure: Figure | None, colours: Colours, text: str = "") -> None:
        """Show a figure in the colours of the page, or nothing.

        Parameters
        ----------
        text
            What it shows, in words.
        """
        self.picture, self._colours = figure, colours
        self.setAccessibleDescription(text)
        self._lay_out()

    def sizeHint(self) -> QSize:
        """Return the size of a figure in a report."""
        return QSize(round(WIDTH), round(HEIGHT))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the figure out for the new size."""
        super().resizeEvent(event)
        self._lay_out()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the figure."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint_on(painter)
        painter.end()

    def paint_on(self, painter: QPainter) -> None:
        """Paint the figure as large as its shape allows, or nothing without one."""
        if self.picture is None:
            return
        size = self._renderer.defaultSize()
        size.scale(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(0, 0, size.width(), size.height())
        place.moveCenter(QRectF(self.rect()).center())
        self._renderer.render(painter, place)

    def numbers(self) -> dict[str, NDArray[np.generic]]:
        """Return the coordinates of every series by its label; nothing for other figures."""
        found: dict[str, NDArray[np.generic]] = {}
        if isinstance(self.picture, Chart):
            for series in self.picture.series:
                found[f"{series.label}.x"] = np.array(series.xs)
                found[f"{series.label}.y"] = np.array(series.ys)
        return found

    def _lay_out(self) -> None:
        if self.picture is not None:
            width, height = max(_LEAST.width(), self.width()), max(_LEAST.height(), self.height())
            svg = to_svg(lay_out(self.picture, self._colours, width, height))
            self._renderer.load(QByteArray(svg.encode()))
        self.update()
