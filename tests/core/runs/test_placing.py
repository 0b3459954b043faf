from __future__ import annotations

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.recipe.recipe import ModelChoice, Recipe
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.placing import (
    is_half_made,
    is_vacant,
    make_new_folder,
    refuse_occupied,
    run_digest,
    run_name,
)
from tests.run_folders import make_run, recipe_with


def half_made(folder, recipe, *more):
    folder.mkdir(parents=True)
    (folder / files.RECIPE).write_text(encode_recipe(recipe))
    for name in more:
        (folder / name).write_text("{")
    return folder


def test_a_folder_is_named_by_what_determines_the_result():
    recipe = recipe_with(pruning__sparsity=0.98)
    name = run_name(recipe)
    assert name == f"lenet-300-100-digits-snip-98.00-{run_digest(recipe)[:12]}"
    others = [recipe_with(pruning__sparsity=0.98, **change) for change in (
        {"seed": 1}, {"training__epochs": 3}, {"training__momentum": 0.8}, {"minibatch__seed": 5},
        {"pruning__after": "redraw"}, {"data__validation_fraction": 0.2},
    )]  # fmt: skip
    assert len({name, *map(run_name, others)}) == 7


def test_where_a_network_lies_says_nothing_of_its_run():
    first, second = (
        Recipe(model=ModelChoice(name="own", file=file, file_digest="0" * 64, symbol="Net"))
        for file in ("/a/net.py", "/b/net.py")
    )
    assert run_name(first) == run_name(second)


@pytest.mark.parametrize("symbol", ["../../x", "a/b", "x" * 500, "\x1b[2J", "con:", "", ".", "數"])
def test_no_name_in_a_recipe_leads_elsewhere(tmp_path, symbol):
    recipe = Recipe(model=ModelChoice(name="own", symbol=symbol))
    folder = make_new_folder(tmp_path, recipe)
    assert folder.parent == tmp_path
    assert folder.name.isascii()
    assert folder.name.isprintable()
    assert len(folder.name) < 80


def test_new_folders_never_collide(tmp_path):
    recipe = recipe_with()
    names = [make_new_folder(tmp_path / "runs", recipe).name for _ in range(3)]
    assert names == [run_name(recipe) + more for more in ("", "-2", "-3")]


def test_a_half_made_run_is_made_again_in_its_folder(tmp_path):
    recipe = recipe_with()
    make_run(tmp_path, run_name(recipe), recipe)
    folder = half_made(tmp_path / f"{run_name(recipe)}-2", recipe, files.SUMMARY, files.INIT)
    assert make_new_folder(tmp_path, recipe) == folder


def test_a_runs_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        make_new_folder(tmp_path / "file" / "runs", recipe_with())


@pytest.mark.parametrize(
    "names", [(), (files.SUMMARY,), (files.INIT, files.SCORES), (files.MASKS, files.METRICS)]
)
def test_what_is_half_made_is_vacant_for_its_own_recipe_alone(tmp_path, names):
    folder = half_made(tmp_path / "run", recipe_with(), *names)
    assert is_half_made(folder)
    assert is_vacant(folder, recipe_with())
    with pytest.raises(UserError):
        refuse_occupied(folder, recipe_with(seed=1))


def test_whatever_is_whole_is_never_vacant(tmp_path):
    recipe = recipe_with()
    with_checkpoint = half_made(tmp_path / "a", recipe, files.CHECKPOINT)
    with_others = half_made(tmp_path / "b", recipe, "thesis.tex")
    whole = make_run(tmp_path, "c", recipe, state="scored")
    stranger = tmp_path / "d"
    stranger.mkdir()
    (stranger / files.METRICS).write_text("mine")
    damaged = make_run(tmp_path, "e", recipe)
    (damaged / files.SUMMARY).write_text('{"state": 1e999}')
    for folder in (with_checkpoint, with_others, whole, stranger, damaged):
        assert not is_vacant(folder, recipe)
        with pytest.raises(UserError, match=r"not empty|already holds"):
            refuse_occupied(folder, recipe)
    for folder in (tmp_path / "nowhere", half_made(tmp_path / "f", recipe, ".x.1-2.part")):
        refuse_occupied(folder, recipe)
