from __future__ import annotations

import msgspec
import pytest

from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import DataChoice, Draw, Picked, Recipe, Training
from snip_gui.core.training.metrics import MetricPoint
from snip_gui.session.state.preferences import Preferences
from snip_gui.session.state.session_state import SessionState
from snip_gui.session.state.values import TrainingState


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture
def state(qapp):
    return SessionState(Recipe(minibatch=Draw(classes=(8,), size=20)), Preferences())


def changed(recipe, **parts):
    return msgspec.structs.replace(recipe, **parts)


def test_the_sparsity_alone_describes_the_picture_and_nothing_of_the_minibatch(state, qtbot):
    with (
        qtbot.assertNotEmitted(state.minibatch_changed),
        qtbot.waitSignals([state.recipe_changed, state.sparsity_changed, state.sparsity_settled]),
    ):
        state.set_recipe(changed(state.recipe, pruning=Snip(sparsity=0.5)))


def test_an_equal_recipe_emits_nothing(state, qtbot):
    with qtbot.assertNotEmitted(state.recipe_changed):
        state.set_recipe(changed(state.recipe))


def test_training_settings_do_not_touch_scores_or_minibatch(state, qtbot):
    key = state.score_key
    with qtbot.assertNotEmitted(state.minibatch_changed), qtbot.waitSignal(state.recipe_changed):
        state.set_recipe(changed(state.recipe, training=Training(epochs=3)))
    assert state.score_key == key


def test_images_of_another_set_are_not_shown_as_the_recipes(state, digits):
    state.set_images(digits)
    assert state.images is digits
    assert len(state.minibatch.indices_K) == 20
    state.set_recipe(changed(state.recipe, data=DataChoice(name="mnist")))
    assert state.images is None
    assert len(state.minibatch.indices_K) == 0
    state.set_recipe(changed(state.recipe, data=DataChoice(name="digits")))
    assert len(state.minibatch.indices_K) == 20


def test_a_minibatch_that_cannot_be_drawn_says_why(state, digits):
    state.set_images(digits)
    state.set_recipe(changed(state.recipe, minibatch=Draw(classes=(8,), size=9999)))
    assert len(state.minibatch.indices_K) == 0
    assert "9,999" in state.minibatch.problem.message
    assert not state.can_score


def test_an_empty_pick_is_a_problem_not_an_error(state, digits):
    state.set_images(digits)
    state.set_recipe(changed(state.recipe, minibatch=Picked(indices=())))
    assert "empty" in state.minibatch.problem.message


def test_nothing_can_be_scored_before_torch_has_loaded(state, digits):
    state.set_images(digits)
    assert not state.can_score
    state.set_devices((("cpu", "CPU"),), ())
    assert state.can_score
    assert state.can_train


def test_before_scoring_the_total_is_the_papers(state):
    assert state.num_parameters == 266_610
    assert state.num_kept == 26_661


def test_points_are_added_without_a_copy_of_those_before(state, qtbot):
    state.set_training(TrainingState(state.recipe, "running"))
    points = [MetricPoint(step, step / 10, "train", 1.0, 0.5, 0.1, 0.0) for step in range(4)]
    held = state.training.points
    state.add_points(tuple(points[:3]))
    with qtbot.waitSignal(state.points_added) as told:
        state.add_points((points[3],))
    assert told.args == [(points[3],)]
    assert state.training.points is held
    assert held == points
    assert state.training.step == 3


def test_another_training_has_points_of_its_own(state):
    for _ in range(2):
        state.set_training(TrainingState(state.recipe, "running"))
        state.add_points((MetricPoint(0, 0.0, "train", 1.0, 0.5, 0.1, 0.0),))
        assert len(state.training.points) == 1
