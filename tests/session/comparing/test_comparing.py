from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.comparing.comparison import Mask, compare
from snip_gui.core.recipe.recipe import Draw, Picked, Recipe, Training
from snip_gui.session.comparing import pins as pins_module
from snip_gui.session.comparing.pins import ON_SCREEN
from tests.qt_fixtures import WAIT_MS

RECIPE = Recipe(minibatch=Draw(classes=(8,), size=20), training=Training(epochs=2))


def wait(qtbot, condition):
    qtbot.waitUntil(condition, timeout=WAIT_MS)


@pytest.fixture
def scored(make_controller, qtbot):
    controller = make_controller(RECIPE)
    controller.start()
    wait(qtbot, lambda: controller.state.scored is not None)
    idle(controller, qtbot)
    return controller


def idle(controller, qtbot):
    wait(qtbot, lambda: not controller.is_busy())


def names(controller):
    return [pin.name for pin in controller.pins.pins]


# Pins


def test_a_pin_keeps_its_number_kept_while_the_screen_follows_the_slider(scored):
    pins = scored.pins
    pin = pins.pin_screen()
    assert pins.choice == (pin.number, ON_SCREEN)
    scored.set_sparsity(0.98)
    assert pins.get_mask(pin.number).num_kept == 26_661
    assert pins.get_mask(ON_SCREEN).num_kept == 5_332
    found = compare(pins.get_mask(pin.number), pins.get_mask(ON_SCREEN)).whole
    assert (found.both, found.only_a, found.only_b) == (5_332, 26_661 - 5_332, 0)


def test_pins_are_named_by_what_differs(scored, qtbot):
    scored.pins.pin_screen()
    assert names(scored) == ["class 8, 90%"]
    scored.set_field("seed", 3)
    scored.score()
    wait(qtbot, lambda: not scored.state.is_stale)
    with qtbot.waitSignal(scored.pins.changed):
        scored.pins.pin_screen()
    assert names(scored) == ["class 8, seed 0, 90%", "class 8, seed 3, 90%"]
    scored.pins.rename(scored.pins.pins[0].number, "  eights ")
    assert names(scored) == ["eights", "class 8, 90%"]
    scored.pins.rename(scored.pins.pins[0].number, "")
    assert names(scored) == ["class 8, seed 0, 90%", "class 8, seed 3, 90%"]


def test_pinning_the_same_state_twice_is_one_pin(scored):
    first = scored.pins.pin_screen()
    assert scored.pins.pin_screen() is first
    scored.set_sparsity(0.5)
    assert scored.pins.pin_screen() is not first
    assert names(scored) == ["class 8, 90%", "class 8, 50%"]


def test_what_was_pinned_first_is_compared_with_the_screen_until_others_are_chosen(scored):
    pins = scored.pins
    made = []
    for sparsity in (0.5, 0.6):
        scored.set_sparsity(sparsity)
        made.append(pins.pin_screen().number)
        assert pins.choice == (made[0], ON_SCREEN)
    pins.choose(made[0], made[1])
    scored.set_sparsity(0.7)
    pins.pin_screen()
    assert pins.choice == tuple(made)


def test_a_pin_that_goes_leaves_the_screen_in_its_place(scored, qtbot):
    pins = scored.pins
    first = pins.pin_screen().number
    seen = []
    pins.changed.connect(lambda: seen.append([pins.pin_name(number) for number in pins.choice]))
    with qtbot.waitSignals([pins.changed, pins.choice_changed]):
        pins.remove(first)
    assert seen == [["Current mask", "Current mask"]]
    assert pins.pins == ()
    assert pins.choice == (ON_SCREEN, ON_SCREEN)
    pins.remove(first)  # gone already


def test_nothing_scored_is_nothing_to_pin(make_controller):
    controller = make_controller(RECIPE)
    assert controller.pins.pin_screen() is None
    assert controller.pins.get_mask(ON_SCREEN) is None


def test_pins_are_refused_in_words_when_they_would_take_too_much_memory(scored, monkeypatch):
    pins = scored.pins
    pins.pin_screen()
    one = scored.state.scored.num_bytes
    assert one < pins.num_bytes < 1.05 * one
    monkeypatch.setattr(pins_module, "MOST_BYTES", pins.num_bytes + one)
    scored.set_sparsity(0.5)
    assert pins.pin_screen() is not None  # the same network at another sparsity is next to free
    other = Mask(scored.state.scored.__class__(**vars_of(scored.state.scored)), 7)
    monkeypatch.setattr(scored.pins, "get_mask", lambda _number: other)
    assert pins.pin_screen() is None
    assert "memory" in scored.state.status.problem.message
    assert "Remove a pin" in scored.state.status.problem.hint
    assert len(pins.pins) == 2


def vars_of(scored):
    return {name: getattr(scored, name) for name in scored.__dataclass_fields__}


# Without some images


def test_leaving_one_image_out_compares_with_and_without_it(scored, qtbot):
    state = scored.state
    number = int(state.minibatch.indices_K[4])
    recipe, before = state.recipe, state.scored
    with qtbot.waitSignal(scored.questions.compared, timeout=WAIT_MS):
        scored.questions.without([number])
    idle(scored, qtbot)
    assert names(scored) == ["all 20 images", f"without image #{number:,} (class 8)"]
    assert state.recipe == recipe
    assert state.scored is before
    assert not scored.undo_stack.canUndo()
    a, b = (scored.pins.get_mask(chosen) for chosen in scored.pins.choice)
    assert a.scored is before
    left = np.setdiff1d(before.indices_K, [number])
    np.testing.assert_array_equal(b.scored.indices_K, left)
    assert (a.num_kept, b.num_kept) == (26_661, 26_661)
    assert compare(a, b).whole.num_changed > 0


def test_asked_again_the_answer_is_known(scored, qtbot):
    number = int(scored.state.minibatch.indices_K[0])
    with qtbot.waitSignal(scored.questions.compared, timeout=WAIT_MS):
        scored.questions.without([number])
    idle(scored, qtbot)
    scored.set_sparsity(0.98)
    with qtbot.waitSignal(scored.questions.compared):
        scored.questions.without([number])
    assert not scored.is_busy()
    assert len(scored.pins.pins) == 4
    scored.minibatch.remove([number])  # the very recipe that was scored
    assert not scored.state.is_stale


def test_a_question_that_cannot_be_answered_is_reported_in_place(scored):
    everything = scored.state.minibatch.indices_K.tolist()
    for indices, words in [([], "selected"), (everything, "nothing left")]:
        scored.questions.without(indices)
        assert words in scored.state.status.problem.message
    scored.set_field("seed", 9)
    scored.questions.without(everything[:1])
    assert "has not been scored" in scored.state.status.problem.message
    assert not scored.is_busy("without")
    assert scored.pins.pins == ()


def test_several_images_are_left_out_together(scored, qtbot):
    three = scored.state.minibatch.indices_K[:3].tolist()
    scored.minibatch.pick(scored.state.minibatch.indices_K.tolist())
    scored.score()
    wait(qtbot, lambda: not scored.state.is_stale)
    with qtbot.waitSignal(scored.questions.compared, timeout=WAIT_MS):
        scored.questions.without(three)
    assert names(scored)[1] == "without 3 images"
    assert isinstance(scored.pins.pins[1].mask.scored.recipe.minibatch, Picked)


def test_an_image_of_ones_own_is_omitted_by_its_name(scored, qtbot):
    state = scored.state
    with qtbot.waitSignal(scored.state.recipe_changed, timeout=WAIT_MS):
        scored.minibatch.add_own([(np.full((1, 28, 28), 200, np.uint8), 3)])
    scored.score()
    wait(qtbot, lambda: not state.is_stale)
    own = int(state.minibatch.indices_K[-1])
    with qtbot.waitSignal(scored.questions.compared, timeout=WAIT_MS):
        scored.questions.without([own])
    assert names(scored) == ["all 21 images", "without own image (class 3)"]
    assert scored.pins.pins[0].parts["classes"] == "classes 3, 8"
    assert scored.pins.pins[1].mask.scored.recipe.minibatch.images == ()
    with qtbot.waitSignal(scored.questions.compared, timeout=WAIT_MS):
        scored.questions.without([int(state.minibatch.indices_K[0])])
    assert len(scored.pins.pins[2].mask.scored.recipe.minibatch.images) == 1


# Other draws


def test_stability_is_measured_beside_the_screen(scored, qtbot):
    questions, before = scored.questions, scored.state.scored
    questions.measure_stability("images", 3)
    assert questions.is_measuring
    wait(qtbot, lambda: not questions.is_measuring)
    found = questions.stability
    assert found.frequency.num_masks == 3
    assert found.varied == "images"
    assert found.recipe == scored.state.recipe
    assert scored.state.scored is before
    assert found.frequency.chance < found.frequency.overlap < 1


def test_stability_can_be_stopped_and_what_was_known_stays(scored, qtbot):
    questions = scored.questions
    questions.measure_stability("weights", 2)
    wait(qtbot, lambda: not questions.is_measuring)
    known = questions.stability
    questions.measure_stability("weights", 5_000)
    questions.measure_stability("images", 2)  # one at a time
    wait(qtbot, lambda: scored.state.status.activity is not None)
    scored.cancel()
    wait(qtbot, lambda: not questions.is_measuring)
    assert questions.stability is known
    idle(scored, qtbot)
    assert scored.state.status.activity is None


def test_a_minibatch_is_scored_between_the_draws(scored, qtbot):
    scored.questions.measure_stability("both", 5_000)
    scored.set_field("model.init", "he")
    scored.score()
    wait(qtbot, lambda: not scored.state.is_stale)
    assert scored.questions.is_measuring
    scored.questions.stop_measuring()
    wait(qtbot, lambda: not scored.questions.is_measuring)


def test_draws_do_not_wait_for_a_training(scored, qtbot):
    scored.set_field("training.epochs", 100_000)
    scored.train()
    wait(qtbot, lambda: len(scored.state.training.points) > 5)
    scored.questions.measure_stability("images", 2)
    wait(qtbot, lambda: scored.questions.stability is not None)
    assert scored.state.training.phase == "running"
    scored.stop()
    wait(qtbot, lambda: scored.state.training.phase == "stopped")


def test_draws_that_cannot_be_made_are_reported_in_place(scored):
    scored.minibatch.draw(10_000, (8,))
    assert not scored.state.can_score
    scored.questions.measure_stability("images", 2)
    assert not scored.questions.is_measuring
