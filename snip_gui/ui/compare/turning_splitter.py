"""A splitter that puts a picture and its numbers where there is room for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QSplitter, QWidget

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

_ACROSS, _DOWN = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
# Widths from which the picture stands beside the numbers, and the numbers beside each other.
_WIDE, _MIDDLE = 820, 480


class TurningSplitter(QScrollArea):
    """A picture and one or two kinds of numbers; in a small window all can be scrolled."""

    def __init__(self, picture: QWidget, *numbers: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.inner = QSplitter(_DOWN)
        for widget in numbers:
            self.inner.addWidget(widget)
        self.splitter = QSplitter(_DOWN)
        self.splitter.addWidget(picture)
        self.splitter.addWidget(self.inner)
        for splitter in (self.inner, self.splitter):
            splitter.setChildrenCollapsible(False)
        self.setWidget(self.splitter)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Turn where the room for it comes or goes."""
        wide, middle = self.width() >= _WIDE, self.width() >= _MIDDLE
        orientation = _ACROSS if wide else _DOWN
        if self.splitter.orientation() != orientation or not event.oldSize().isValid():
            self.splitter.setOrientation(orientation)
            self.splitter.setSizes([420, 400] if wide else [260, 170])
        self.inner.setOrientation(_ACROSS if middle and not wide else _DOWN)
        super().resizeEvent(event)
