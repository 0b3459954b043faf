"""Training only what is left, as the panel offers and shows it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QCheckBox, QLabel

WAIT_MS = 60_000


def test_the_panel_says_how_fast_it_is_beside_the_dense_network(started, qtbot):
    state = started.controller.state
    started.controller.set_field("training.epochs", 100_000)
    started.window.actions_by_name["train"].trigger()
    qtbot.waitUntil(lambda: state.training.phase == "running", timeout=WAIT_MS)
    rates = state.training.rates
    status = started.window.findChild(QLabel, "training_status")
    qtbot.waitUntil(lambda: rates.text in status.text(), timeout=WAIT_MS)
    notes = [notice.text for notice in state.notices.all]
    assert any(rates.text in note and "units and channels" in note for note in notes)
    started.controller.stop()
    qtbot.waitUntil(lambda: state.training.phase == "stopped", timeout=WAIT_MS)


def test_the_whole_network_can_be_trained_instead(started, qtbot):
    state = started.controller.state
    box = started.window.findChild(QCheckBox, "training_shrink")
    assert box.isChecked()
    box.setFocus()
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    assert not state.recipe.training.shrink
    started.controller.train()
    qtbot.waitUntil(lambda: state.training.phase == "finished", timeout=WAIT_MS)
    assert state.training.rates is None
    started.controller.undo_stack.undo()
    assert box.isChecked()
