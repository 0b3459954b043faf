"""From what a trained network is wrong about into the minibatch."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog

from snip_gui.core.recipe.recipe import Picked

WAIT_MS = 60_000


@pytest.fixture
def dialog(started, qtbot):
    """The dialog on a short training, with its first measurement."""
    controller, window = started.controller, started.window
    controller.set_field("training.epochs", 2)
    controller.train()
    qtbot.waitUntil(lambda: controller.state.training.phase == "finished", timeout=WAIT_MS)
    window.findChild(QAction, "show_mistakes").trigger()
    dialog = window.findChild(QDialog, "mistakes_dialog")
    qtbot.waitUntil(lambda: "are misclassified" in dialog.message.text(), timeout=WAIT_MS)
    yield dialog
    dialog.close()


def choose(dialog, qtbot, split):
    dialog.split.setCurrentIndex(dialog.split.findData(split))
    dialog.split.activated.emit(dialog.split.currentIndex())
    qtbot.waitUntil(lambda: dialog.mistakes.split == split, timeout=WAIT_MS)


def test_the_matrix_and_the_images_are_those_of_the_split(dialog, qtbot):
    mistakes = dialog.mistakes
    assert mistakes.split == "validation"
    model = dialog.confusion
    texts = {
        (row, column): model.index(row, column).data()
        for row in range(model.rowCount())
        for column in range(model.columnCount())
    }
    shown = {pair: int(text.replace(",", "")) for pair, text in texts.items() if text}
    assert sum(shown.values()) == mistakes.confusion.num_images
    assert dialog.grid.images.rowCount() == mistakes.confusion.num_wrong
    pair = next((r, c) for r, c in shown if r != c)
    dialog.table.setCurrentIndex(model.index(*pair))
    assert dialog.grid.images.rowCount() == shown[pair]
    qtbot.wait(1)
    dialog.every.click()
    assert dialog.grid.images.rowCount() == mistakes.confusion.num_wrong


def test_images_of_the_training_file_go_straight_into_the_minibatch(dialog, started):
    state, mistakes = started.controller.state, dialog.mistakes
    before = set(state.minibatch.indices_K.tolist())
    dialog.grid.select_rows(range(2))
    assert dialog.take.text() == "Add 2 to minibatch"
    dialog.take.click()
    assert isinstance(state.recipe.minibatch, Picked)
    assert set(state.minibatch.indices_K.tolist()) == before | set(mistakes.indices_P[:2].tolist())
    started.controller.undo_stack.undo()
    assert set(state.minibatch.indices_K.tolist()) == before


def test_images_of_the_test_file_go_in_as_own_ones(dialog, started, qtbot):
    choose(dialog, qtbot, "test")
    dialog.grid.select_rows(range(3))
    with qtbot.waitSignal(started.controller.state.recipe_changed, timeout=WAIT_MS):
        dialog.take.click()
    own = started.controller.state.recipe.minibatch.images
    assert sorted(image.label for image in own) == sorted(dialog.mistakes.labels_P[:3].tolist())


def test_images_of_other_data_are_not_offered(dialog, started, qtbot, monkeypatch):
    finder = started.controller.mistakes
    monkeypatch.setattr(type(started.controller.state), "images", property(lambda _state: None))
    dialog._enable()
    assert not dialog.take.isEnabled()
    assert not finder.can_take(dialog.mistakes)


def test_a_run_that_cannot_be_measured_says_why(dialog, qtbot):
    (dialog._folder / "masks.safetensors").unlink()
    dialog.ask()
    qtbot.waitUntil(lambda: "no mask" in dialog.message.text(), timeout=WAIT_MS)
