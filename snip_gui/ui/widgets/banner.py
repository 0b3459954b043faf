"""A banner with a message: what is wrong, and what to do."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QWidget

from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label


class Banner(QFrame):
    """A message that is hidden when it no longer applies or is dismissed."""

    dismissed = Signal()
    action_asked = Signal()
    second_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        self._text = named(Label(), "banner_text", "Problem")
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.action = named(QPushButton(), "banner_action", "Suggested action")
        self.action.clicked.connect(self.action_asked)
        self.second = named(QPushButton(), "banner_second", "Other action")
        self.second.clicked.connect(self.second_asked)
        button = named(QToolButton(), "banner_dismiss", "Dismiss", "Dismiss this message")
        button.setText("×")
        button.setAutoRaise(True)
        button.clicked.connect(self.dismissed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 5, 5, 5)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.action)
        layout.addWidget(self.second)
        layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def show_message(self, message: str, hint: str, action: str = "", second: str = "") -> None:
        """Show a message, with a button for each action; hide the banner if it is empty."""
        for button, text in ((self.action, action), (self.second, second)):
            button.setText(text)
            button.setVisible(bool(text))
        self._text.setText(f"{message}\n{hint}" if hint else message)
        self.setVisible(bool(message))

    def text(self) -> str:
        """Return the shown text."""
        return self._text.text() if self.isVisible() else ""
