"""Downloads and data sets that cannot be read, through the controller, on a server on loopback."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.download.sources import Download
from snip_gui.core.data.images.image_set import make_image_set
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.recipe.recipe import Draw, Recipe, Training
from tests.core.data.loopback import md5, remote, serving

WAIT_MS = 60_000
PIXELS = np.random.default_rng(0).integers(0, 256, (400, 1, 28, 28), dtype=np.uint8)
RECIPE = Recipe(minibatch=Draw(size=6), training=Training(epochs=1))


def wait(qtbot, condition):
    qtbot.waitUntil(condition, timeout=WAIT_MS)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as loopback:
        yield loopback
    for thread in threading.enumerate():
        if thread.name == "download":
            thread.join(30)


@pytest.fixture
def toy(server, monkeypatch):
    """MNIST's row with a source on loopback, images in a file that need not be unpacked."""

    def read(folder, _cancel):
        yield from ()
        if folder is None:
            raise UserError("MNIST needs a data folder.", "Choose it.", field="data.name")
        content = (folder / "pixels").read_bytes() if (folder / "pixels").exists() else b""
        if md5(content) != md5(PIXELS.tobytes()):
            raise UserError(f"“{folder / 'pixels'}” is damaged.", "Mend it.", field="data.name")
        labels_N = np.arange(400) % 10
        part = (PIXELS, labels_N)
        names = tuple("0123456789")
        return make_image_set(name="mnist", title="Toy", classes=names, train=part, test=part)

    file = remote(server, "/pixels", PIXELS.tobytes())
    row = dataclasses.replace(
        DATASETS["mnist"], title="Toy", read=read, download=Download("page", "terms", (file,))
    )
    monkeypatch.setitem(DATASETS._all.by_name, "mnist", row)
    return server


@pytest.fixture
def scored(make_controller, qtbot):
    controller = make_controller(RECIPE)
    controller.start()
    wait(qtbot, lambda: controller.state.scored is not None)
    wait(qtbot, lambda: not controller.is_busy())
    return controller


def test_what_was_downloaded_is_used_at_once(toy, scored, qtbot, tmp_path):
    state = scored.state
    scored.set_field("data.name", "mnist")
    wait(qtbot, lambda: state.images_problem is not None)
    scored.data.download("mnist", tmp_path)
    wait(qtbot, lambda: state.images is not None)
    assert state.preferences.data_place("mnist") == str(tmp_path)
    assert state.preferences.data_folder == str(tmp_path)
    assert state.status.problem is None
    assert state.can_score
    assert any("Downloaded Toy" in notice.text for notice in state.notices.all)


def test_a_download_into_the_folder_that_is_chosen_already(toy, scored, qtbot, tmp_path):
    state = scored.state
    scored.prefer(data_folder=str(tmp_path))
    scored.set_field("data.name", "mnist")
    wait(qtbot, lambda: state.images_problem is not None)
    scored.data.download("mnist", tmp_path)
    wait(qtbot, lambda: state.images is not None)


def test_a_download_can_be_cancelled_while_something_else_is_used(toy, scored, qtbot, tmp_path):
    toy.held.add("/pixels")
    state = scored.state
    scored.set_field("data.name", "mnist")
    wait(qtbot, lambda: state.images_problem is not None)
    scored.data.download("mnist", tmp_path)
    wait(qtbot, lambda: state.status.activity is not None and state.status.activity.done > 0)
    assert state.status.activity.kind == "download"
    scored.undo_stack.undo()
    assert state.can_score
    scored.cancel()
    wait(qtbot, lambda: not scored.is_busy())
    assert not toy.release.is_set()
    assert state.status.activity is None
    assert not (tmp_path / "pixels").exists()


def test_a_download_for_a_data_set_left_meanwhile_moves_no_folder(toy, scored, qtbot, tmp_path):
    state = scored.state
    scored.set_field("data.name", "cifar-10")
    scored.prefer(data_folder=str(tmp_path / "mine"))
    scored.data.download("mnist", tmp_path / "new")
    wait(qtbot, lambda: not scored.is_busy())
    assert (tmp_path / "new" / "pixels").exists()
    assert state.preferences.data_place("cifar-10") == str(tmp_path / "mine")
    assert state.preferences.data_place("mnist") == str(tmp_path / "new")


def test_a_download_that_fails_is_reported_and_the_offer_stays(toy, scored, qtbot, tmp_path):
    toy.files.clear()
    state = scored.state
    scored.set_field("data.name", "mnist")
    wait(qtbot, lambda: state.images_problem is not None)
    scored.data.download("mnist", tmp_path)
    wait(qtbot, lambda: state.status.problem is not None and "404" in state.status.problem.message)
    assert state.images_problem is not None


def test_the_problem_stays_shown_while_other_fields_are_edited(toy, scored, qtbot):
    state = scored.state
    scored.set_field("data.name", "mnist")
    wait(qtbot, lambda: state.status.problem is not None)
    scored.set_sparsity(0.5)
    assert "data folder" in state.status.problem.message
    assert state.images is None


def test_after_bad_files_the_previous_choice_comes_back_whole(toy, scored, qtbot, tmp_path):
    (tmp_path / "pixels").write_bytes(PIXELS.tobytes()[:100])
    state = scored.state
    before = state.scored
    scored.prefer(data_folder=str(tmp_path))
    for go_back in (scored.undo_stack.undo, lambda: scored.set_field("data.name", "digits")):
        scored.set_field("data.name", "mnist")
        wait(qtbot, lambda: state.status.problem is not None)
        assert "damaged" in state.status.problem.message
        assert state.scored is before
        go_back()
        assert state.status.problem is None
        assert state.images.name == "digits"
        assert state.scored is before
        assert not state.is_stale
        assert state.can_train


def test_a_bad_folder_leaves_the_images_of_the_good_one(toy, scored, qtbot, tmp_path):
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    (good / "pixels").write_bytes(PIXELS.tobytes())
    state = scored.state
    scored.prefer(data_folder=str(good))
    scored.set_field("data.name", "mnist")
    wait(qtbot, lambda: state.images is not None)
    images = state.images
    scored.data.use_place("mnist", bad)
    wait(qtbot, lambda: state.status.problem is not None)
    (good / "pixels").unlink()
    scored.data.use_place("mnist", good)
    assert state.images is images
    assert state.status.problem is None


def test_files_that_were_mended_are_read_when_chosen_again(toy, scored, qtbot, tmp_path):
    state = scored.state
    scored.prefer(data_folder=str(tmp_path))
    for choose in (
        lambda: scored.set_field("data.name", "mnist"),
        lambda: scored.data.use_place("mnist", tmp_path),
    ):
        (tmp_path / "pixels").write_bytes(b"half")  # before anything can read the whole file
        scored.set_field("data.name", "mnist")
        scored.data.use_place("mnist", tmp_path)
        wait(qtbot, lambda: state.images_problem is not None)
        (tmp_path / "pixels").write_bytes(PIXELS.tobytes())
        choose()
        wait(qtbot, lambda: state.images is not None)
        scored.data._sets.clear()
        scored.set_field("data.name", "digits")
        wait(qtbot, lambda: state.network.architecture is not None)


def test_a_set_that_fails_after_it_was_left_is_not_reported(toy, scored, qtbot, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def read(_folder, _cancel):
        yield from ()
        begun.set()
        go_on.wait(30)
        raise UserError("too late")

    monkeypatch.setitem(
        DATASETS._all.by_name, "mnist", dataclasses.replace(DATASETS["mnist"], read=read)
    )
    scored.set_field("data.name", "mnist")
    assert begun.wait(30)
    scored.undo_stack.undo()
    go_on.set()
    wait(qtbot, lambda: not scored.is_busy())
    assert scored.state.status.problem is None
    assert scored.state.can_score


def test_each_data_set_is_found_again_where_it_was(toy, scored, qtbot, tmp_path):
    """A file of arrays comes back whole after a folder was named for another set."""
    state = scored.state
    np.savez(tmp_path / "set.npz", X=PIXELS, y=np.arange(400) % 10)
    scored.set_field("data.name", "arrays")
    scored.data.use_place("arrays", tmp_path / "set.npz")
    wait(qtbot, lambda: state.images is not None)
    scored.score()
    wait(qtbot, lambda: not state.is_stale)
    arrays, scores = state.images, state.scored
    (tmp_path / "set.npz").unlink()
    scored.set_field("data.name", "mnist")
    scored.data.download("mnist", tmp_path / "new")
    wait(qtbot, lambda: state.images is not None)
    scored.set_field("data.name", "arrays")
    assert state.images is arrays
    assert state.scored is scores
    assert not state.is_stale
