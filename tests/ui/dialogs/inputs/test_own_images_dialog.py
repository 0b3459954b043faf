"""Pictures of one's own: chosen, dropped, pasted; labelled in place; saved with the recipe."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QPushButton,
)

from snip_gui.core.data.minibatch.own_images import negative
from snip_gui.core.recipe.json import load_recipe
from snip_gui.core.recipe.recipe import Picked
from snip_gui.ui.dialogs.inputs.own_images_dialog import OwnImagesDialog
from tests.qt_fixtures import WAIT_MS
from tests.ui.dragging import drop


def child(window, kind, name):
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


@pytest.fixture
def window(started):
    return started.window


@pytest.fixture
def state(started):
    return started.controller.state


@pytest.fixture
def ink(tmp_path):
    """A file with black ink on white paper."""
    pixels = np.full((60, 60), 255, np.uint8)
    pixels[10:50, 25:35] = 0
    path = tmp_path / "ink.png"
    Image.fromarray(pixels).save(path)
    return path


def dialog_of(window, qtbot):
    qtbot.waitUntil(lambda: window.findChild(OwnImagesDialog) is not None, timeout=WAIT_MS)
    return window.findChild(OwnImagesDialog)


def accept(dialog, qtbot, state):
    """Add the pictures of a dialog, and wait until they are kept."""
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    with qtbot.waitSignal(state.recipe_changed, timeout=WAIT_MS):
        qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)


def add_own(controller, qtbot, value):
    """Add an image of one value, of class 3, and wait until it is kept."""
    with qtbot.waitSignal(controller.state.recipe_changed, timeout=WAIT_MS):
        controller.minibatch.add_own([(np.full((1, 28, 28), value, np.uint8), 3)])


def test_a_chosen_file_is_labelled_and_scored(started, window, state, qtbot, ink, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(ink)], ""))
    qtbot.mouseClick(child(window, QPushButton, "own_button"), Qt.MouseButton.LeftButton)
    dialog = dialog_of(window, qtbot)
    label = child(dialog, QComboBox, "own_label")
    assert label.currentText() == "class 8"  # the class that is drawn
    label.setCurrentIndex(1)
    assert child(dialog, QCheckBox, "own_negative").isChecked()  # ink among white digits
    accept(dialog, qtbot, state)
    (own,) = state.recipe.minibatch.images
    assert own.label == 1
    assert len(state.minibatch.indices_K) == 101
    assert "101 images picked from 2 classes" in child(window, QLabel, "minibatch_summary").text()
    index = int(state.minibatch.indices_K[-1])
    image_CHW = state.minibatch.source.own(index)
    assert image_CHW[0, 14, 14] > 200 > 60 > image_CHW[0, 2, 2]
    rows = window.minibatch.tray.images.rowCount()
    tip = window.minibatch.tray.images.index(rows - 1).data(Qt.ItemDataRole.ToolTipRole)
    assert tip == "Your own image, class 1"
    assert state.is_stale
    started.controller.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    assert len(state.scored.indices_K) == 101
    # Taken out again, and back by undo.
    window.minibatch.tray.select_rows(range(rows - 1, rows))
    qtbot.mouseClick(child(window, QPushButton, "remove_button"), Qt.MouseButton.LeftButton)
    assert state.recipe.minibatch.images == ()
    started.controller.undo_stack.undo()
    assert state.recipe.minibatch.images == (own,)
    assert not state.is_stale


def test_files_are_dropped_on_the_tray(window, state, qtbot, ink, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in (ink, tmp_path / "bad.png")])
    assert drop(window.minibatch.tray.viewport(), data)
    dialog = dialog_of(window, qtbot)
    assert any("cannot be read" in label.text() for label in dialog.findChildren(QLabel))
    accept(dialog, qtbot, state)
    assert len(state.recipe.minibatch.images) == 1


def test_invalid_picture_is_not_taken(window):
    data = QMimeData()
    data.setText("words")
    assert not drop(window.minibatch.tray.viewport(), data)


def test_a_picture_is_pasted(window, state, qtbot):
    image = QImage(40, 40, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.black)
    QGuiApplication.clipboard().setImage(image)
    window.minibatch.tray.setFocus()
    qtbot.keyClick(window.minibatch.tray, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    dialog = dialog_of(window, qtbot)
    child(dialog, QCheckBox, "own_negative").setChecked(True)
    accept(dialog, qtbot, state)
    own_CHW = state.minibatch.source.own(int(state.minibatch.indices_K[-1]))
    assert (own_CHW == 255).all()
    assert (negative(own_CHW) == 0).all()


def test_pictures_that_all_cannot_be_read_cannot_be_added(window, qtbot, tmp_path):
    path = tmp_path / "bad.png"
    path.write_bytes(b"")
    window.controller.minibatch.bring([path])
    dialog = dialog_of(window, qtbot)
    assert not dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()
    dialog.reject()


def test_own_images_go_with_a_saved_recipe(started, state, qtbot, tmp_path):
    controller = started.controller
    add_own(controller, qtbot, 9)
    controller.minibatch.remove(state.minibatch.indices_K[:-1])
    controller.recipes.save(tmp_path / "mine.json")
    qtbot.waitUntil(lambda: not started.host.is_busy(), timeout=WAIT_MS)
    (kept,) = (tmp_path / "mine.images").iterdir()
    own_folder = state.preferences.environment.image_folders[0]
    (own_folder / kept.name).unlink()
    controller.minibatch.draw(5, ())
    controller.recipes.open(tmp_path / "mine.json")
    qtbot.waitUntil(lambda: not started.host.is_busy(), timeout=WAIT_MS)
    assert state.recipe == load_recipe(tmp_path / "mine.json")
    assert state.minibatch.problem is None
    assert len(state.minibatch.indices_K) == 1
    assert (own_folder / kept.name).exists()


def test_own_images_are_pinned_and_left_out_as_any_other(started, state, qtbot):
    controller = started.controller
    add_own(controller, qtbot, 200)
    controller.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    whole = controller.pins.pin_screen()
    own = int(state.minibatch.indices_K[-1])
    controller.questions.without([own])
    qtbot.waitUntil(lambda: len(controller.pins.pins) == 2, timeout=WAIT_MS)
    without = controller.pins.pins[1]
    assert len(whole.mask.scored.indices_K) == 101
    assert without.mask.scored.recipe.minibatch.images == ()
    assert len(without.mask.scored.indices_K) == 100
    assert "class 3" in without.name


def test_an_image_that_is_lost_is_reported_where_the_minibatch_is(started, window, state, qtbot):
    controller = started.controller
    add_own(controller, qtbot, 9)
    (own,) = state.recipe.minibatch.images
    controller.undo_stack.undo()
    (state.preferences.environment.image_folders[0] / f"{own.digest}.png").unlink()
    controller.undo_stack.redo()
    assert isinstance(state.recipe.minibatch, Picked)
    assert "not on this computer" in child(window, QLabel, "minibatch_summary").text()
    assert not state.can_score


def some_pictures(folder, number):
    folder.mkdir()
    for index in range(number):
        pixels = np.full((28, 28), index % 200, np.uint8)
        pixels[0, 0], pixels[0, 1] = index % 250, index // 250
        Image.fromarray(pixels).save(folder / f"{index:03}.png")
    return sorted(folder.iterdir())


def test_many_pictures_are_turned_over_by_pages(window, state, qtbot, tmp_path):
    window.controller.minibatch.bring(some_pictures(tmp_path / "many", 120))
    dialog = dialog_of(window, qtbot)
    assert len(dialog.findChildren(QComboBox, "own_label")) == 50
    dialog.common.setCurrentIndex(4)
    dialog.common.activated.emit(4)
    rows = dialog.findChildren(QComboBox, "own_label")
    assert {row.currentText() for row in rows[-50:]} == {"class 4"}
    qtbot.mouseClick(child(dialog, QPushButton, "own_forward"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(child(dialog, QPushButton, "own_forward"), Qt.MouseButton.LeftButton)
    assert not dialog.forward.isEnabled()
    dialog.findChildren(QComboBox, "own_label")[-1].setCurrentIndex(7)
    qtbot.mouseClick(child(dialog, QPushButton, "own_back"), Qt.MouseButton.LeftButton)
    accept(dialog, qtbot, state)
    labels = [image.label for image in state.recipe.minibatch.images]
    assert sorted(labels) == [4] * 119 + [7]


def test_thousands_of_files_are_refused_in_words(window, state, qtbot, tmp_path):
    """They make a data set, not a minibatch; none of them is read."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / f"{n}.png")) for n in range(10_000)])
    assert drop(window.minibatch.tray.viewport(), data)
    qtbot.waitUntil(lambda: state.status.problem is not None, timeout=WAIT_MS)
    assert "10,000 pictures are too many" in state.status.problem.message
    assert "open that as a data set" in state.status.problem.hint
    assert window.findChild(OwnImagesDialog) is None
