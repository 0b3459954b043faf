"""Data sets that lie in a folder, through the controller."""

from __future__ import annotations

import multiprocessing
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snip_gui.core.data.images.events import ThumbnailsDecoded
from snip_gui.core.data.images.image_set import mean_image
from snip_gui.core.data.sets import scan
from snip_gui.core.data.sets.events import ImagesLoaded
from snip_gui.core.recipe.recipe import DataChoice, Draw, ModelChoice, Recipe, Training
from snip_gui.session.choosing import pictures

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
    qtbot.waitUntil(lambda: state.status.problem is not None, timeout=WAIT_MS)
    assert "not those" in state.status.problem.message


def test_a_folder_that_vanished_is_reported_and_the_digits_stay_usable(scored, qtbot, tmp_path):
    state = scored.state
    scored.prefer(data_folder=str(tmp_path / "gone"))
    qtbot.waitUntil(lambda: state.status.problem is not None, timeout=WAIT_MS)
    assert "gone" in state.status.problem.message
    assert "“first” stays open" in state.status.problem.hint
    assert state.can_score
    scored.set_field("data.name", "digits")
    qtbot.waitUntil(lambda: state.can_score, timeout=WAIT_MS)
    scored.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)


def test_a_refused_folder_says_that_the_set_before_can_be_chosen_again(scored, qtbot, tmp_path):
    scored.set_field("data.name", "digits")
    qtbot.waitUntil(lambda: scored.state.can_score, timeout=WAIT_MS)
    digits = scored.state.images
    scored.prefer(data_folder=str(tmp_path / "gone"))
    scored.set_field("data.name", "folder")
    qtbot.waitUntil(lambda: scored.state.status.problem is not None, timeout=WAIT_MS)
    assert "You can switch back to “UCI digits”" in scored.state.status.problem.hint
    scored.set_field("data.name", "digits")
    assert scored.state.images is digits


def test_a_network_that_does_not_fit_is_reported_in_place(scored, qtbot):
    scored.set_field("model.name", "torchvision:no_such_network")
    qtbot.waitUntil(lambda: scored.state.status.problem is not None, timeout=WAIT_MS)
    assert scored.state.status.problem.field == "model.name"
    assert "no_such_network" in scored.state.status.problem.message
    assert scored.state.network.architecture is None
    scored.undo_stack.undo()
    assert scored.state.status.problem is None
    qtbot.waitUntil(lambda: scored.state.network.architecture is not None, timeout=WAIT_MS)
    assert not scored.state.is_stale


def test_images_too_small_for_a_network_are_resized_and_that_is_said(scored, qtbot):
    scored.set_field("data.name", "digits")
    scored.set_field("model.name", "vgg-like")
    qtbot.waitUntil(lambda: scored.state.can_score, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: scored.state.network.architecture is not None, timeout=WAIT_MS)
    assert "28x28 to 32x32" in scored.state.network.architecture.resized
    scored.score()
    qtbot.waitUntil(lambda: not scored.state.is_stale, timeout=WAIT_MS)
    assert scored.state.scored.architecture.input_shape == (1, 32, 32)
    assert any("32x32" in notice.text for notice in scored.state.notices.all)


def opened(controller, qtbot):
    """The controller once the images are there."""
    controller.start()
    qtbot.waitUntil(lambda: controller.state.can_score, timeout=WAIT_MS)
    return controller


def wait_for_problem(controller, qtbot):
    qtbot.waitUntil(lambda: controller.state.status.problem is not None, timeout=WAIT_MS)
    return controller.state.status.problem


# Before everything is read


@pytest.fixture
def held(monkeypatch):
    """Holds the reading of files up until it is set."""
    gate = threading.Event()
    look = scan.read_header

    def look_later(path):
        assert gate.wait(WAIT_MS / 1000)
        return look(path)

    monkeypatch.setattr(scan, "read_header", look_later)
    monkeypatch.setattr(scan, "_STEP_SECONDS", 0)
    yield gate
    gate.set()


def test_files_are_seen_while_they_are_read(controller, host, qtbot, held):
    state, happened = controller.state, []
    host.happened.connect(lambda item: happened.append(type(item.event)))
    controller.start()
    qtbot.waitUntil(lambda: state.listing is not None, timeout=WAIT_MS)
    assert state.images is None
    assert not state.can_score
    assert state.listing.classes == ("left", "right")
    assert len(state.listing.train_paths) == 24
    assert controller.pictures.picture(3) is None
    qtbot.waitUntil(lambda: host.is_busy("thumbnails"), timeout=WAIT_MS)
    held.set()
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    assert happened.index(ThumbnailsDecoded) < happened.index(ImagesLoaded)
    assert state.listing is None


def test_a_reading_that_is_cancelled_leaves_the_images_before(controller, qtbot, tmp_path, held):
    held.set()
    state = opened(controller, qtbot).state
    before, images = state.preferences.data_folder, state.images
    held.clear()
    controller.data.use_place("folder", make_folder(tmp_path / "second", 2))
    qtbot.waitUntil(lambda: state.listing is not None, timeout=WAIT_MS)
    controller.cancel()
    held.set()
    problem = wait_for_problem(controller, qtbot)
    assert "Stopped opening “second”" in problem.message
    assert "“first” stays open" in problem.hint
    assert state.images is images
    assert state.preferences.data_folder == before
    assert state.can_score


def test_the_first_reading_can_be_cancelled_and_asked_for_again(controller, qtbot, held):
    controller.start()
    state = controller.state
    qtbot.waitUntil(lambda: state.listing is not None, timeout=WAIT_MS)
    controller.cancel()
    held.set()
    wait_for_problem(controller, qtbot)
    assert state.images is None
    assert state.listing is None
    controller.data.use_place("folder", Path(state.preferences.data_folder))
    assert state.status.problem is None
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)


# Bad files


def test_bad_files_are_listed_and_skipped_when_the_user_says_so(controller, qtbot, tmp_path):
    state = opened(controller, qtbot).state
    images = state.images
    bad = make_folder(tmp_path / "bad", 3)
    (bad / "train" / "left" / "3.png").write_bytes(b"no image")
    controller.prefer(data_folder=str(bad))
    problem = wait_for_problem(controller, qtbot)
    assert [file.path for file in problem.unreadable] == [str(bad / "train" / "left" / "3.png")]
    assert problem.field == "data.skip_unreadable"
    assert state.images is images
    controller.data.skip_unreadable()
    qtbot.waitUntil(lambda: state.images not in (None, images), timeout=WAIT_MS)
    assert state.status.problem is None
    assert np.bincount(state.images.train_labels_N).tolist() == [11, 12]
    assert state.recipe.data.skip_unreadable
    assert any("Skipped “" in n.text and "3.png" in n.text for n in state.notices.all)
    controller.undo_stack.undo()
    assert wait_for_problem(controller, qtbot).unreadable


def test_a_folder_that_vanishes_while_open_spoils_nothing(controller, qtbot):
    state = opened(controller, qtbot).state
    qtbot.waitUntil(lambda: state.scored is not None, timeout=WAIT_MS)
    shutil.rmtree(state.preferences.data_folder)
    controller.minibatch.draw(7, ())
    controller.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    assert len(state.scored.indices_K) == 7


def test_a_streamed_folder_that_vanishes_is_reported_in_place(controller, host, qtbot):
    controller.prefer(image_memory_gb=0)
    state = opened(controller, qtbot).state
    qtbot.waitUntil(lambda: state.scored is not None, timeout=WAIT_MS)
    scored = state.scored
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    shutil.rmtree(state.preferences.data_folder)
    controller.minibatch.draw(7, ())
    assert "it no longer exists" in wait_for_problem(controller, qtbot).message
    controller.score()
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    assert "it no longer exists" in wait_for_problem(controller, qtbot).message
    assert state.scored is scored


# Size and memory


def test_another_image_size_is_read_again_and_undo_brings_the_first_back(controller, qtbot):
    state = opened(controller, qtbot).state
    first = state.images
    controller.set_field("data.image_size", 20)
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    assert state.images.image_shape == (3, 20, 20)
    controller.undo_stack.undo()
    assert state.images is first


def test_a_streamed_folder_gives_what_memory_gives(controller, qtbot):
    state = opened(controller, qtbot).state
    qtbot.waitUntil(lambda: state.scored is not None, timeout=WAIT_MS)
    in_memory, scored = state.images, state.scored
    expected = mean_image(in_memory.train_images.read(state.minibatch.indices_K))
    np.testing.assert_array_equal(controller.pictures.mean_CHW, expected)
    controller.prefer(image_memory_gb=0)
    qtbot.waitUntil(lambda: state.images not in (None, in_memory), timeout=WAIT_MS)
    assert state.images.kept.startswith("streamed from disk")
    assert state.images.digest == in_memory.digest
    assert state.scored is scored
    qtbot.waitUntil(lambda: controller.pictures.mean_CHW is not None, timeout=WAIT_MS)
    np.testing.assert_array_equal(controller.pictures.mean_CHW, expected)
    assert controller.pictures.picture(5) is None
    with qtbot.waitSignal(controller.pictures.changed, timeout=WAIT_MS):
        pass
    np.testing.assert_array_equal(
        controller.pictures.picture(5), in_memory.train_images.read([5])[0]
    )


def test_a_streamed_training_ends_and_leaves_no_process(controller, host, qtbot):
    controller.prefer(image_memory_gb=0)
    state = opened(controller, qtbot).state
    before = set(multiprocessing.active_children())
    controller.set_field("training.learning_rate", 0.0001)
    controller.train()
    qtbot.waitUntil(lambda: state.training.phase == "finished", timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    assert set(multiprocessing.active_children()) == before


# Thumbnails


def test_many_pictures_are_asked_for_at_once_and_few_are_kept(controller, host, qtbot, monkeypatch):
    controller.prefer(image_memory_gb=0)
    opened(controller, qtbot)
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    one_picture = 3 * 32 * 32
    monkeypatch.setattr(pictures, "_KEPT_BYTES", 4 * one_picture)
    submitted, submit = [], host.submit

    def count(kind, *arguments, **named):
        submitted.append(kind)
        return submit(kind, *arguments, **named)

    monkeypatch.setattr(host, "submit", count)
    assert [controller.pictures.picture(index) for index in range(10)] == [None] * 10
    with qtbot.waitSignal(controller.pictures.changed, timeout=WAIT_MS):
        pass
    assert submitted == ["thumbnails"]
    found = [controller.pictures.picture(index) is not None for index in range(10)]
    assert found == [False] * 6 + [True] * 4


def test_a_bad_file_has_a_picture_too(controller, qtbot):
    controller.prefer(image_memory_gb=0)
    state = opened(controller, qtbot).state
    path = state.images.train_images.paths[0]
    with open(path, "wb") as file:
        file.write(b"no image")
    controller.pictures.forget()
    assert controller.pictures.picture(0) is None
    with qtbot.waitSignal(controller.pictures.changed, timeout=WAIT_MS):
        pass
    assert controller.pictures.picture(0).shape == (1, 16, 16)
