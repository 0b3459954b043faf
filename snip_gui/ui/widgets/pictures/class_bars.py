"""A small bar chart of the number of images per class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from snip_gui.ui.widgets.guarded import Guarded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ClassBars(Guarded, QWidget):
    """One bar per class, with its name below and its count above."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: list[int] = []
        self._names: list[str] = []
        self._bar = QColor("#5b7ea6")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_counts(self, counts: NDArray[np.int64], names: tuple[str, ...]) -> None:
        """Show the number of images of each class."""
        self._counts, self._names = counts.tolist(), list(names)
        text = ", ".join(
            f"{name}: {count}" for name, count in zip(names, self._counts, strict=True) if count
        )
        self.setAccessibleDescription(text or "empty")
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._counts, self._names = [], []
        self.update()

    def set_colour(self, colour: str) -> None:
        """Set the colour of the bars."""
        self._bar = QColor(colour)
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size with room for ten narrow bars."""
        return QSize(140, 92)

    def event(self, event: QEvent) -> bool:
        """Show the count under the pointer as a tool tip."""
        if isinstance(event, QHelpEvent) and self._counts:
            number = self._class_at(event.x())
            text = f"class {self._names[number]}: {self._counts[number]:,} images"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the bars."""
        if not self._counts:
            return
        painter = QPainter(self)
        font = painter.font()
        font.setPointSizeF(8)
        painter.setFont(font)
        line = painter.fontMetrics().height()
        highest = max(*self._counts, 1)
        room = self.height() - 2 * line
        step = self.width() / len(self._counts)
        text = self.palette().color(self.foregroundRole())
        for number, count in enumerate(self._counts):
            left, width = round(number * step), max(2, round(step) - 3)
            height = max(1 if count else 0, round(room * count / highest))
            painter.fillRect(QRect(left, line + room - height, width, height), self._bar)
            painter.setPen(text)
            cell = QRect(left - 2, 0, width + 4, line)
            painter.drawText(
                cell.translated(0, self.height() - line),
                Qt.AlignmentFlag.AlignCenter,
                _fitted(self._names[number], painter.fontMetrics(), step - 2),
            )
            if count and painter.fontMetrics().horizontalAdvance(f"{count}") <= step + 2:
                above = cell.translated(0, room - height)
                painter.drawText(above, Qt.AlignmentFlag.AlignCenter, f"{count}")

    def _class_at(self, x: int) -> int:
        return min(len(self._counts) - 1, max(0, int(x * len(self._counts) / self.width())))


def _fitted(name: str, metrics: QFontMetrics, width: float) -> str:
    """Return as many letters of a name as fit, at least one."""
    number = len(name)
    while number > 1 and metrics.horizontalAdvance(name[:number]) > width:
        number -= 1
    return name[:number]
