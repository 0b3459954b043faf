"""Recipes of a study in a ZIP file, from which each can be run again."""

from __future__ import annotations

import zipfile

import pytest

from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.recipe.json import decode_recipe
from snip_gui.core.recipe.recipe import Draw, Recipe
from snip_gui.core.studies.catalogue import StudyOptions, make_study
from snip_gui.core.studies.recipes import save_recipes

RECIPE = Recipe(minibatch=Draw(size=3))


@pytest.mark.parametrize(
    ("name", "number"),
    [("sanity-checks", 10), ("stability", 2), ("connectivity", 4), ("leave-one-out", 4)],
)
def test_every_recipe_is_in_the_file_once(name, number, tmp_path, environment):
    options = StudyOptions(seeds=(0, 1), read_images=load_digits, sparsities=(0.9,))
    works = make_study(name, RECIPE, options).make_works(tmp_path, environment)
    path = tmp_path / "recipes.zip"
    save_recipes(path, works)
    with zipfile.ZipFile(path) as file:
        recipes = [decode_recipe(file.read(name)) for name in file.namelist()]
    assert len(recipes) == len(set(recipes)) == number
    before = path.read_bytes()
    save_recipes(path, works)
    assert path.read_bytes() == before
