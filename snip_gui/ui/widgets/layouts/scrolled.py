"""A panel that scrolls if its dock is too short for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_LEAST_HEIGHT = 60


class Scrolled(QScrollArea):
    """A scroll area, vertical only, that is at least as wide as its contents."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        self._content = content

    def sizeHint(self) -> QSize:
        """Return the size of the contents."""
        return self._content.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Return the width of the contents with a scroll bar, and a height of a few lines."""
        width = self._content.minimumSizeHint().width()
        return QSize(width + self.verticalScrollBar().sizeHint().width(), _LEAST_HEIGHT)
