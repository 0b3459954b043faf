"""Sizes of windows and dialogs that their screen has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_PREFERRED = QSize(1440, 900)
# Title bar and borders, which are unknown before the window is shown.
_FRAME = QSize(8, 36)


def fit_screen(window: QWidget, size: QSize = _PREFERRED) -> None:
    """Resize a window to a size, or to what its screen has room for."""
    room = window.screen().availableGeometry().size() - _FRAME
    window.resize(size.boundedTo(room))
