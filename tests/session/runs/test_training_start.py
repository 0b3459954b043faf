"""Training on a minibatch without some classes starts only after a question."""

from __future__ import annotations

import msgspec
import pytest

from snip_gui.core.recipe.recipe import Draw, Recipe

EIGHTS = Draw(classes=(8,), size=20)
WAIT_MS = 60_000


@pytest.fixture
def start(make_controller, qtbot):
    controller = make_controller(Recipe(minibatch=EIGHTS))
    controller.data.load()
    qtbot.waitUntil(lambda: controller.state.images is not None, timeout=WAIT_MS)
    return controller, controller.training_start


def test_it_asks_once_and_trains_with_the_minibatch_as_it_is(start):
    controller, start = start
    started = []
    start.start(started.extend, [controller.state.recipe])
    assert "1 of 10" in start.question
    assert not started
    start.agree()
    assert not start.question
    start.start(started.extend, [controller.state.recipe])
    assert started == [controller.state.recipe] * 2


def test_all_classes_are_used_in_every_recipe_and_can_be_undone(start):
    controller, start = start
    recipes = [msgspec.structs.replace(controller.state.recipe, seed=seed) for seed in range(3)]
    started = []
    start.start(started.extend, recipes)
    start.use_all()
    assert [recipe.seed for recipe in started] == [0, 1, 2]
    assert {recipe.minibatch.classes for recipe in started} == {()}
    assert controller.state.recipe.minibatch == started[0].minibatch
    controller.undo_stack.undo()
    assert controller.state.recipe.minibatch == EIGHTS


def test_another_minibatch_withdraws_the_question(start):
    controller, start = start
    started = []
    start.start(started.extend, [controller.state.recipe])
    controller.minibatch.draw(50, ())
    assert not start.question
    start.start(started.extend, [controller.state.recipe])
    assert len(started) == 1
