"""Training only what is left, as the panel offers and shows it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QToolButton

WAIT_MS = 60_000


def test_the_panel_says_how_fast_it_is_beside_the_dense_network(started, qtbot):
    state = started.controller.state
    started.controller.set_field("training.epochs", 100_000)
    started.window.actions_by_name["train"].trigger()
    started.window.classes.second.click()
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


def choose(combo, value):
    combo.setCurrentIndex(combo.findData(value))
    combo.activated.emit(combo.currentIndex())


def test_a_preset_is_one_step_that_can_be_undone(started):
    controller = started.controller
    before = controller.state.recipe
    button = started.window.findChild(QToolButton, "training_presets")
    titles = {action.text(): action for action in button.menu().actions()}
    controller.set_field("model.name", "lenet-5-caffe")
    assert "diverges" in titles["The paper's"].toolTip()
    controller.undo_stack.undo()
    assert "diverges" not in titles["The paper's"].toolTip()
    titles["The paper's"].trigger()
    training = controller.state.recipe.training
    assert (training.epochs, training.learning_rate) == (56, 0.1)
    assert controller.state.recipe.pruning.after == "redraw"
    assert controller.undo_stack.undoText() == "Preset “The paper's”"
    controller.undo_stack.undo()
    assert controller.state.recipe == before


def test_only_what_means_something_is_asked_for(started):
    window, state = started.window, started.controller.state
    rate = window.findChild(QDoubleSpinBox, "training_learning_rate")
    momentum = window.findChild(QDoubleSpinBox, "training_momentum")
    factor = window.findChild(QDoubleSpinBox, "training_decay_factor")
    assert momentum.isVisibleTo(window.training)
    assert factor.isVisibleTo(window.training)
    assert not window.findChild(QComboBox, "training_precision").isVisibleTo(window.training)
    choose(window.findChild(QComboBox, "training_optimizer"), "adam")
    assert (state.recipe.training.optimizer, rate.value()) == ("adam", 0.001)
    assert not momentum.isVisibleTo(window.training)
    choose(window.findChild(QComboBox, "training_schedule"), "cosine")
    assert not factor.isVisibleTo(window.training)
    started.controller.undo_stack.undo()
    started.controller.undo_stack.undo()
    assert momentum.isVisibleTo(window.training)
    assert rate.value() == 0.1
