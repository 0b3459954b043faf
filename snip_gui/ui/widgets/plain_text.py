"""Text of untrusted origin, shown literally and never interpreted as markup.

Qt guesses the format: a name such as ``<img src="/dev/zero">`` in a label or tool tip is read as
rich text, and the image is loaded. Labels therefore use the class defined here, which does not
guess, and tool tips go through `plain_tip`; item views show plain text anyway. In menus and on
buttons an ampersand marks a mnemonic, so names go through `plain_name`.
"""

from __future__ import annotations

# Not the Qt of QtCore, which lacks the functions on text.
from PySide6.QtGui import Qt
from PySide6.QtWidgets import QLabel, QWidget


class Label(QLabel):
    """A label that shows plain text; the few with markup set their format explicitly."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)


def plain_tip(text: str) -> str:
    """Return a tool tip that shows text literally, for which Qt has no setting."""
    return Qt.convertFromPlainText(text) if Qt.mightBeRichText(text) else text


def plain_name(text: str) -> str:
    """Return the text of a button or menu entry that shows a name literally."""
    return text.replace("&", "&&")
