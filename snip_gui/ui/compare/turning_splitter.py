"""A splitter that arranges a picture and its numbers according to the available room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QSplitter, QWidget

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

_ACROSS, _DOWN = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
# Widths from which the picture is beside the numbers, and the numbers beside each other.
_WIDE, _MIDDLE = 820, 480


class TurningSplitter(QScrollArea):
    """A picture and one or two tables; in a small window everything scrolls."""

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
        """Change the orientation depending on the width."""
        wide, middle = self.width() >= _WIDE, self.width() >= _MIDDLE
        orientation = _ACROSS if wide else _DOWN
        if self.splitter.orientation() != orientation or not event.oldSize().isValid():
            self.splitter.setOrientation(orientation)
            self.splitter.setSizes([420, 400] if wide else [260, 170])
        self.inner.setOrientation(_ACROSS if middle and not wide else _DOWN)
        super().resizeEvent(event)
