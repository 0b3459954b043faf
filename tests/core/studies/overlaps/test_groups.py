from __future__ import annotations

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.fields import field
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.recipe import Draw, Recipe
from snip_gui.core.studies.overlaps.groups import (
    CLASSES,
    comparable_fields,
    find_field,
    make_groups,
)

NAMES = ("cat", "dog", "owl")


def labels(path, *words, recipe=Recipe()):  # noqa: B008 - frozen
    return [group.label for group in make_groups(recipe, path, words, NAMES)]


def test_without_values_there_are_all():
    assert labels(CLASSES) == list(NAMES)
    assert labels(CLASSES, recipe=Recipe(minibatch=Draw(classes=("owl", "cat")))) == ["owl", "cat"]
    assert labels(CLASSES, recipe=Recipe(minibatch=Draw(classes=("owl",)))) == list(NAMES)
    assert labels("pruning.method") == list(METHODS.names)
    assert labels("model.init") == [value for value, _ in field("model.init").choices]


def test_values_are_those_of_the_field():
    assert labels(CLASSES, "cat", "#1") == ["cat", "#1"]
    assert labels("pruning.sparsity", "0.5", "98%") == ["0.5", "0.98"]
    assert labels("minibatch.size", "10", "100") == ["10", "100"]


@pytest.mark.parametrize(
    ("path", "words"),
    [("pruning.sparsity", ("high",)), ("pruning.sparsity", ()), ("pruning.sparsity", ("150%",)),
     ("minibatch.size", ("1.5",)), ("pruning.method", ("nonsense",))],
)  # fmt: skip
def test_other_values_are_refused(path, words):
    with pytest.raises(UserError):
        labels(path, *words)


def test_every_field_has_a_flag_and_training_is_not_compared():
    for one in comparable_fields():
        assert find_field(one.flag) == one
        assert find_field(f"--{one.flag}") == one
    with pytest.raises(UserError, match="whose values change a mask"):
        find_field("epochs")
