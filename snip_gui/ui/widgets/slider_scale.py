"""Labels under a slider."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from snip_gui.ui.widgets.guarded import Guarded

_HANDLE = 16


class SliderScale(Guarded, QWidget):
    """Labels at fractions of a slider's length, unless they overlap."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._marks: list[tuple[float, str]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_marks(self, marks: list[tuple[float, str]]) -> None:
        """Show labels at fractions of the length."""
        self._marks = marks
        self.update()

    def sizeHint(self) -> QSize:
        """Return the height of a line of small text."""
        return QSize(100, round(0.9 * self.fontMetrics().height()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the labels, except any that would overlap the previous one."""
        painter = QPainter(self)
        font = painter.font()
        font.setPointSizeF(0.8 * self.font().pointSizeF())
        painter.setFont(font)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        way = self.width() - _HANDLE
        right = -4.0
        for fraction, label in self._marks:
            width = painter.fontMetrics().horizontalAdvance(label) + 2
            left = _HANDLE / 2 + fraction * way - width / 2
            left = min(max(0.0, left), self.width() - width)
            if left < right + 4:
                continue
            place = QRectF(left, 0, width, self.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, label)
            right = left + width
