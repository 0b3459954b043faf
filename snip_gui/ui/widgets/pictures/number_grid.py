"""A square table of fractions, shown as coloured numbers, in which a cell may be chosen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from snip_gui.ui.widgets.guarded import Guarded

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST_CELL, _MOST_CELL = 22, 40
_MOST_LETTERS = 3
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class NumberGrid(Guarded, QWidget):
    """Rows and columns stand for the same items; cells show percentages.

    Headings are the names of the items if all are short, otherwise their numbers from 1.
    """

    cell_chosen = Signal(int, int)  # row, column

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = np.zeros((0, 0))
        self._names: list[str] = []
        self._table = np.zeros((256, 3), np.uint8)
        self._cell = (0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def show_values(
        self, values_PP: NDArray[np.float64], names: list[str], table: NDArray[np.uint8]
    ) -> None:
        """Show fractions (P, P) with a (256, 3) colour table; NaN is shown as a dash."""
        self._values, self._names, self._table = values_PP, names, table
        self._cell = (min(self._cell[0], len(names) - 1), min(self._cell[1], len(names) - 1))
        texts = [self.cell_text(row, column) for row in range(len(names)) for column in range(row)]
        self.setAccessibleDescription("; ".join(texts))
        self.updateGeometry()
        self.update()

    def cell_text(self, row: int, column: int) -> str:
        """Return the text of a cell."""
        value = self._values[row, column]
        pair = f"{self._names[row]} and {self._names[column]}"
        if math.isnan(value):
            return f"{pair}: from different networks"
        return f"{pair}: {value:.1%} overlap"

    def cell_centre(self, row: int, column: int) -> QPointF:
        """Return the centre of a cell."""
        return self._place(row, column).center()

    def sizeHint(self) -> QSize:
        """Return a size with room for large cells."""
        side = (len(self._names) + 1) * 32
        return QSize(side, side)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which cells are legible."""
        side = (len(self._names) + 1) * _LEAST_CELL
        return QSize(side, side)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the cells, with row and column numbers."""
        painter = QPainter(self)
        font = painter.font()
        font.setPointSizeF(8)
        painter.setFont(font)
        ink = self.palette().color(self.foregroundRole())
        centred = Qt.AlignmentFlag.AlignCenter
        for number in range(len(self._names)):
            painter.setPen(ink)
            painter.drawText(self._place(number, -1), centred, self._heading(number))
            painter.drawText(self._place(-1, number), centred, self._heading(number))
            for column in range(len(self._names)):
                self._paint_cell(painter, number, column)
        if self.hasFocus() and self._names:
            painter.setPen(QPen(self.palette().highlight().color(), 2))
            painter.drawRect(self._place(*self._cell))

    def _heading(self, number: int) -> str:
        is_short = all(len(name) <= _MOST_LETTERS for name in self._names)
        return self._names[number] if is_short else f"{number + 1}"

    def _paint_cell(self, painter: QPainter, row: int, column: int) -> None:
        place, value = self._place(row, column).adjusted(1, 1, -1, -1), self._values[row, column]
        if math.isnan(value):
            painter.setPen(self.palette().color(self.foregroundRole()))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, "–")
            return
        colour = QColor(*self._table[1 + round(254 * value)].tolist())
        painter.fillRect(place, colour)
        painter.setPen(QColor("black" if colour.lightnessF() > 0.45 else "white"))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, f"{100 * value:.0f}")

    def _place(self, row: int, column: int) -> QRectF:
        """Return the rectangle of a cell; row and column -1 are the headings."""
        room = min(self.width(), self.height()) / (len(self._names) + 1 or 1)
        side = min(max(room, _LEAST_CELL), _MOST_CELL)
        return QRectF((column + 1) * side, (row + 1) * side, side, side)

    def _cell_at(self, point: QPointF) -> tuple[int, int] | None:
        side = self._place(0, 0).width()
        row, column = int(point.y() // side) - 1, int(point.x() // side) - 1
        num = len(self._names)
        return (row, column) if 0 <= row < num and 0 <= column < num else None

    def event(self, event: QEvent) -> bool:
        """Show a tool tip for the cell under the pointer."""
        if isinstance(event, QHelpEvent):
            cell = self._cell_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self.cell_text(*cell) if cell else "", self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the cell under the pointer."""
        cell = self._cell_at(event.position())
        if cell is not None:
            self._choose(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrow keys; choose with Enter or Space."""
        step = _STEPS.get(Qt.Key(event.key()))
        if step is not None and self._names:
            last = len(self._names) - 1
            row, column = (
                min(max(at + by, 0), last) for at, by in zip(self._cell, step, strict=True)
            )
            self._cell = (row, column)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose(self._cell)
        else:
            super().keyPressEvent(event)

    def _choose(self, cell: tuple[int, int]) -> None:
        self._cell = cell
        self.update()
        if cell[0] != cell[1] and not math.isnan(self._values[cell]):
            self.cell_chosen.emit(*cell)
