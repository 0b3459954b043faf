from __future__ import annotations

import msgspec
import numpy as np
import pytest

from snip_gui.core.recipe.methods import RandomMask, Snip
from snip_gui.core.recipe.methods.iterative import IterativeSnip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Picked, Recipe, Training
from snip_gui.core.runs import folder as run_folder

WAIT_MS = 60_000
RECIPE = Recipe(minibatch=Draw(classes=(8,), size=20), training=Training(epochs=2))


@pytest.fixture
def controller(make_controller):
    return make_controller(RECIPE)


@pytest.fixture
def scored(controller, qtbot):
    controller.start()
    wait(qtbot, lambda: controller.state.scored is not None)
    wait(qtbot, lambda: not controller.is_busy())
    return controller


def wait(qtbot, condition):
    qtbot.waitUntil(condition, timeout=WAIT_MS)


def test_the_start_ends_in_a_scored_picture(scored):
    state = scored.state
    assert state.scored.layout.num_parameters == 266_610
    assert not state.is_stale
    assert state.devices[0][0] == "cpu"
    assert sum(row.kept for row in state.layer_rows()) == 26_661
    assert state.status.activity is None


def test_a_file_that_was_double_clicked_and_cannot_be_opened_is_reported_after_the_start(
    controller, qtbot, tmp_path
):
    controller.start()
    controller.recipes.open(tmp_path / "missing.recipe.json")
    wait(qtbot, lambda: controller.state.scored is not None)
    wait(qtbot, lambda: not controller.is_busy())
    assert "missing.recipe.json" in controller.state.status.problem.message


def test_a_drag_of_the_slider_is_one_step_of_undo(scored):
    for number in range(50):
        scored.set_sparsity(0.90 + number / 1000)
    assert scored.state.recipe.pruning.sparsity == pytest.approx(0.949)
    scored.undo_stack.undo()
    assert scored.state.recipe == RECIPE
    assert not scored.undo_stack.canUndo()
    scored.undo_stack.redo()
    assert scored.state.recipe.pruning.sparsity == pytest.approx(0.949)


def test_exact_numbers_kept_are_kept_exactly(scored):
    for num_kept in (1, 2, 5332, 266_609, 266_610):
        scored.set_num_kept(num_kept)
        assert scored.state.num_kept == num_kept
        assert sum(row.kept for row in scored.state.layer_rows()) == num_kept


def test_the_sparsity_never_leaves_nothing(scored):
    scored.set_sparsity(1.5)
    assert scored.state.num_kept == 1
    scored.set_sparsity(-1)
    assert scored.state.num_kept == 266_610


def test_changing_what_scores_depend_on_makes_them_stale_and_going_back_mends_it(scored):
    first = scored.state.scored
    scored.set_field("model.init", "he")
    assert scored.state.is_stale
    assert scored.state.scored is first
    scored.undo_stack.undo()
    assert not scored.state.is_stale


def test_known_scores_come_back_without_work(scored, qtbot):
    first = scored.state.scored
    scored.set_field("seed", 5)
    scored.score()
    wait(qtbot, lambda: not scored.state.is_stale and not scored.is_busy())
    assert scored.state.scored is not first
    scored.undo_stack.undo()
    assert scored.state.scored is first
    scored.score()
    assert not scored.is_busy()


def test_a_value_out_of_bounds_is_reported_in_place_and_changes_nothing(controller):
    controller.set_field("training.epochs", 0)
    assert controller.state.recipe == RECIPE
    assert controller.state.status.problem.field == "training.epochs"
    controller.set_field("training.epochs", 5)
    assert controller.state.status.problem is None


def test_switching_the_method_keeps_what_both_know(controller):
    controller.set_sparsity(0.7)
    controller.set_field("pruning.method", "random")
    assert controller.state.recipe.pruning == RandomMask(sparsity=0.7)
    controller.set_field("pruning.method", "snip")
    assert controller.state.recipe.pruning == Snip(sparsity=0.7)


def test_curating_image_by_image(scored):
    state = scored.state
    start = state.minibatch.indices_K
    other = [i for i in state.split.train_indices.tolist() if i not in start][:3]
    scored.minibatch.add(other)
    assert isinstance(state.recipe.minibatch, Picked)
    assert set(state.minibatch.indices_K) == set(start) | set(other)
    scored.minibatch.remove(start.tolist())
    assert state.minibatch.indices_K.tolist() == sorted(other)
    scored.minibatch.take_per_class(2)
    labels = state.images.train_labels_N[state.minibatch.indices_K]
    assert np.bincount(labels).tolist() == [2] * 10
    scored.minibatch.clear()
    assert len(state.minibatch.indices_K) == 0
    assert not state.can_score
    for _ in range(4):
        scored.undo_stack.undo()
    assert state.recipe == RECIPE


def test_drawing_again_draws_other_images_of_the_same_kind(scored):
    before = scored.state.minibatch.indices_K
    scored.minibatch.draw(20, (8,))
    after = scored.state.minibatch.indices_K
    assert len(after) == 20
    assert not np.array_equal(before, after)
    assert set(scored.state.images.train_labels_N[after]) == {8}
    scored.minibatch.draw(30, ())
    assert len(set(scored.state.images.train_labels_N[scored.state.minibatch.indices_K])) > 3


def test_training_keeps_its_mask_while_the_slider_explores(scored, qtbot):
    scored.train()
    assert scored.state.training.is_active
    assert not scored.state.can_train
    scored.set_sparsity(0.5)
    wait(qtbot, lambda: scored.state.training.phase == "finished")
    training = scored.state.training
    assert training.num_kept == 26_661
    assert training.recipe.pruning.sparsity == 0.9
    assert {p.split for p in training.points} == {"train", "validation", "test"}
    assert run_folder.read_recipe(training.folder) == RECIPE
    assert run_folder.read_metrics(training.folder)[-1].step == training.num_steps
    assert scored.state.can_train


def test_scoring_another_minibatch_while_a_network_trains(scored, qtbot):
    scored.set_field("training.epochs", 100_000)
    scored.train()
    wait(qtbot, lambda: len(scored.state.training.points) > 5)
    scored.minibatch.draw(20, (3,))
    assert scored.state.is_stale
    scored.score()
    wait(qtbot, lambda: not scored.state.is_stale)
    assert scored.state.training.phase == "running"
    scored.stop()
    wait(qtbot, lambda: scored.state.training.phase == "stopped")


def test_stop_keeps_the_run_and_continue_resumes_it(scored, qtbot):
    scored.set_field("training.epochs", 200)
    scored.train()
    wait(qtbot, lambda: len(scored.state.training.points) > 5)
    scored.stop()
    assert scored.state.training.phase == "stopping"
    wait(qtbot, lambda: scored.state.training.can_continue)
    stopped = scored.state.training.step
    assert 0 < stopped < scored.state.training.num_steps
    scored.resume()
    wait(qtbot, lambda: scored.state.training.phase == "finished")
    steps = [p.step for p in scored.state.training.points if p.split == "test"]
    assert steps == sorted(set(steps))
    assert steps[-1] == scored.state.training.num_steps


def test_a_loss_that_is_not_finite_stops_says_so_and_keeps_the_curves(scored, qtbot):
    scored.set_field("training.learning_rate", 100.0)
    scored.set_field("training.epochs", 50)
    scored.train()
    wait(qtbot, lambda: not scored.state.training.is_active)
    assert scored.state.training.phase == "failed"
    assert scored.state.training.points
    wait(qtbot, lambda: scored.state.status.problem is not None)  # the job ends after its run
    assert scored.state.status.problem.field == "training.learning_rate"
    scored.set_field("training.learning_rate", 0.1)
    scored.set_field("training.epochs", 1)
    scored.train()
    wait(qtbot, lambda: scored.state.training.phase == "finished")


def test_a_missing_data_folder_is_reported_and_the_digits_stay_usable(scored, qtbot):
    scored.set_field("data.name", "mnist")
    wait(qtbot, lambda: scored.state.status.problem is not None)
    assert "folder" in scored.state.status.problem.message
    assert scored.state.images is None
    assert not scored.state.can_score
    scored.undo_stack.undo()
    assert scored.state.status.problem is None
    assert scored.state.can_score
    assert not scored.state.is_stale


@pytest.mark.mnist
def test_naming_the_folder_loads_the_images(scored, qtbot, mnist_folder):
    scored.set_field("data.name", "mnist")
    wait(qtbot, lambda: scored.state.status.problem is not None)
    scored.prefer(data_folder=str(mnist_folder))
    wait(qtbot, lambda: scored.state.images is not None)
    assert len(scored.state.split.train_indices) == 54_000
    assert scored.state.can_score


def test_a_crash_in_a_job_is_reported_with_details_and_the_next_job_runs(
    scored, qtbot, monkeypatch
):
    import snip_gui.core.methods.scoring

    def broken(*_args, **_keywords):
        raise ZeroDivisionError("as asked")

    monkeypatch.setattr(snip_gui.core.methods.scoring, "build_steps", broken)
    scored.set_field("seed", 9)
    with qtbot.waitSignal(scored.failed, timeout=WAIT_MS) as failed:
        scored.score()
    assert "ZeroDivisionError" in failed.args[0].details
    monkeypatch.undo()
    scored.score()
    wait(qtbot, lambda: not scored.state.is_stale)


def test_another_network_is_scored_on_demand(scored, qtbot):
    scored.edit(Recipe(model=ModelChoice(name="lenet-5-caffe"), minibatch=Draw(size=10)), "Change")
    assert scored.state.is_stale
    scored.score()
    wait(qtbot, lambda: not scored.state.is_stale)
    assert scored.state.num_parameters == 431_080


def test_the_session_knows_no_widgets():
    import subprocess
    import sys

    code = (
        "import sys, snip_gui.session.controller, snip_gui.session.jobs.host;"
        "bad = {'PySide6.QtWidgets', 'pyqtgraph', 'torch', 'torchvision'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_undo_takes_back_what_was_done_last(scored, monkeypatch):
    restored = []
    monkeypatch.setattr(type(scored.runs), "num_deleted", property(lambda _: 1 - len(restored)))
    monkeypatch.setattr(scored.runs, "undo_delete", lambda: restored.append(True))
    before = scored.state.recipe
    scored.set_sparsity(0.3)
    edited = scored.state.recipe
    scored.runs.deleted.emit()
    scored.undo()
    assert restored
    assert scored.state.recipe == edited
    scored.undo()
    assert scored.state.recipe == before


def test_an_edit_after_a_deletion_is_undone_first(scored, monkeypatch):
    monkeypatch.setattr(type(scored.runs), "num_deleted", property(lambda _: 1))
    monkeypatch.setattr(scored.runs, "undo_delete", lambda: pytest.fail("not the last thing done"))
    before = scored.state.recipe
    scored.runs.deleted.emit()
    scored.set_sparsity(0.3)
    scored.undo()
    assert scored.state.recipe == before


def test_a_first_choice_without_a_folder_is_a_question(scored, qtbot):
    scored.set_field("data.name", "mnist")
    wait(qtbot, lambda: scored.state.status.problem is not None)
    assert scored.state.status.problem.is_question
    assert scored.state.status.problem.message not in [n.text for n in scored.state.notices.all]


def test_a_folder_that_failed_is_not_tried_for_another_data_set(scored, qtbot, tmp_path):
    scored.set_field("data.name", "mnist")
    wait(qtbot, lambda: scored.state.status.problem is not None)
    scored.data.use_place("mnist", tmp_path)
    wait(qtbot, lambda: scored.state.status.problem is not None)
    assert not scored.state.status.problem.is_question
    scored.set_field("data.name", "fashion-mnist")
    wait(qtbot, lambda: scored.state.images_problem is not None)
    assert scored.state.images_problem.is_question


def test_masks_of_rounds_are_scored_again_for_another_sparsity(scored, qtbot):
    pruning = IterativeSnip(sparsity=0.9, score_rounds=2)
    scored.edit(msgspec.structs.replace(RECIPE, pruning=pruning), "Change")
    scored.score()
    wait(qtbot, lambda: not scored.state.is_stale and not scored.is_busy())
    assert not scored.state.is_preview
    scored.set_sparsity(0.95)
    assert scored.state.is_preview
    assert not scored.state.is_stale  # it shows the masks of the rounds for 90 %
    before = scored.state.scored
    scored.score()
    wait(qtbot, lambda: scored.state.scored is not before)
    assert not scored.state.is_preview
    assert scored.state.scored.recipe.pruning.sparsity == 0.95
