"""Names by which tests, scripts and screen readers find widgets."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtWidgets import QWidget

from snip_gui.ui.widgets.plain_text import plain_tip

W = TypeVar("W", bound=QWidget)


def named(widget: W, object_name: str, accessible_name: str, tip: str = "") -> W:
    """Set the object name, accessible name and tool tip of a widget; return it."""
    widget.setObjectName(object_name)
    widget.setAccessibleName(accessible_name)
    if tip:
        widget.setToolTip(plain_tip(tip))
    return widget
