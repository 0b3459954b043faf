from __future__ import annotations

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from snip_gui.ui.theme.theme import Themes, load_colours


@pytest.fixture
def themes(qapp):
    themes = Themes()
    yield themes
    themes.apply("light")
    qapp.setStyleSheet("")


@pytest.mark.parametrize("name", ["light", "dark"])
def test_a_theme_colours_palette_and_style_sheet(themes, name):
    themes.apply("dark" if name == "light" else "light")
    themes.apply(name)
    colours = load_colours(name)
    assert QApplication.palette().color(QPalette.ColorRole.Base).name() == colours.base
    assert colours.accent in QApplication.instance().styleSheet()
    assert themes.colours == colours


def test_a_theme_that_is_in_force_is_not_applied_again(themes, qtbot):
    with qtbot.waitSignal(themes.changed):
        themes.apply("dark")
    with qtbot.assertNotEmitted(themes.changed):
        themes.apply("dark")


def test_each_window_applies_its_own(themes, qapp):
    themes.apply("dark")
    other = Themes()
    other.apply("light")
    assert load_colours("light").accent in qapp.styleSheet()
