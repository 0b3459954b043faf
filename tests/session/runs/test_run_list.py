from __future__ import annotations

import msgspec
import numpy as np
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.events import Note
from snip_gui.core.data.minibatch.own_pictures import save_image
from snip_gui.core.engine.crew import Crew
from snip_gui.core.engine.sweep import sweep_steps
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import Draw, OwnImage, Picked, Recipe, Training
from snip_gui.core.runs.edits import BIN
from snip_gui.core.runs.folder import IMAGES, read_summary
from snip_gui.core.training.events import PointsMeasured
from tests.run_folders import make_run, recipe_with

WAIT_MS = 60_000
RECIPE = Recipe(minibatch=Draw(classes=(8,), size=20), training=Training(epochs=1))
LONG = with_value(RECIPE, "training.epochs", 100_000)


def wait(qtbot, condition):
    qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def controller(make_controller, qtbot):
    controller = make_controller(RECIPE)
    yield controller
    controller.queue.clear()
    controller.stop()
    wait(qtbot, lambda: not controller.is_busy())


@pytest.fixture
def listed(controller, qtbot, folder):
    """Three runs, listed."""
    for name, day in (("a", 1), ("b", 2), ("c", 3)):
        created = f"2024-01-0{day}T00:00:00+00:00"
        make_run(folder, name, recipe_with(), created=created)
    controller.runs.refresh()
    wait(qtbot, lambda: controller.runs.is_listed)
    return controller


def by_name(controller, name):
    return next(
        entry for entry in controller.runs.entries if name in (entry.folder.name, entry.name)
    )


def names(controller):
    return [entry.folder.name for entry in controller.runs.entries]


def idle(qtbot, controller):
    wait(qtbot, lambda: not controller.is_busy())


def test_runs_are_listed_newest_first(listed):
    assert names(listed) == ["c", "b", "a"]
    assert listed.runs.offer is None


def test_star_and_note(listed, qtbot):
    listed.runs.set_notes(by_name(listed, "b"), starred=True)
    wait(qtbot, lambda: by_name(listed, "b").notes.starred)
    listed.runs.set_notes(by_name(listed, "b"), note="good")
    wait(qtbot, lambda: by_name(listed, "b").notes.note == "good")
    assert by_name(listed, "b").notes.starred


def test_checked_runs_have_curves_and_follow_a_new_name(listed, qtbot, folder):
    runs = listed.runs
    runs.check(folder / "b", True)
    runs.check(folder / "a", True)
    wait(qtbot, lambda: all(runs.curve(entry) for entry in runs.checked))
    assert [entry.folder.name for entry in runs.checked] == ["b", "a"]
    assert runs.curve(by_name(listed, "a"))[-1].epoch == 3
    runs.rename(by_name(listed, "b"), "best")
    wait(qtbot, lambda: by_name(listed, "b").name == "best" and runs.curve(by_name(listed, "best")))
    assert [entry.folder.name for entry in runs.checked] == ["b", "a"]
    runs.check(by_name(listed, "best").folder, False)
    assert [entry.folder.name for entry in runs.checked] == ["a"]


def test_a_name_that_is_too_long_is_refused_in_words(listed, qtbot):
    listed.runs.rename(by_name(listed, "b"), "x" * 300)
    wait(qtbot, lambda: listed.state.status.problem is not None)
    assert "300 letters is too long" in listed.state.status.problem.message
    assert sorted(names(listed)) == ["a", "b", "c"]


def test_deletions_are_undone_one_after_another(listed, qtbot, folder):
    runs = listed.runs
    runs.delete([by_name(listed, "a"), by_name(listed, "b")])
    runs.delete([by_name(listed, "c")])
    wait(qtbot, lambda: names(listed) == [])
    idle(qtbot, listed)
    assert sorted(path.name for path in (folder / BIN).iterdir()) == ["a", "b", "c"]
    assert runs.num_deleted == 1
    runs.undo_delete()
    wait(qtbot, lambda: names(listed) == ["c"])
    assert runs.num_deleted == 2
    runs.undo_delete()
    wait(qtbot, lambda: names(listed) == ["c", "b", "a"])
    idle(qtbot, listed)
    assert runs.num_deleted == 0


def test_what_cannot_be_taken_out_of_the_bin_can_be_tried_again(listed, qtbot, folder):
    runs = listed.runs
    runs.delete([by_name(listed, "a"), by_name(listed, "b")])
    wait(qtbot, lambda: names(listed) == ["c"])
    idle(qtbot, listed)
    make_run(folder, "b", recipe_with())
    runs.undo_delete()
    wait(qtbot, lambda: listed.state.status.problem is not None and runs.num_deleted == 1)
    assert "there is a run in its folder" in listed.state.status.problem.message
    (folder / "b").rename(folder / "other")
    runs.undo_delete()
    wait(qtbot, lambda: set(names(listed)) == {"a", "b", "c", "other"})


def test_a_training_is_listed_while_it_runs_and_when_it_has_ended(controller, qtbot):
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    controller.train_recipe(LONG)
    wait(qtbot, lambda: any(e.state == "running" for e in controller.runs.entries))
    (entry,) = controller.runs.entries
    controller.runs.delete([entry])
    wait(qtbot, lambda: controller.state.status.problem is not None)
    assert "currently being trained" in controller.state.status.problem.message
    controller.stop()
    wait(qtbot, lambda: any(e.state == "stopped" for e in controller.runs.entries))


def test_a_run_that_was_interrupted_is_offered_at_the_next_start(make_controller, qtbot):
    first = make_controller(LONG)
    first.start()
    wait(qtbot, lambda: first.state.can_train)
    first.train_recipe(with_value(RECIPE, "training.epochs", 300))
    wait(qtbot, lambda: first.state.training.points)
    first.stop()
    idle(qtbot, first)
    steps = first.state.training.step

    again = make_controller(RECIPE)
    assert again.runs.offer is None
    again.runs.refresh()
    wait(qtbot, lambda: again.runs.offer is not None)
    again.resume_run(again.runs.offer.folder)
    assert again.runs.offer is None
    assert again.state.training.recipe.training.epochs == 300
    wait(qtbot, lambda: again.state.training.step > steps)
    again.stop()
    idle(qtbot, again)


def test_a_finished_run_or_a_declined_offer_is_not_offered(controller, qtbot, folder):
    make_run(folder, "old", recipe_with(), state="stopped", created="2023-01-01T00:00:00+00:00")
    make_run(folder, "new", recipe_with())
    controller.runs.refresh()
    wait(qtbot, lambda: controller.runs.is_listed)
    assert controller.runs.offer is None


def test_an_offer_can_be_declined(controller, qtbot, folder):
    make_run(folder, "old", recipe_with(), state="stopped")
    controller.runs.refresh()
    wait(qtbot, lambda: controller.runs.offer is not None)
    controller.runs.dismiss_offer()
    controller.runs.refresh()
    idle(qtbot, controller)
    assert controller.runs.offer is None


def test_a_run_that_cannot_be_resumed_is_reported_in_place(controller, qtbot, folder):
    controller.resume_run(folder / "gone")
    assert "cannot be read" in controller.state.status.problem.message
    make_run(folder, "half", recipe_with(), state="stopped")
    controller.resume_run(folder / "half")
    idle(qtbot, controller)
    assert controller.state.training.phase == "failed"


def test_the_recipe_of_a_run_brings_its_own_images_along(controller, qtbot, folder):
    digest = save_image(folder, np.full((1, 28, 28), 7, np.uint8))
    picked = Picked(indices=(4,), images=(OwnImage(digest=digest, label=3),))
    run = make_run(folder, "own", msgspec.structs.replace(RECIPE, minibatch=picked))
    picture = run / IMAGES / f"{digest}.png"
    picture.parent.mkdir()
    (folder / picture.name).rename(picture)
    controller.runs.refresh()
    wait(qtbot, lambda: controller.runs.is_listed)
    (entry,) = controller.runs.entries
    assert controller.runs.take_recipe(entry).minibatch == picked
    kept = controller.state.preferences.environment.image_folders[0]
    assert (kept / picture.name).read_bytes() == picture.read_bytes()


# The queue


def test_recipes_are_trained_one_after_another(controller, qtbot):
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    queue = controller.queue
    seen = []
    queue.changed.connect(lambda: seen.append((queue.number, queue.total)))
    recipes = [with_value(RECIPE, "pruning.sparsity", s) for s in (0.0, 0.9, 0.99)]
    queue.add(recipes)
    assert (queue.number, queue.total, len(queue.waiting)) == (1, 3, 2)
    wait(qtbot, lambda: queue.total == 0)
    idle(qtbot, controller)
    assert seen == [(1, 3), (2, 3), (3, 3), (0, 0)]
    trained = [entry.recipe for entry in reversed(controller.runs.entries)]
    assert sorted(r.pruning.sparsity for r in trained) == [0.0, 0.9, 0.99]
    assert {entry.state for entry in controller.runs.entries} == {"finished"}


def test_stopping_keeps_what_was_done_and_lets_the_others_wait(controller, qtbot):
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    queue = controller.queue
    queue.add([LONG, RECIPE])
    wait(qtbot, lambda: controller.state.training.points)
    controller.stop()
    wait(qtbot, lambda: queue.is_paused)
    idle(qtbot, controller)
    assert [entry.state for entry in controller.runs.entries] == ["stopped"]
    assert queue.waiting == (RECIPE,)
    queue.resume()
    assert controller.state.training.recipe == RECIPE
    wait(qtbot, lambda: queue.total == 0)
    idle(qtbot, controller)
    assert sorted(entry.state for entry in controller.runs.entries) == ["finished", "stopped"]


def test_a_queue_waits_for_the_current_training(controller, qtbot):
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    controller.train()
    controller.queue.add([with_value(RECIPE, "seed", 3)])
    assert (controller.queue.number, len(controller.queue.waiting)) == (0, 1)
    wait(qtbot, lambda: controller.queue.total == 0)
    idle(qtbot, controller)
    assert {entry.recipe.seed for entry in controller.runs.entries} == {0, 3}


def test_a_queue_continues_after_a_run_that_failed_and_lists_it(controller, qtbot):
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    queue = controller.queue
    queue.add([with_value(RECIPE, "minibatch.classes", [77]), RECIPE])
    wait(qtbot, lambda: queue.total == 0)
    idle(qtbot, controller)
    assert [entry.state for entry in controller.runs.entries] == ["finished"]
    (said,) = [n.text for n in controller.state.notices.all if "of the queue failed" in n.text]
    assert said.startswith("1 of 2 runs of the queue failed; run 1: There is no class “#77”")


def test_a_queue_does_nothing_twice_unless_asked_to(controller, qtbot):
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    queue = controller.queue
    for again, number in ((False, 1), (False, 1), (True, 2)):
        queue.add([RECIPE], again=again)
        wait(qtbot, lambda: queue.total == 0)
        idle(qtbot, controller)
        training = controller.state.training
        assert training.phase == "finished"
        assert {point.split for point in training.points} == {"train", "validation", "test"}
        assert [e.state for e in controller.runs.entries] == ["finished"] * number


def test_the_window_continues_a_run_of_the_command_line(controller, qtbot):
    """And shows it as if it had trained it; a run of any name will do."""
    folder = controller.state.preferences.runs_path / "of-another-name"
    cancel = CancelToken()

    def stop_in_training(event):
        if isinstance(event, PointsMeasured) and event.points[-1].step > 0:
            cancel.cancel()

    run(LONG, folder, Environment(device="cpu", num_threads=1), stop_in_training, cancel)
    steps = read_summary(folder).step
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    controller.train_recipe(LONG)
    wait(qtbot, lambda: controller.state.training.step > steps)
    assert controller.state.training.folder == folder
    controller.stop()
    idle(qtbot, controller)
    assert read_summary(folder).step > steps
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_the_command_line_continues_a_run_of_the_window(controller, qtbot):
    recipe = with_value(RECIPE, "training.epochs", 40)
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    controller.queue.add([recipe])
    wait(qtbot, lambda: controller.state.training.step > 20)
    controller.stop()
    idle(qtbot, controller)
    folder = controller.state.training.folder
    steps = read_summary(folder).step
    assert 0 < steps < read_summary(folder).num_steps
    runs = controller.state.preferences.runs_path
    environment = Environment(device="cpu", num_threads=1)
    notes = [
        event.text
        for event in sweep_steps([recipe], runs, environment, Crew(), CancelToken())
        if isinstance(event, Note)
    ]
    assert any(f"Resuming from step {steps:,}" in text for text in notes)
    assert read_summary(folder).state == "finished"
    assert [path.name for path in runs.iterdir()] == [folder.name]


def test_a_crash_holds_the_queue_and_clearing_forgets_it(controller, qtbot, monkeypatch):
    def crash(*_arguments, **_options):
        raise ZeroDivisionError

    monkeypatch.setattr("snip_gui.core.execution.complete.run_steps", crash)
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    queue = controller.queue
    queue.add([RECIPE, RECIPE, RECIPE])
    wait(qtbot, lambda: queue.is_paused)
    assert controller.state.training.phase == "failed"
    queue.clear()
    assert (queue.total, queue.is_paused) == (0, False)


def test_a_run_that_diverges_does_not_hold_the_queue(controller, qtbot):
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    wild = with_value(RECIPE, "training.learning_rate", 100.0)
    wild = with_value(with_value(wild, "training.momentum", 0.99), "training.epochs", 50)
    controller.queue.add([wild, RECIPE])
    wait(qtbot, lambda: controller.queue.total == 0)
    idle(qtbot, controller)
    assert sorted(e.state for e in controller.runs.entries) == ["diverged", "finished"]


def test_a_queue_outlives_the_program(controller, qtbot, tmp_path, make_controller):
    file = tmp_path / "queue.json"
    controller.queue.keep_in(file)
    assert controller.queue.total == 0
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    controller.queue.add([LONG, RECIPE, with_value(RECIPE, "seed", 3)])
    wait(qtbot, lambda: controller.state.training.points)
    controller.stop()
    idle(qtbot, controller)

    later = make_controller(RECIPE)
    later.queue.keep_in(file)
    assert [recipe.seed for recipe in later.queue.waiting] == [0, 3]
    assert later.queue.is_paused
    texts = [notice.text for notice in later.state.notices.all]
    assert any("2 runs left in the queue" in text for text in texts)
    later.queue.clear()
    assert msgspec.json.decode(file.read_bytes()) == []


def test_a_queue_that_ends_before_its_training_begins_loses_no_run(
    controller, host, qtbot, tmp_path, make_controller
):
    file = tmp_path / "queue.json"
    controller.queue.keep_in(file)
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    controller.queue.add([RECIPE, with_value(RECIPE, "seed", 3)])
    assert host.shutdown()  # as when the window is closed, or killed, at once

    later = make_controller(RECIPE)
    later.queue.keep_in(file)
    assert [recipe.seed for recipe in later.queue.waiting] == [0, 3]


def test_a_damaged_queue_is_said_and_the_next_one_is_kept(controller, tmp_path):
    file = tmp_path / "queue.json"
    file.write_text('[{"model": 3}]')
    controller.queue.keep_in(file)
    assert controller.queue.total == 0
    assert "could not be restored" in controller.state.notices.all[-1].text


def test_a_finished_run_is_extended(controller, qtbot):
    controller.start()
    wait(qtbot, lambda: controller.state.can_train)
    controller.train()
    wait(qtbot, lambda: controller.state.training.phase == "finished")
    idle(qtbot, controller)
    first = controller.state.training.folder
    controller.trainings.extend(first, 2)
    wait(qtbot, lambda: controller.state.training.phase == "finished")
    idle(qtbot, controller)
    training = controller.state.training
    assert training.folder != first
    assert training.recipe.training.added_epochs == 2
    assert training.points[0].epoch == 0
    assert training.points[-1].epoch == training.recipe.training.epochs + 2
    assert {entry.state for entry in controller.runs.entries} == {"finished"}
    controller.trainings.extend(first / "gone", 1)
    assert controller.state.status.problem is not None
