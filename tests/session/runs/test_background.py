from __future__ import annotations

import json
import os
import signal

import pytest

from snip_gui.core.engine.desk import PLAN, find_desks, open_desk
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import Draw, Recipe, Training
from snip_gui.core.runs.lease import RUNNING
from snip_gui.core.runs.listing import list_runs

WAIT_MS = 90_000
RECIPE = Recipe(minibatch=Draw(size=20), training=Training(epochs=1))
LONG = with_value(RECIPE, "training.epochs", 2000)


def wait(qtbot, condition):
    qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)


@pytest.fixture
def controller(make_controller, qtbot, tmp_path):
    controller = make_controller(RECIPE)
    yield controller
    controller.background.clear()
    wait(qtbot, lambda: not any(desk.is_open for desk in find_desks(tmp_path / "runs")))


@pytest.fixture
def folder(controller):
    return controller.state.preferences.runs_path


def seeds(recipe, number):
    return [with_value(recipe, "seed", seed) for seed in range(number)]


def test_runs_in_the_background_are_watched_to_their_end(controller, qtbot, folder):
    background, texts = controller.background, set()
    background.changed.connect(lambda: texts.add(background.text))
    status, activities = controller.state.status, []
    status.activity_changed.connect(lambda: activities.append(status.activity))
    impossible = with_value(RECIPE, "minibatch.classes", (77,))
    background.start([impossible, *seeds(RECIPE, 2)], 2)
    assert background.has_queues
    wait(qtbot, lambda: not background.has_queues)
    wait(qtbot, lambda: len(controller.runs.entries) == 2)
    wait(qtbot, lambda: {e.state for e in controller.runs.entries} == {"finished"})
    assert "Starting runs in the background." in texts
    assert any("of 3 runs done, 2 running" in text for text in texts)
    said = [notice.text for notice in controller.state.notices.all]
    assert sum("1 run in the background failed" in text for text in said) == 1
    assert [activity is None for activity in activities] == [False] * (len(activities) - 1) + [True]
    assert {e.recipe.training.epochs for e in controller.runs.entries} == {1}
    assert find_desks(folder) == []


def test_stopped_ones_wait_in_the_queue_of_the_window(controller, qtbot, folder):
    recipes = seeds(LONG, 3)
    controller.background.start(recipes, 2)
    wait(qtbot, lambda: controller.background.running)
    controller.background.stop()
    wait(qtbot, lambda: controller.queue.is_paused)
    assert list(controller.queue.waiting) == recipes
    controller.queue.clear()


def test_cleared_ones_are_forgotten_but_their_progress_is_kept(controller, qtbot, folder):
    controller.background.start(seeds(LONG, 3), 2)
    wait(qtbot, lambda: sum(entry.epochs_done > 0 for entry in list_runs(folder)) == 2)
    wait(qtbot, lambda: controller.background.running)
    controller.background.clear()
    wait(qtbot, lambda: not controller.background.has_queues)
    assert controller.queue.waiting == ()
    assert [entry.state for entry in list_runs(folder)] == ["stopped", "stopped"]


def test_a_window_finds_what_another_one_has_left_running(
    controller, make_controller, qtbot, folder
):
    controller.background.start(seeds(LONG, 2), 2)
    later = make_controller(RECIPE)
    wait(qtbot, lambda: find_desks(folder) and find_desks(folder)[0].is_open)
    later.background.look()
    wait(qtbot, lambda: later.background.has_queues)
    assert later.queue.waiting == ()
    later.background.clear()
    wait(qtbot, lambda: not later.background.has_queues)


def test_a_killed_queue_waits_in_the_window(controller, qtbot, folder):
    recipes = seeds(LONG, 2)
    controller.background.start(recipes, 2)
    wait(qtbot, lambda: controller.background.running)
    (desk,) = find_desks(folder)
    pid = json.loads((desk.folder / RUNNING).read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    wait(qtbot, lambda: controller.queue.is_paused)
    assert list(controller.queue.waiting) == recipes
    controller.queue.clear()


def test_a_sweep_of_the_command_line_is_shown_but_not_stopped(controller, qtbot, folder):
    with open_desk(folder) as desk:
        controller.background.look()
        wait(qtbot, lambda: controller.background.running)
        assert not controller.background.has_queues
        controller.background.clear()
        assert not desk.is_asked_to_stop()


def test_a_queue_that_cannot_be_written_is_a_sentence(controller, folder):
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file")
    controller.background.start(seeds(RECIPE, 2), 2)
    assert "cannot be written" in controller.state.status.problem.message
    assert not controller.background.has_queues
    folder.unlink()


def test_a_cluster_without_an_address_is_refused_in_place(controller, folder):
    controller.prefer(executor="dask")
    controller.background.start(seeds(RECIPE, 2), 2)
    assert "its address is missing" in controller.state.status.problem.message
    assert not controller.background.has_queues
    assert find_desks(folder) == []


def test_the_plan_names_the_cluster_and_the_event_files(controller, folder, monkeypatch):
    monkeypatch.setattr(controller.background, "_start_process", lambda desk: None)
    controller.prefer(executor="dask", dask_address="tcp://127.0.0.1:1", event_files=True)
    controller.background.start(seeds(RECIPE, 2), 2)
    (desk,) = find_desks(folder)
    plan = json.loads((desk.folder / PLAN).read_text())
    assert (plan["executor"], plan["event_files"]) == ("dask:tcp://127.0.0.1:1", True)
    (desk.folder / PLAN).unlink()
