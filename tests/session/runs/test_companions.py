"""The dense network and a random mask are trained beside the pruned network, if so chosen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from snip_gui.core.recipe.edits import parse_edit
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.session.runs.companions import Companions, make_companions


@dataclass
class Entry:
    folder: Path
    recipe: Recipe
    test_error: float | None = None
    sparsity: float | None = None


class FakeRuns(QObject):
    changed = Signal()

    def __init__(self):
        super().__init__()
        self.entries, self.checked = (), []

    def check(self, folder, checked):
        self.checked.append((folder.name, checked))


def test_what_equals_the_recipe_is_not_trained_twice():
    recipe = Recipe()
    assert make_companions(recipe, dense=False, random=False) == ()
    both = make_companions(recipe, dense=True, random=True)
    assert [one.name for one in both] == ["dense", "random mask"]
    assert both[0].recipe.pruning.sparsity == 0
    assert both[1].recipe.pruning.method == "random"
    assert both[1].recipe.pruning.sparsity == recipe.pruning.sparsity
    assert make_companions(both[0].recipe, dense=True, random=True) == ()


def test_edits_of_the_mask_belong_to_the_pruned_run_alone():
    edited = with_value(Recipe(), "pruning.edits", (parse_edit("remove dead pixels"),))
    made = make_companions(edited, dense=True, random=True)
    assert [one.recipe.pruning.edits for one in made] == [(), ()]


def test_they_are_overlaid_once_and_put_into_words(qapp):
    recipe = with_value(Recipe(), "pruning.sparsity", 0.98)
    companions = make_companions(recipe, dense=True, random=True)
    runs = FakeRuns()
    old = Entry(Path("old"), recipe, 0.5, 0.98)
    runs.entries = (old,)
    made = Companions(runs)
    made.follow(recipe, companions)
    runs.entries = (Entry(Path("own"), recipe, 0.043, 0.98), old)
    runs.changed.emit()
    assert made.sentence == ""
    runs.entries = (
        Entry(Path("random"), companions[1].recipe),
        Entry(Path("dense"), companions[0].recipe, 0.019, 0.0),
        *runs.entries,
    )
    runs.changed.emit()
    runs.changed.emit()
    assert made.sentence == "98% removed: 4.30%; dense 1.90%"
    assert sorted(runs.checked) == [("dense", True), ("own", True), ("random", True)]
