"""Data sets that lie in a folder, through the controller."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from snip_gui.core.recipe import DataChoice, Draw, ModelChoice, Recipe, Training

WAIT_MS = 60_000


def make_folder(root, seed):
    generator = np.random.default_rng(seed)
    for part, number in (("train", 12), ("test", 4)):
        for name in ("left", "right"):
            (root / part / name).mkdir(parents=True)
            for index in range(number):
                pixels = generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{index}.png")
    return root


@pytest.fixture
def controller(make_controller, tmp_path):
    recipe = Recipe(
        model=ModelChoice(name="lenet-5-caffe"),
        data=DataChoice(name="folder"),
        minibatch=Draw(size=6),
        training=Training(epochs=1, batch_size=10),
    )
    folder = make_folder(tmp_path / "first", 1)
    return make_controller(recipe, data_folder=str(folder))


@pytest.fixture
def scored(controller, qtbot):
    controller.start()
    qtbot.waitUntil(lambda: controller.state.scored is not None, timeout=WAIT_MS)
    return controller


def test_a_folder_of_images_is_scored_and_trained(scored, qtbot):
    state = scored.state
    assert state.images.classes == ("left", "right")
    assert state.scored.layout["fc2.weight"].shape == (2, 500)
    scored.train()
    qtbot.waitUntil(lambda: state.training.phase == "finished", timeout=WAIT_MS)
    assert state.training.summary.data_digest == state.images.digest


def test_another_folder_makes_scores_stale_and_the_first_brings_them_back(scored, qtbot, tmp_path):
    state, first = scored.state, scored.state.scored
    here = state.preferences.data_folder
    scored.prefer(data_folder=str(make_folder(tmp_path / "second", 2)))
    assert not state.can_score
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    assert state.is_stale
    scored.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    assert state.scored is not first
    scored.prefer(data_folder=here)
    qtbot.waitUntil(lambda: state.scored is first, timeout=WAIT_MS)
    assert not state.is_stale


def test_a_run_is_not_resumed_on_other_images(scored, qtbot, tmp_path):
    state = scored.state
    scored.set_field("training.epochs", 5000)
    scored.set_field("training.learning_rate", 0.0001)  # noise: at 0.1 it diverges at once
    scored.train()
    qtbot.waitUntil(lambda: len(state.training.points) > 3, timeout=WAIT_MS)
    scored.stop()
    qtbot.waitUntil(lambda: state.training.can_continue, timeout=WAIT_MS)
    scored.prefer(data_folder=str(make_folder(tmp_path / "second", 2)))
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    scored.resume()
    qtbot.waitUntil(lambda: state.problem is not None, timeout=WAIT_MS)
    assert "not those" in state.problem.message


def test_a_folder_that_vanished_is_told_and_the_digits_go_on(scored, qtbot, tmp_path):
    state = scored.state
    scored.prefer(data_folder=str(tmp_path / "gone"))
    qtbot.waitUntil(lambda: state.problem is not None, timeout=WAIT_MS)
    assert "gone" in state.problem.message
    scored.set_field("data.name", "digits")
    qtbot.waitUntil(lambda: state.can_score, timeout=WAIT_MS)
    scored.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)


def test_a_network_that_does_not_fit_is_told_in_place(scored, qtbot):
    scored.set_field("model.name", "torchvision:no_such_network")
    qtbot.waitUntil(lambda: scored.state.problem is not None, timeout=WAIT_MS)
    assert scored.state.problem.field == "model.name"
    assert "no_such_network" in scored.state.problem.message
    assert scored.state.architecture is None
    scored.undo_stack.undo()
    assert scored.state.problem is None
    qtbot.waitUntil(lambda: scored.state.architecture is not None, timeout=WAIT_MS)
    assert not scored.state.is_stale


def test_images_too_small_for_a_network_are_resized_and_that_is_said(scored, qtbot):
    scored.set_field("data.name", "digits")
    scored.set_field("model.name", "vgg-like")
    qtbot.waitUntil(lambda: scored.state.can_score, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: scored.state.architecture is not None, timeout=WAIT_MS)
    assert "28x28 to 32x32" in scored.state.architecture.resized
    scored.score()
    qtbot.waitUntil(lambda: not scored.state.is_stale, timeout=WAIT_MS)
    assert scored.state.scored.architecture.input_shape == (1, 32, 32)
    assert any("32x32" in notice.text for notice in scored.state.notices.all)
