"""Keys that work alike everywhere: Tab leaves tables, shortcuts work in fields."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QLineEdit, QTableWidget, QVBoxLayout, QWidget

from snip_gui.ui.widgets.naming import named


class Greedy(QLineEdit):
    """Edits with every key, as fields of some desktops do with Ctrl+E."""

    def event(self, event):
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)


@pytest.fixture
def show(qtbot):
    pages = []

    def do(*widgets):
        page = QWidget()
        pages.append(page)
        column = QVBoxLayout(page)
        for widget in widgets:
            column.addWidget(widget)
        qtbot.addWidget(page)
        with qtbot.waitActive(page):
            page.show()
            page.activateWindow()
        return page

    return do


def test_tab_leaves_a_table(show, qtbot):
    table, field = named(QTableWidget(3, 3), "t", "Table"), named(QLineEdit(), "f", "Field")
    show(table, field)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Tab)
    assert field.hasFocus()


@pytest.mark.parametrize("key", ["E", "D"])
def test_shortcuts_of_the_window_work_in_fields(show, qtbot, key):
    field = named(Greedy(), "f", "Field")
    shortcut = QShortcut(QKeySequence(f"Ctrl+{key}"), show(field))
    field.setFocus()
    with qtbot.waitSignal(shortcut.activated, timeout=5_000):
        qtbot.keyClick(field, getattr(Qt.Key, f"Key_{key}"), Qt.KeyboardModifier.ControlModifier)


def test_keys_of_editing_stay_with_the_field(show, qtbot):
    field = named(QLineEdit("some text"), "f", "Field")
    show(field)
    field.setFocus()
    qtbot.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert field.selectedText() == "some text"
