"""The colour bar of a picture, with distinct labels, at round values of a logarithmic scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from snip_gui.ui.widgets.guarded import Guarded
from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.views.picture import Picture

_FONT_SHARE = 0.85
# Room for the bar and its numbers, in heights of a line.
_BAR_WIDTH_EM = 4.6
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_EDITS = ("by hand:", "kept", "removed")
_WIDEST = "removed "
_BOX = 22  # pixels from the left edge to the labels
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_MOST_DIGITS = 8


def bar_ticks(picture: Picture) -> list[tuple[float, str]]:
    """Return fractions of the bar's length, from its low end, and their labels."""
    low, high = picture.low, picture.high
    if not high > low:
        return [(0.0, _text(low, 2, picture))]
    if picture.scale == "log":
        powers = range(math.ceil(low), math.floor(high) + 1)
        if len(powers) >= 2:
            return [((power - low) / (high - low), f"1e{power}") for power in powers]
    values = [low + share * (high - low) for share in _SHARES]
    for digits in range(2, _MOST_DIGITS):
        texts = [_text(value, digits, picture) for value in values]
        if len(set(texts)) == len(texts):
            break
    return list(zip(_SHARES, texts, strict=True))


def _text(value: float, digits: int, picture: Picture) -> str:
    """Return a value with a number of significant digits."""
    if picture.scale == "log":
        return f"{10**value:.{digits - 1}e}".replace("e-0", "e-").replace("e+0", "e")
    if not picture.is_share:
        return f"{value:.{digits}g}"
    percent = 100 * value
    whole = len(f"{abs(percent):.0f}") if abs(percent) >= 1 else 0
    return f"{percent:.{max(0, digits - whole)}f}%" if value else "0%"


class ColourBar(Guarded, QWidget):
    """The colour bar."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: Picture | None = None
        self._gradient = QImage()
        self._table = np.zeros((0, 3), np.uint8)
        self._edit_colours: Sequence[QColor] = ()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        named(self, "colour_bar", "Colour bar")

    def show_scale(self, picture: Picture, table: NDArray[np.uint8]) -> None:
        """Show the scale of a picture."""
        known, self._picture = self._picture, picture
        scale = (picture.low, picture.high, picture.label, picture.palette)
        same = known is not None and scale == (known.low, known.high, known.label, known.palette)
        if not same or not np.array_equal(table, self._table):
            self._table = table
            self._set_gradient(table)

    def clear(self) -> None:
        """Hide the scale."""
        self._picture = None
        self.update()

    def show_edits(self, colours: Sequence[QColor]) -> None:
        """Explain the colours of what is kept and removed by hand; empty if nothing is."""
        if tuple(colours) != tuple(self._edit_colours):
            self._edit_colours = colours
            self.update()

    def sizeHint(self) -> QSize:
        """Return a size with room for the bar and its numbers."""
        metrics = self.fontMetrics()
        labels = round(_FONT_SHARE * metrics.horizontalAdvance(_WIDEST))
        return QSize(max(round(_BAR_WIDTH_EM * metrics.height()), _BOX + labels), 120)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the bar with labels at its ends and its middle."""
        self.paint_on(QPainter(self))

    def paint_on(self, painter: QPainter) -> None:
        """Paint the contents of the widget."""
        picture = self._picture
        if picture is None:
            return
        font = painter.font()
        font.setPointSizeF(_FONT_SHARE * self.font().pointSizeF())
        painter.setFont(font)
        line = painter.fontMetrics().height()
        edits = len(_EDITS) * (line + 4) if self._edit_colours else 0
        top, bottom = line + 8, self.height() - line - 4 - edits
        bar = QRectF(4, top, 14, max(20, bottom - top))
        text = self.palette().color(self.foregroundRole())
        painter.setPen(text)
        painter.drawText(QRectF(0, 0, self.width(), line), _LEFT, _short(picture.label))
        if self._edit_colours:
            self._paint_edits(painter, self.height() - edits, line)
        if picture.legend:
            self._paint_legend(painter, bar, line, picture.legend)
            return
        painter.drawImage(bar, self._gradient)
        above = math.inf
        for share, label in bar_ticks(picture):
            y = bar.bottom() - share * bar.height()
            if above - y < line:  # a low bar has room for fewer labels
                continue
            above = y
            place = QRectF(bar.right() + 4, y - line / 2, self.width(), line)
            painter.drawText(place, _LEFT, label)

    def _paint_legend(
        self, painter: QPainter, bar: QRectF, line: int, legend: tuple[tuple[str, int], ...]
    ) -> None:
        """Paint a box for each category."""
        for number, (label, index) in enumerate(legend):
            box = QRectF(bar.left(), bar.top() + number * (line + 8), 14, line)
            painter.fillRect(box, QColor(*self._table[index].tolist()))
            place = QRectF(box.right() + 4, box.top(), self.width(), line)
            painter.drawText(place, _LEFT, label)

    def _paint_edits(self, painter: QPainter, top: float, line: int) -> None:
        """Paint a box for what is kept and removed by hand, under a heading."""
        for number, label in enumerate(_EDITS):
            place = QRectF(4, top + number * (line + 4), self.width() - 4, line)
            if number:
                painter.fillRect(
                    QRectF(place.x(), place.y() + 1, 14, line - 2), self._edit_colours[number - 1]
                )
                place.adjust(18, 0, 0, 0)
            painter.drawText(place, _LEFT, label)

    def _set_gradient(self, table: NDArray[np.uint8]) -> None:
        column = np.ascontiguousarray(table[:0:-1])
        self._gradient = QImage(column.data, 1, 255, 3, QImage.Format.Format_RGB888).copy()
        self.update()


def _short(label: str) -> str:
    return {"fraction kept": "kept", "kept": ""}.get(label, label)
