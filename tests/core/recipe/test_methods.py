from __future__ import annotations

import inspect

import msgspec
import pytest

from snip_gui.core.base.registry import load_target
from snip_gui.core.recipe.fields import METHOD, all_fields
from snip_gui.core.recipe.json import decode_recipe, encode_recipe, switch_method, with_value
from snip_gui.core.recipe.methods import METHODS, find_method
from snip_gui.core.recipe.recipe import Recipe

ROWS = list(METHODS)


@pytest.mark.parametrize("method", ROWS, ids=METHODS.names)
def test_a_recipe_of_every_method_is_read_back(method):
    recipe = Recipe(pruning=method.spec())
    assert decode_recipe(encode_recipe(recipe)) == recipe
    assert recipe.pruning.method == method.name
    assert find_method(recipe.pruning) is method


@pytest.mark.parametrize("method", ROWS, ids=METHODS.names)
def test_every_row_names_a_function_of_a_workbench(method):
    prune = load_target(method.prune)
    assert list(inspect.signature(prune).parameters) == ["bench"]
    assert inspect.isgeneratorfunction(prune)


@pytest.mark.parametrize("method", ROWS, ids=METHODS.names)
def test_every_row_says_what_it_is(method):
    assert method.title
    assert method.score_name
    assert method.description.endswith(".")
    assert (method.name, method.title) in METHOD.choices
    assert method.description in METHOD.help


@pytest.mark.parametrize("method", ROWS, ids=METHODS.names)
def test_every_setting_of_a_method_has_a_form(method):
    paths = {field.path for field in all_fields()}
    settings = {f"pruning.{name}" for name in method.spec.__struct_fields__}
    assert settings - {"pruning.edits"} <= paths  # masks are edited in their pictures


def test_another_method_keeps_the_settings_that_were_changed():
    recipe = with_value(Recipe(), "pruning.sparsity", 0.5)
    recipe = with_value(recipe, "pruning.scoring_mode", "training")
    other = with_value(recipe, "pruning.method", "random")
    assert other.pruning.sparsity == 0.5
    assert with_value(recipe, "pruning.method", "shuffled").pruning.scoring_mode == "training"


@pytest.mark.parametrize("method", ROWS, ids=METHODS.names)
def test_settings_that_were_not_changed_are_as_the_other_method_has_them(method):
    switched = switch_method(msgspec.to_builtins(Recipe().pruning), method.name)
    assert msgspec.convert(switched, method.spec) == method.spec()
