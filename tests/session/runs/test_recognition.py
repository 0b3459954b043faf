"""The latest image is answered by the pruned network and its dense companion."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage

from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import Draw, Recipe, Training
from tests.qt_fixtures import WAIT_MS

RECIPE = Recipe(minibatch=Draw(size=50), training=Training(epochs=2))


@pytest.fixture
def controller(make_controller, qtbot):
    made = make_controller(RECIPE)
    made.start()
    qtbot.waitUntil(lambda: made.state.scored is not None, timeout=WAIT_MS)
    made.recognition.want(wanted=True)
    return made


@pytest.fixture
def trained(controller, qtbot):
    """A pruned run, and the dense one that was trained before it."""
    for recipe in (with_value(RECIPE, "pruning.sparsity", 0.0), RECIPE):
        controller.train_recipe(recipe)
        qtbot.waitUntil(lambda: controller.state.training.phase == "finished", timeout=WAIT_MS)
        qtbot.waitUntil(lambda: not controller.is_busy(), timeout=WAIT_MS)
    controller.runs.refresh()
    qtbot.waitUntil(
        lambda: sum(e.epochs_done > 0 for e in controller.runs.entries) == 2, timeout=WAIT_MS
    )
    return controller


def answered(qtbot, recognition):
    qtbot.waitUntil(lambda: bool(recognition.answers), timeout=WAIT_MS)
    return recognition.answers


def test_nothing_answers_before_anything_is_trained(controller):
    controller.recognition.show_index(3)
    assert controller.recognition.subjects == ()
    assert controller.recognition.answers == ()
    assert not controller.is_busy("answers")


def test_pruned_and_dense_answer_side_by_side(trained, qtbot):
    asks = trained.recognition
    asks.show_index(3)
    pruned, dense = answered(qtbot, asks)
    assert pruned.title.startswith("90% removed, test error ")
    assert dense.title.startswith("Dense network, test error ")
    images = trained.state.images
    assert asks.image_title == f"image 3, class {images.classes[images.train_labels_N[3]]}"
    assert not np.array_equal(pruned.probability_K, dense.probability_K)
    # Each run can be asked, and the dense one has no companion.
    assert len(asks.subjects) == 2
    dense_run = next(e for e in trained.runs.entries if e.sparsity == 0)
    asks.choose(next(one for one in asks.subjects if one.folder == dense_run.folder))
    qtbot.waitUntil(lambda: len(asks.answers) == 1, timeout=WAIT_MS)
    np.testing.assert_array_equal(asks.answers[0].probability_K, dense.probability_K)


def test_the_latest_image_wins_and_stale_answers_are_dropped(trained, qtbot):
    asks, shown = trained.recognition, []
    asks.changed.connect(lambda: asks.answers and shown.append((asks.image_CHW, asks.answers)))
    for index in range(20):
        asks.show_index(index)
    answered(qtbot, asks)
    qtbot.waitUntil(lambda: not trained.is_busy(), timeout=WAIT_MS)
    last_CHW = trained.state.images.train_images.read([19])[0]
    assert shown
    assert all(np.array_equal(image_CHW, last_CHW) for image_CHW, _ in shown)


def test_a_drawing_a_file_and_a_pasted_picture_are_asked_about(trained, qtbot, tmp_path):
    asks = trained.recognition
    ink_HW = np.zeros((280, 280), np.uint8)
    ink_HW[40:240, 130:160] = 255
    asks.show_drawing(ink_HW)
    answered(qtbot, asks)
    assert asks.image_title == "your drawing"
    drawn_CHW = asks.image_CHW
    image = QImage(280, 280, QImage.Format.Format_Grayscale8)
    image.fill(255)  # dark ink on paper
    for row in range(40, 240):
        for column in range(130, 160):
            image.setPixel(column, row, 0)
    image.save(str(tmp_path / "one.png"))
    asks.bring([tmp_path / "one.png"])
    qtbot.waitUntil(lambda: asks.image_title == "one.png" and bool(asks.answers), timeout=WAIT_MS)
    # The same on black, up to where it is placed.
    assert asks.image_CHW[0, 0, 0] == 0
    assert asks.image_CHW.max() > 200
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    asks.bring([bytes(buffer.data().data())])
    qtbot.waitUntil(lambda: asks.image_title == "pasted image", timeout=WAIT_MS)
    asks.show_drawing(np.zeros((280, 280), np.uint8))
    assert asks.image_CHW is None
    assert asks.answers == ()
    assert drawn_CHW.shape == trained.state.images.image_shape


def test_a_file_that_is_not_an_image_says_so(trained, qtbot, tmp_path):
    asks = trained.recognition
    (tmp_path / "x.png").write_bytes(b"no picture")
    asks.bring([tmp_path / "x.png"])
    qtbot.waitUntil(lambda: bool(asks.problem), timeout=WAIT_MS)
    assert asks.problem.startswith("x.png: It cannot be read")


def test_a_drawing_is_not_replaced_by_a_file_that_arrives_later(trained, qtbot, tmp_path):
    asks = trained.recognition
    (tmp_path / "x.png").write_bytes(b"no picture")
    asks.bring([tmp_path / "x.png"])
    ink_HW = np.full((280, 280), 255, np.uint8)
    asks.show_drawing(ink_HW)
    qtbot.waitUntil(lambda: not trained.is_busy(), timeout=WAIT_MS)
    assert asks.image_title == "your drawing"
    assert not asks.problem
    assert asks.answers


def test_an_opened_checkpoint_answers_at_the_sparsity_of_the_slider(trained, qtbot):
    asks, state = trained.recognition, trained.state
    trained.network.use_weights(state.training.folder / "init.safetensors")
    qtbot.waitUntil(lambda: bool(state.recipe.model.weights), timeout=WAIT_MS)
    trained.score()
    qtbot.waitUntil(lambda: not state.is_stale and not trained.is_busy(), timeout=WAIT_MS)
    subject = next(subject for subject in asks.subjects if subject.folder is None)
    assert subject.title == "opened checkpoint"
    asks.choose(subject)
    asks.show_index(3)
    qtbot.waitUntil(lambda: bool(asks.answers), timeout=WAIT_MS)
    before = asks.answers
    assert [answer.title for answer in before] == ["90% removed", "Not pruned"]
    trained.set_sparsity(0.5)
    qtbot.waitUntil(lambda: asks.answers[0].title == "50% removed", timeout=WAIT_MS)
    np.testing.assert_array_equal(asks.answers[1].probability_K, before[1].probability_K)
    assert not np.array_equal(asks.answers[0].probability_K, before[0].probability_K)
