"""Names that tests, scripts and screen readers find widgets by."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtWidgets import QWidget

from snip_gui.ui.widgets.plain_text import plain_tip

W = TypeVar("W", bound=QWidget)


def named(widget: W, object_name: str, accessible_name: str, tip: str = "") -> W:
    """Give a widget its object name, its accessible name and its tool tip; return it."""
    widget.setObjectName(object_name)
    widget.setAccessibleName(accessible_name)
    if tip:
        widget.setToolTip(plain_tip(tip))
    return widget
