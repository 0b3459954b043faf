"""An image drawn with the mouse goes into the minibatch."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QDialogButtonBox

from snip_gui.ui.dialogs.inputs.draw_dialog import DrawDialog

WAIT_MS = 60_000


def test_drawing_rubbing_and_adding(started, qtbot):
    window, state = started.window, started.controller.state
    window.findChild(QAbstractButton, "by_hand_button").click()
    dialog = window.findChild(DrawDialog)
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert not ok.isEnabled()
    canvas = dialog.canvas
    for button, has_ink in ((Qt.MouseButton.LeftButton, True), (Qt.MouseButton.RightButton, False)):
        qtbot.mousePress(canvas, button, pos=QPoint(140, 60))
        qtbot.mouseMove(canvas, QPoint(140, 200))
        qtbot.mouseRelease(canvas, button, pos=QPoint(140, 200))
        assert bool(canvas.ink().any()) or not has_ink
    canvas.clear()
    assert not ok.isEnabled()
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert ok.isEnabled()
    dialog.label.setCurrentIndex(dialog.label.findData(1))
    before = len(state.minibatch.indices_K)
    ok.click()
    qtbot.waitUntil(lambda: len(state.minibatch.indices_K) == before + 1, timeout=WAIT_MS)
    assert state.recipe.minibatch.images[-1].label == 1
