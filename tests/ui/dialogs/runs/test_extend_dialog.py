"""Extending, pausing and what a full device proposes, as the window shows them."""

from __future__ import annotations

import dataclasses

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QDoubleSpinBox, QLabel, QSpinBox

from snip_gui.core.runs.extend import extended
from snip_gui.session.state.values import Problem
from snip_gui.ui.dialogs.runs.extend_dialog import ExtendDialog

WAIT_MS = 60_000


def test_a_finished_training_is_extended_from_its_panel(started, qtbot):
    window, state = started.window, started.controller.state
    started.controller.set_field("training.epochs", 1)
    action = window.findChild(QAction, "extend_training")
    assert not action.isEnabled()
    started.controller.train()
    qtbot.waitUntil(lambda: state.training.phase == "finished", timeout=WAIT_MS)
    assert action.isEnabled()
    action.trigger()
    dialog = window.findChild(QDialog, "extend_dialog")
    assert dialog.findChild(QDoubleSpinBox, "training_added_rate").text() == "last of the schedule"
    dialog.findChild(QSpinBox, "training_added_epochs").setValue(2)
    dialog.start.click()
    qtbot.waitUntil(
        lambda: state.training.phase == "finished" and state.training.step > 14, timeout=WAIT_MS
    )
    assert state.training.recipe == extended(state.recipe, 2)
    assert state.training.points[-1].epoch == 3


def test_a_second_extension_keeps_the_rate_of_the_first(qtbot, started):
    recipe = extended(started.controller.state.recipe, 2, 0.01)
    dialog = ExtendDialog("run", recipe)
    qtbot.addWidget(dialog)
    rate = dialog.findChild(QDoubleSpinBox, "training_added_rate")
    assert not rate.isEnabled()
    asked = []
    dialog.requested.connect(lambda *values: asked.append(values))
    dialog.start.click()
    assert asked == [(5, 0.01)]


def test_a_training_that_waits_says_for_what(started, qtbot):
    window, state = started.window, started.controller.state
    started.controller.set_field("training.epochs", 100_000)
    started.controller.train()
    qtbot.waitUntil(lambda: state.training.phase == "running", timeout=WAIT_MS)
    state.set_training(dataclasses.replace(state.training, waits_for="No space left."))
    status = window.findChild(QLabel, "training_status")
    assert status.text().startswith("Paused at")
    assert "No space left." in status.text()


def test_a_proposal_is_taken_with_one_press(started):
    controller, window = started.controller, started.window
    problem = Problem("Too much.", "Try 50.", "training.batch_size", proposal=50)
    controller.state.status.report(problem)
    assert window.banner.action.text() == "Use 50"
    window.banner.action.click()
    assert controller.state.recipe.training.batch_size == 50
    assert controller.state.status.problem is None


def test_a_training_that_diverges_proposes_a_lower_rate(started, qtbot):
    controller, window = started.controller, started.window
    for path, value in (("learning_rate", 100.0), ("momentum", 0.99), ("epochs", 50)):
        controller.set_field(f"training.{path}", value)
    controller.train()
    qtbot.waitUntil(lambda: controller.state.status.problem is not None, timeout=WAIT_MS)
    assert window.banner.action.text() == "Use 20"
    window.banner.action.click()
    assert controller.state.recipe.training.learning_rate == 20
