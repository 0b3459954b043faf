"""Keeps the wheel from changing values while the user scrolls past them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QWidget


class NoWheel(QObject):
    """An event filter: the wheel changes a widget only while it has focus."""

    def watch(self, widget: QWidget) -> None:
        """Filter the events of a widget."""
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Pass wheel events on to the scroll area."""
        is_wheel = event.type() == QEvent.Type.Wheel
        if is_wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)
