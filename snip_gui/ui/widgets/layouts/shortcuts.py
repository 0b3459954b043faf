"""Shortcuts of the window that text fields would use for editing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

# Emacs-like keys of some desktops: to the end of the line, and delete.
_TAKEN = (Qt.Key.Key_E, Qt.Key.Key_D)


class _Filter(QObject):
    """Declines keys on behalf of fields, so that the shortcuts are triggered."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the keys to the shortcuts."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_ctrl = event.modifiers() == Qt.KeyboardModifier.ControlModifier
            if is_ctrl and event.key() in _TAKEN:
                event.ignore()
                return True
        return super().eventFilter(watched, event)


def let_shortcuts_through(field: QWidget) -> None:
    """Make shortcuts of the window work while a text field has focus."""
    app = QApplication.instance()
    assert app is not None
    shared = app.findChild(_Filter)
    field.installEventFilter(shared if shared is not None else _Filter(app))
