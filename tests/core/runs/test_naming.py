from __future__ import annotations

import dataclasses

from snip_gui.core.runs.edits import RunNotes
from snip_gui.core.runs.listing import list_runs
from snip_gui.core.runs.naming import with_labels
from tests.run_folders import make_run, recipe_with


def names(folder):
    return {entry.folder.name: entry.name for entry in with_labels(list_runs(folder))}


def test_a_name_says_method_sparsity_and_seed(tmp_path):
    make_run(tmp_path, "a", recipe_with(pruning__sparsity=0.98, seed=1))
    make_run(tmp_path, "b", recipe_with(pruning__sparsity=0.0))
    make_run(tmp_path, "c", recipe_with(pruning__method="random", pruning__sparsity=0.995))
    assert names(tmp_path) == {
        "a": "SNIP 98% · seed 1",
        "b": "Dense · seed 0",
        "c": "Random mask 99.5% · seed 0",
    }


def test_namesakes_are_told_apart_by_what_differs(tmp_path):
    make_run(tmp_path, "a", recipe_with())
    make_run(tmp_path, "b", recipe_with(data__name="mnist"))
    make_run(tmp_path, "c", recipe_with(data__name="mnist", training__epochs=1))
    assert names(tmp_path) == {
        "a": "SNIP 90% · seed 0 · UCI digits · 10 epochs",
        "b": "SNIP 90% · seed 0 · MNIST · 10 epochs",
        "c": "SNIP 90% · seed 0 · MNIST · 1 epoch",
    }


def test_names_that_are_still_equal_are_numbered_by_age(tmp_path):
    for name, day in (("z", 1), ("a", 2)):
        make_run(tmp_path, name, recipe_with(), created=f"2024-01-0{day}T00:00:00+00:00")
    assert names(tmp_path) == {"z": "SNIP 90% · seed 0", "a": "SNIP 90% · seed 0 (2)"}


def test_a_name_of_the_users_own_comes_first_and_a_damaged_run_has_that_of_its_folder(tmp_path):
    make_run(tmp_path, "a", recipe_with())
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "recipe.json").write_text("{")
    found = {entry.folder.name: entry for entry in with_labels(list_runs(tmp_path))}
    called = dataclasses.replace(found["a"], notes=RunNotes(name="mine"))
    assert (called.name, found["b"].name) == ("mine", "b")


def test_runs_whose_names_stay_are_the_same_values(tmp_path):
    make_run(tmp_path, "a", recipe_with())
    first = with_labels(list_runs(tmp_path))
    make_run(tmp_path, "b", recipe_with(seed=3))
    again = {entry.folder.name: entry for entry in with_labels(list_runs(tmp_path, first))}
    assert again["a"] is first[0]


def test_no_more_is_named_than_it_takes(tmp_path):
    make_run(tmp_path, "a", recipe_with())
    make_run(tmp_path, "b", recipe_with(data__name="mnist", training__epochs=3))
    assert names(tmp_path) == {
        "a": "SNIP 90% · seed 0 · UCI digits",
        "b": "SNIP 90% · seed 0 · MNIST",
    }
