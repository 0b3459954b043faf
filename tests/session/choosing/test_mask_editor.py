"""Masks are edited through the recipe: undone with it, and without scoring again."""

from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.recipe.edits import parse_edit
from snip_gui.core.recipe.recipe import Draw, Recipe
from snip_gui.session.choosing import mask_editor
from tests.qt_fixtures import WAIT_MS

RECIPE = Recipe(minibatch=Draw(classes=(8,), size=20))


@pytest.fixture
def controller(make_controller, qtbot):
    made = make_controller(RECIPE)
    made.start()
    qtbot.waitUntil(lambda: made.state.scored is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not made.is_busy(), timeout=WAIT_MS)
    return made


def mask(controller, name="fc1.weight"):
    state = controller.state
    return state.scored.masks.get_mask(state.scored.layout[name], state.num_kept)


@pytest.mark.parametrize("most_at_once", [2_000_000, 0], ids=["at once", "in the background"])
def test_an_edit_is_one_step_of_undo_and_needs_no_scoring(
    controller, qtbot, monkeypatch, most_at_once
):
    monkeypatch.setattr(mask_editor, "_MOST_AT_ONCE", most_at_once)
    state, first = controller.state, controller.state.scored

    def settled():
        return not state.is_stale and not controller.is_busy()

    controller.masks.add(parse_edit("remove units fc1[0:10]"))
    qtbot.waitUntil(settled, timeout=WAIT_MS)
    controller.masks.add(parse_edit("keep fc3.weight"))
    qtbot.waitUntil(settled, timeout=WAIT_MS)
    assert state.scored.masks.score_M is first.masks.score_M  # not scored again
    assert not mask(controller)[:10].any()
    assert mask(controller, "fc3.weight").all()
    assert sum(row.kept for row in state.layer_rows()) == 26_661
    controller.masks.take_back(0)
    qtbot.waitUntil(settled, timeout=WAIT_MS)
    assert [str(edit) for edit in controller.masks.edits] == ["keep fc3.weight"]
    assert mask(controller)[:10].any()
    for _ in range(3):
        controller.undo()
        controller.score()
        qtbot.waitUntil(settled, timeout=WAIT_MS)
    assert state.recipe == RECIPE
    assert np.array_equal(state.scored.masks.rank_M, first.masks.rank_M)


def test_the_slider_keeps_exact_counts_and_says_where_edits_do_not_hold(controller):
    controller.masks.add(parse_edit("keep fc2.weight[0:50]"))
    for num_kept in (15_000, 20_000, 266_000):
        controller.set_num_kept(num_kept)
        assert controller.state.num_kept == num_kept
        assert mask(controller, "fc2.weight")[0:50].all()
        assert not controller.state.mask_note
    controller.set_num_kept(14_999)
    assert sum(row.kept for row in controller.state.layer_rows()) == 14_999
    assert "15,000" in controller.state.mask_note
    assert "14,999" in controller.state.mask_note


def test_an_edit_that_cannot_hold_is_refused_with_both_numbers(controller):
    controller.masks.add(parse_edit("keep fc2.weight"))
    problem = controller.state.status.problem
    assert "30,000" in problem.message
    assert "26,661" in problem.message
    assert controller.state.recipe == RECIPE
    assert not controller.undo_stack.canUndo()


def test_what_cannot_be_edited_says_why(controller):
    assert not controller.masks.obstacle
    controller.set_field("seed", 4)
    assert "older settings" in controller.masks.obstacle
    controller.masks.add(parse_edit("keep fc3.weight"))
    assert "older settings" in controller.state.status.problem.message
    assert not controller.masks.edits


def test_another_device_or_thread_count_is_scored_again(controller, qtbot):
    first = controller.state.scored
    controller.prefer(num_threads=2)
    controller.masks.add(parse_edit("keep fc3.weight"))
    qtbot.waitUntil(lambda: not controller.state.is_stale, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not controller.is_busy(), timeout=WAIT_MS)
    assert controller.state.scored.masks.score_M is not first.masks.score_M
