"""Drags data over a widget and drops it."""

from __future__ import annotations

import warnings

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication


def drop(widget, data, x=5, y=5):
    """Drop data on a widget; return whether it accepts both the drag and the drop."""
    rest = (
        Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )  # fmt: skip
    with warnings.catch_warnings():
        # Deprecated from PySide6 6.12 on, where the other signature is not in older versions.
        warnings.simplefilter("ignore", DeprecationWarning)
        enter = QDragEnterEvent(QPoint(x, y), *rest)
    enter.ignore()
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    event = QDropEvent(QPointF(x, y), *rest)
    event.ignore()
    QApplication.sendEvent(widget, event)
    return event.isAccepted()
