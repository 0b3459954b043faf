from __future__ import annotations

import msgspec
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.json import decode_recipe, from_builtins, load_recipe, with_value
from snip_gui.core.recipe.recipe import Recipe


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
