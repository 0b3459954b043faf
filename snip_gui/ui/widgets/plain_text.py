"""Text of files and people that is shown as it is, never taken for markup.

Qt guesses: a name such as ``<img src="/dev/zero">`` in a label or a tool tip is read as rich text,
and the image with it. So labels of this program are of the class here, which does not guess, and
tool tips go through `plain_tip`; item views show plain text anyway. In menus and on buttons an
ampersand marks the next letter: names go through `plain_name` there.
"""

from __future__ import annotations

# Not the Qt of QtCore, which does not know the functions on text.
from PySide6.QtGui import Qt
from PySide6.QtWidgets import QLabel, QWidget


class Label(QLabel):
    """A label that shows its text as it is; the few with markup of their own say so."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)


def plain_tip(text: str) -> str:
    """Return a tool tip that shows a text as it is; Qt has no switch for those."""
    return Qt.convertFromPlainText(text) if Qt.mightBeRichText(text) else text


def plain_name(text: str) -> str:
    """Return the text of a button or menu entry that shows a name as it is."""
    return text.replace("&", "&&")
