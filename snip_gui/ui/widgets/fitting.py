"""Sizes of windows and dialogs that their screen has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog

_PREFERRED = QSize(1440, 900)
# Title bar and borders, which are unknown before the window is shown.
_FRAME = QSize(8, 36)


def fit_screen(window: QWidget, size: QSize = _PREFERRED) -> None:
    """Resize a window to a size, or to what its screen has room for."""
    room = window.screen().availableGeometry().size() - _FRAME
    window.resize(size.boundedTo(room))


def fit_contents(dialog: QDialog, width: int = 0) -> None:
    """Resize a dialog to its contents, and at least a width, or to what its screen has room for."""
    for part in dialog.findChildren(QWidget):
        part.ensurePolished()  # the style sheet decides its size
    fit_screen(dialog, dialog.sizeHint().expandedTo(QSize(width, 0)))
