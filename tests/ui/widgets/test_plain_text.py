"""Words of files are never markup: the label and the tool tip that all of the program uses."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6.QtGui import Qt, QTextDocument
from PySide6.QtWidgets import QMenu

import snip_gui.ui
from snip_gui.ui.widgets.plain_text import Label, plain_name, plain_tip

UI = Path(snip_gui.ui.__file__).parent
HOSTILE = ('<img src="/dev/zero">', "<h1>Your licence ran out</h1>", "a &lt; b", "x <b>\ny")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_label_shows_its_text_as_it_is(qapp, text):
    for label in (Label(text), Label()):
        label.setText(text)
        assert label.textFormat() == Qt.TextFormat.PlainText
        assert label.text() == text


@pytest.mark.parametrize("text", [*HOSTILE, "plain", "a < b"])
def test_a_tool_tip_shows_its_text_as_it_is(qapp, text):
    tip = plain_tip(text)
    shown = tip
    if Qt.mightBeRichText(tip):
        document = QTextDocument()
        document.setHtml(tip)
        shown = document.toPlainText().replace("\xa0", " ")
    assert shown == text


def test_an_ampersand_of_a_name_is_shown_in_a_menu(qapp):
    menu = QMenu()
    action = menu.addAction(plain_name("Q&A"))
    assert action.text() == "Q&&A"
    assert action.iconText() == "Q&A"


def test_no_label_of_the_program_guesses():
    """Qt's own label does; only the class that does not is made."""
    made = {
        f"{file.relative_to(UI)}:{node.lineno}"
        for file in UI.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("QLabel", "QTextBrowser")
    }
    assert made == set()
