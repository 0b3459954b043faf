"""Pictures can be read, selected, panned and zoomed by keyboard."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from snip_gui.core.views.picture import Picture
from snip_gui.ui.widgets.pictures.picture_plot import PicturePlot

TABLE = np.zeros((256, 3), np.uint8)


@pytest.fixture
def plot(qtbot):
    plot = PicturePlot()
    qtbot.addWidget(plot)
    plot.resize(300, 300)
    with qtbot.waitExposed(plot):
        plot.show()
    plot.show_picture(Picture(np.ones((20, 20), np.uint8), 0, 1, "kept"), TABLE)
    return plot


def test_arrows_point_and_enter_selects(plot, qtbot):
    pointed, chosen = [], []
    plot.hovered.connect(lambda *place: pointed.append(place))
    plot.clicked.connect(lambda *place: chosen.append(place))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Return):
        qtbot.keyClick(plot.view, key)
    row, column = pointed[0]
    assert pointed == [(row, column), (row + 1, column), (row + 1, column - 1)]
    assert chosen == [(row + 1, column - 1)]
    for _ in range(60):
        qtbot.keyClick(plot.view, Qt.Key.Key_Up)
    assert pointed[-1] == (0, column - 1)


def test_plus_and_shift_with_arrows_zoom_and_pan(plot, qtbot):
    whole = plot.visible
    qtbot.keyClick(plot.view, Qt.Key.Key_Plus)
    qtbot.keyClick(plot.view, Qt.Key.Key_Plus)
    assert plot.visible[2] < whole[2]
    before = plot.visible
    for _ in range(3):
        qtbot.keyClick(plot.view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert plot.visible[1] > before[1]
    qtbot.keyClick(plot.view, Qt.Key.Key_0)
    assert plot.visible == whole
