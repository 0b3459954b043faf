"""Names by which tests, scripts and screen readers find widgets, and keys that all share."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QAbstractSpinBox, QLineEdit, QWidget

from snip_gui.ui.widgets.layouts.shortcuts import let_shortcuts_through
from snip_gui.ui.widgets.plain_text import Label, plain_tip

W = TypeVar("W", bound=QWidget)


def named(widget: W, object_name: str, accessible_name: str, tip: str = "") -> W:
    """Set the object name, accessible name and tool tip of a widget; return it.

    Tab leaves tables and lists, in which arrow keys move, and the shortcuts of the window work in
    text fields too.
    """
    widget.setObjectName(object_name)
    widget.setAccessibleName(accessible_name)
    if tip:
        widget.setToolTip(plain_tip(tip))
    if isinstance(widget, QAbstractItemView):
        widget.setTabKeyNavigation(False)
    elif isinstance(widget, QLineEdit):
        let_shortcuts_through(widget)
    elif isinstance(widget, QAbstractSpinBox):
        let_shortcuts_through(widget)
        let_shortcuts_through(widget.lineEdit())
    return widget


def text_label(text: str, object_name: str, accessible_name: str) -> Label:
    """Return a label with wrapped, selectable text."""
    label = named(Label(text), object_name, accessible_name)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setWordWrap(True)
    return label
