from __future__ import annotations

import json
import os

import pytest

from snip_gui.core.recipe.json import load_recipe
from snip_gui.core.recipe.recipe import Recipe
from tests.qt_fixtures import WAIT_MS

RECIPE = Recipe()


@pytest.fixture
def controller(make_controller):
    return make_controller(RECIPE)


@pytest.fixture
def wait(host, qtbot):
    """Wait until nothing runs."""
    return lambda: qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)


def test_recipes_are_saved_opened_and_remembered(controller, wait, tmp_path):
    path = tmp_path / "mine.json"
    controller.set_sparsity(0.77)
    controller.recipes.save(path)
    wait()
    assert controller.undo_stack.isClean()
    assert load_recipe(path) == controller.state.recipe
    controller.set_sparsity(0.1)
    controller.recipes.open(path)
    wait()
    assert controller.state.recipe.pruning.sparsity == pytest.approx(0.77)
    assert controller.recipes.recents.paths == [path]


def test_a_recipe_edited_while_it_is_saved_is_not_the_saved_one(controller, wait, tmp_path):
    path = tmp_path / "mine.json"
    controller.set_sparsity(0.77)
    controller.recipes.save(path)
    controller.set_sparsity(0.1)
    wait()
    assert load_recipe(path).pruning.sparsity == pytest.approx(0.77)
    assert not controller.undo_stack.isClean()


def test_a_hand_edited_recipe_names_the_field_and_changes_nothing(controller, wait, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"format": 1, "trainin": {}}))
    controller.recipes.recents.add(path)
    controller.recipes.open(path)
    wait()
    assert controller.state.recipe == RECIPE
    assert controller.state.status.problem.field == "trainin"
    assert controller.recipes.recents.paths == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_recipe_that_is_a_named_pipe_is_refused(controller, wait, tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    controller.recipes.open(tmp_path / "pipe.json")
    wait()
    assert "named pipe" in controller.state.status.problem.message


def test_a_folder_that_cannot_be_written_is_reported(controller, wait, tmp_path):
    (tmp_path / "file").write_text("")
    controller.recipes.save(tmp_path / "file" / "mine.json")
    wait()
    assert "cannot be written" in controller.state.status.problem.message
    assert controller.recipes.recents.paths == []
