"""Log: events and problems of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from snip_gui.session.state.notices import Notice
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes


class LogPanel(QWidget):
    """One line per notice, with problems in colour."""

    def __init__(self, state: SessionState, themes: Themes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._notices, self._themes = state.notices, themes
        self.text = named(QPlainTextEdit(), "log_text", "Log")
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(5000)
        self.text.setPlaceholderText("Events are logged here.")
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.addWidget(self.text)
        state.notices.added.connect(self._add)
        themes.changed.connect(self._show_all)
        self._show_all()

    @Slot()
    def _show_all(self) -> None:
        self.text.clear()
        cursor = QTextCursor(self.text.document())
        cursor.beginEditBlock()  # laid out once, rather than after every line
        for notice in self._notices.all:
            self._insert(cursor, notice)
        cursor.endEditBlock()
        self._scroll_down()

    @Slot(object)
    def _add(self, notice: Notice) -> None:
        self._insert(QTextCursor(self.text.document()), notice)
        self._scroll_down()

    def _insert(self, cursor: QTextCursor, notice: Notice) -> None:
        colours = self._themes.colours
        ink = {"info": colours.text, "problem": colours.warning, "failure": colours.error}
        style = QTextCharFormat()
        style.setForeground(QColor(ink[notice.severity]))
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if not self.text.document().isEmpty():
            cursor.insertBlock()
        cursor.insertText(f"{notice.time:%H:%M:%S}  {notice.text} {notice.hint}".rstrip(), style)

    def _scroll_down(self) -> None:
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.maximum())
