from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.fields import all_fields
from snip_gui.core.recipe.json import (
    decode_recipe,
    encode_recipe,
    from_builtins,
    load_recipe,
    with_value,
)
from snip_gui.core.recipe.methods import METHODS, RandomMask, Snip
from snip_gui.core.recipe.recipe import Picked, Recipe
from tests.core.recipes import recipes


@given(recipes())
def test_json_round_trip_is_exact(recipe):
    assert decode_recipe(encode_recipe(recipe)) == recipe


@given(recipes())
def test_builtins_round_trip_is_exact(recipe):
    assert from_builtins(msgspec.to_builtins(recipe)) == recipe


def test_json_is_for_people_too():
    text = encode_recipe(Recipe())
    assert text.endswith("}\n")
    assert json.loads(text)["pruning"]["method"] == "snip"
    assert '\n  "training": {\n    "epochs": 10' in text


def test_an_old_recipe_without_later_fields_opens_with_defaults():
    assert decode_recipe('{"format": 1}') == Recipe()
    assert decode_recipe('{"training": {"epochs": 3}}').training.momentum == 0.9


def broken(path, value):
    """The default recipe as JSON with one value edited by hand, unchecked."""
    raw = msgspec.to_builtins(Recipe())
    *parents, last = path.split(".")
    part = raw
    for name in parents:
        part = part[name]
    part[last] = value
    return json.dumps(raw)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 2),
        ("seed", -1),
        ("seed", "zero"),
        ("seed", 1.5),
        ("model.init", "xavier"),
        ("model.name", 5),
        ("data.validation_fraction", 0.6),
        ("minibatch.size", 0),
        ("minibatch.kind", "guess"),
        ("minibatch.classes", [1, -2]),
        ("pruning.sparsity", 1.0),
        ("pruning.sparsity", -0.1),
        ("pruning.sparsity", True),
        ("pruning.method", "guess"),
        ("pruning.after", None),
        ("pruning.exclude", "fc1"),
        ("training.epochs", 0),
        ("training.learning_rate", 0),
        ("training.momentum", 1),
        ("training.decay_at", [0.5, 1.0]),
        ("training.decay_factor", 0),
        ("training.batch_size", 10.5),
        ("training.epoch", 3),  # unknown: a slip of the pen
        ("sparsity", 0.5),  # unknown here: it belongs to pruning
    ],
)
def test_a_bad_field_is_named(path, value):
    with pytest.raises(UserError) as caught:
        decode_recipe(broken(path, value), where="“my.json”")
    assert caught.value.field == path
    assert path in caught.value.message
    assert "“my.json”" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"minibatch": {"kind": "picked"}}', "minibatch.indices"),
        ('{"minibatch": {"size": 3}}', "minibatch.kind"),
        ('{"pruning": {"sparsity": 0.5}}', "pruning.method"),
        ('{"pruning": {"method": "random", "scoring_mode": "training"}}', "pruning.scoring_mode"),
    ],
)
def test_a_missing_or_misplaced_field_is_named(text, field):
    with pytest.raises(UserError) as caught:
        decode_recipe(text)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "text", ["", "{", '{"seed": NaN}', b"\xff\xfe", "sparsity: 0.9", '{"seed": 1} {"seed": 2}']
)
def test_invalid_json_is_refused(text):
    with pytest.raises(UserError, match="JSON"):
        decode_recipe(text)


@given(st.text() | st.binary())
def test_no_text_whatever_breaks_the_reader(text):
    try:
        decode_recipe(text)
    except UserError:
        return


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.json"):
        load_recipe(tmp_path / "nothing.json")


def test_a_bad_file_is_refused_by_file_and_field(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(broken("seed", -5))
    with pytest.raises(UserError, match=r"mine\.json.*seed"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 7),
        ("model.name", "lenet-5-caffe"),
        ("minibatch.classes", (1, 2)),
        ("minibatch", Picked(indices=(4,))),
        ("pruning", RandomMask(sparsity=0.5)),
        ("pruning.exclude", ("fc3",)),
        ("training.decay_at", ()),
    ],
)
def test_with_value_changes_one_field_and_nothing_else(path, value):
    before = Recipe()
    after = with_value(before, path, value)
    one, other = msgspec.to_builtins(before), msgspec.to_builtins(after)
    *parents, last = path.split(".")
    for name in parents:
        changed = {key for key in one if one[key] != other[key]}
        assert changed == {name}
        one, other = one[name], other[name]
    assert {key for key in one if one[key] != other[key]} == {last}
    assert other[last] == msgspec.to_builtins(value)
    assert before == Recipe()


def test_with_value_checks_like_a_file():
    with pytest.raises(UserError) as caught:
        with_value(Recipe(), "training.momentum", 1.0)
    assert caught.value.field == "training.momentum"


def test_the_papers_settings_are_the_defaults():
    recipe = Recipe()
    training = recipe.training
    assert (training.batch_size, training.learning_rate, training.momentum) == (100, 0.1, 0.9)
    assert training.weight_decay == 5e-4
    assert recipe.minibatch.size == 100
    assert recipe.data.validation_fraction == 0.1
    assert recipe.pruning == Snip()
    assert recipe.pruning.prunable == "weights-and-biases"
    assert recipe.pruning.scoring_mode == "evaluation"


def test_every_field_is_a_path_of_some_recipe():
    kinds = [Recipe(), Recipe(minibatch=Picked(indices=(1,)))]
    kinds += [Recipe(pruning=method.spec()) for method in METHODS]
    paths = set()
    for recipe in kinds:
        for key, part in msgspec.to_builtins(recipe).items():
            paths |= {f"{key}.{name}" for name in part} if isinstance(part, dict) else {key}
    paths -= {"format", "minibatch.kind", "pruning.method"}  # chosen otherwise
    paths -= {"model.file_digest", "model.weights_digest"}  # follow from the files
    paths -= {"minibatch.images"}  # pictures, which no flag holds
    paths -= {"pruning.edits"}  # made in pictures, or with a flag of their own
    assert {field.path for field in all_fields()} == paths
