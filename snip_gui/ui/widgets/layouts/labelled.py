"""A widget with a word before it."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from snip_gui.ui.widgets.plain_text import Label


class Labelled(QWidget):
    """A label and a widget in a row, which are hidden together."""

    def __init__(self, text: str, widget: QWidget) -> None:
        super().__init__()
        label = Label(text)
        label.setBuddy(widget)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(label)
        row.addWidget(widget, 1)
