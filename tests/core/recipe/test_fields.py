from __future__ import annotations

import math

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.fields import all_fields, field
from snip_gui.core.recipe.json import with_value
from tests.core.recipes import recipe_with

NUMBERS = [f for f in all_fields() if f.kind in ("int", "float")]
CHOICES = [f for f in all_fields() if f.kind == "choice"]


def ids(fields):
    return [f.path for f in fields]


@pytest.mark.parametrize("one", all_fields(), ids=ids(all_fields()))
def test_every_field_has_label_and_help(one):
    assert one.label
    assert one.label != one.path
    assert one.help.endswith(".")


def test_paths_flags_and_object_names_are_unique():
    for names in (
        [f.path for f in all_fields()],
        [f.flag for f in all_fields()],
        [f.object_name for f in all_fields()],
    ):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("one", NUMBERS, ids=ids(NUMBERS))
def test_bounds_are_those_that_the_recipe_accepts(one):
    for value in (one.minimum, one.maximum):
        if math.isfinite(value):
            with_value(recipe_with(one.path), one.path, int(value) if one.kind == "int" else value)
    # One step of the last decimal beyond a bound is refused.
    step = 1 if one.kind == "int" else 10.0**-one.decimals
    for value in (one.minimum - step, one.maximum + step):
        if math.isfinite(value):
            with pytest.raises(UserError) as caught:
                with_value(
                    recipe_with(one.path), one.path, int(value) if one.kind == "int" else value
                )
            assert caught.value.field == one.path


@pytest.mark.parametrize("one", CHOICES, ids=ids(CHOICES))
def test_every_choice_is_accepted_and_labelled(one):
    assert len(one.choices) > 1
    for value, label in one.choices:
        with_value(recipe_with(one.path), one.path, value)
        assert label
    with pytest.raises(UserError):
        with_value(recipe_with(one.path), one.path, "something else")


@pytest.mark.parametrize("one", NUMBERS, ids=ids(NUMBERS))
def test_defaults_can_be_shown_with_the_decimals_of_the_form(one):
    value = recipe_with(one.path)
    for name in one.path.split("."):
        value = getattr(value, name)
    assert round(value, one.decimals) == value


def test_minibatch_and_batch_have_flags_of_their_own():
    assert field("minibatch.size").flag == "minibatch-size"
    assert field("training.batch_size").flag == "batch-size"
    assert field("seed").flag == "seed"
    assert field("minibatch.seed").flag == "minibatch-seed"


def test_an_unknown_path_is_a_key_error():
    with pytest.raises(KeyError):
        field("training.batchsize")
