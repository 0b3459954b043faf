from __future__ import annotations

import json

import msgspec
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.json import (
    decode_recipe,
    encode_recipe,
    from_builtins,
    load_recipe,
    with_value,
)
from snip_gui.core.recipe.methods import METHODS, Han, find_method
from snip_gui.core.recipe.recipe import Recipe
from tests.core.plugins import PLUGIN, add_entry, break_entry


@pytest.mark.parametrize("number", [2**63, 2**64, 10**40, -(2**63)])
@pytest.mark.parametrize(
    ("path", "as_list"),
    [
        ("minibatch.size", False),
        ("minibatch.seed", False),
        ("minibatch.classes", True),
        ("pruning.floor", False),
        ("training.batch_size", False),
        ("seed", False),
    ],
)
def test_numbers_beyond_64_bits_are_refused_by_name(path, as_list, number):
    raw = msgspec.to_builtins(Recipe())
    part, _, name = path.rpartition(".")
    (raw[part] if part else raw)[name] = [number] if as_list else number
    with pytest.raises(UserError) as caught:
        from_builtins(raw)
    assert caught.value.field == path


@pytest.mark.parametrize("path", ["pruning.sparsity", "data.validation_fraction"])
@pytest.mark.parametrize("value", [90, 1.5, -0.1, float("nan")])
def test_a_percentage_in_place_of_a_fraction_is_explained(path, value):
    with pytest.raises(UserError) as caught:
        with_value(Recipe(), path, value)
    assert caught.value.field == path
    assert "0.9 for 90 %" in caught.value.hint


def test_the_largest_numbers_are_taken():
    assert with_value(Recipe(), "minibatch.seed", 2**63 - 1).minibatch.seed == 2**63 - 1


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, '{"a": ' * 100_000, "\ud800", "3"])
def test_what_is_not_a_recipe_is_refused(text):
    with pytest.raises(UserError):
        decode_recipe(text.encode("utf-8", "surrogatepass"))


def test_only_regular_files_are_recipes(tmp_path):
    (tmp_path / "zero").symlink_to("/dev/zero")
    with pytest.raises(UserError, match="it is a device"):
        load_recipe(tmp_path / "zero")


@pytest.mark.parametrize(
    "requirement",
    ["x'; rm -rf ~ #", "x==1; reboot", "x", "-e .", "x==1 --index-url y", "x==$(id)", ""],
)
def test_a_recipe_cannot_put_words_into_the_line_that_installs(requirement):
    raw = {"pruning": {"method": "other"}, "plugins": {"pruning.method": requirement}}
    for to_look in (False, True):
        with pytest.raises(UserError) as caught:
            decode_recipe(json.dumps(raw), to_look=to_look)
        assert "plugins" in caught.value.message
        assert "pip install" not in caught.value.hint


def test_what_is_missing_is_called_what_the_recipe_says():
    raw = {"pruning": {"method": "other"}, "plugins": {"pruning.method": "my-package==1.2.post1"}}
    with pytest.raises(UserError) as caught:
        decode_recipe(json.dumps(raw))
    assert "If you trust it, run: pip install 'my-package==1.2.post1'" in caught.value.hint
    recipe = decode_recipe(json.dumps(raw), to_look=True)
    assert recipe.pruning.method == "other"
    assert json.loads(encode_recipe(recipe))["plugins"] == raw["plugins"]


HAN = {"pruning": {"method": "han", "sparsity": 0.5}, "plugins": {"pruning.method": "a-b==1.1"}}


def test_a_recipe_of_a_broken_package_can_be_viewed_and_says_why_it_cannot_be_run(monkeypatch):
    problem = "The pruning method “han” of the package snip-power 1.2 cannot be used: no."
    break_entry(monkeypatch, METHODS, "han", "no")
    with pytest.raises(UserError) as caught:
        decode_recipe(json.dumps(HAN))
    assert caught.value.message == problem
    recipe = decode_recipe(json.dumps(HAN), to_look=True)
    assert (recipe.pruning.method, recipe.pruning.sparsity) == ("han", 0.5)
    with pytest.raises(UserError) as caught:
        find_method(recipe.pruning)
    assert caught.value.message == problem


@pytest.mark.parametrize("settings", [{"every": 3}, {"rounds": "three"}, {"rounds": 0}])
def test_a_recipe_of_another_version_of_a_package_can_be_viewed(monkeypatch, settings):
    add_entry(monkeypatch, METHODS, METHODS["han"])
    raw = HAN | {"pruning": HAN["pruning"] | settings}
    with pytest.raises(UserError) as caught:
        decode_recipe(json.dumps(raw))
    assert "does not accept" in caught.value.message
    assert "snip-power 1.2" in caught.value.message
    assert "pip install 'a-b==1.1'" in caught.value.hint
    recipe = decode_recipe(json.dumps(raw), to_look=True)
    assert json.loads(encode_recipe(recipe))["pruning"] == raw["pruning"]


def test_a_mistake_in_a_setting_of_the_installed_version_is_named(monkeypatch):
    add_entry(monkeypatch, METHODS, METHODS["han"])
    raw = HAN | {"plugins": {"pruning.method": PLUGIN.requirement}}
    raw["pruning"] = raw["pruning"] | {"every": 3}
    for to_look in (False, True):
        with pytest.raises(UserError, match=r"pruning\.every"):
            decode_recipe(json.dumps(raw), to_look=to_look)


def test_settings_that_another_version_accepts_can_be_used(monkeypatch):
    add_entry(monkeypatch, METHODS, METHODS["han"])
    assert decode_recipe(json.dumps(HAN)).pruning == Han(sparsity=0.5)


def test_the_recipe_of_a_missing_method_cannot_be_edited_and_says_why():
    raw = {"pruning": {"method": "other"}, "plugins": {"pruning.method": "a-b==1.1"}}
    recipe = decode_recipe(json.dumps(raw), to_look=True)
    with pytest.raises(UserError) as caught:
        with_value(recipe, "training.epochs", 3)
    assert caught.value.message == "The recipe needs “other”, which is not installed."
    assert "pip install 'a-b==1.1'" in caught.value.hint


@pytest.mark.parametrize(
    "raw",
    [
        {"pruning": {"method": "unavailable", "name": "a", "requirement": "b", "settings": "x"}},
        {"plugins": {"pruning.method": "x==1"}, "pruning": {"method": "unavailable"}},
        {"plugins": [1]},
        {"plugins": {"pruning.method": 1}},
    ],
)
def test_what_only_this_program_makes_is_not_read_from_a_file(raw):
    for to_look in (False, True):
        with pytest.raises(UserError):
            decode_recipe(json.dumps(raw), to_look=to_look)


@pytest.mark.parametrize(
    ("raw", "is_recipe"),
    [
        ({}, True),
        ({"pruning": {}}, False),
        ({"pruning": []}, False),
        ({"pruning": {"method": 3}}, False),
    ],
)
def test_a_package_for_a_field_that_is_not_there_gives_no_traceback(raw, is_recipe):
    text = json.dumps(raw | {"plugins": {"pruning.method": "x==1"}})
    for to_look in (False, True):
        if is_recipe:
            assert decode_recipe(text, to_look=to_look) == Recipe()
            continue
        with pytest.raises(UserError, match="pruning"):
            decode_recipe(text, to_look=to_look)
