from __future__ import annotations

import itertools

import msgspec
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.edits import (
    ConnectionsEdit,
    DeadPixelsEdit,
    PixelsEdit,
    UnitsEdit,
    parse_edit,
    shortened,
)
from snip_gui.core.recipe.flags import flag_line
from snip_gui.core.recipe.json import decode_recipe, encode_recipe, recipe_to_builtins, with_value
from snip_gui.core.recipe.methods import METHODS, Snip
from snip_gui.core.recipe.recipe import Recipe, without_edits
from snip_gui.core.recipe.stages import Stage, stage_keys
from snip_gui.core.recipe.sweeps import sweep

EDITS = {
    "keep fc1.weight[0:10, 5]": ConnectionsEdit(
        action="keep", tensor="fc1.weight", boxes=(((0, 10), (5, 6)),)
    ),
    "remove fc1.weight[0, 1][2, 3]": ConnectionsEdit(
        action="remove", tensor="fc1.weight", boxes=(((0, 1), (1, 2)), ((2, 3), (3, 4)))
    ),
    "remove fc2.bias": ConnectionsEdit(action="remove", tensor="fc2.bias"),
    "remove units fc1[3][7:9]": UnitsEdit(action="remove", layer="fc1", units=((3, 4), (7, 9))),
    "keep pixels [10:18, 10:18]": PixelsEdit(action="keep", boxes=(((10, 18), (10, 18)),)),
    "remove dead pixels": DeadPixelsEdit(action="remove"),
}


def edited(*edits):
    return Recipe(pruning=Snip(edits=edits))


@pytest.mark.parametrize(("text", "edit"), EDITS.items())
def test_an_edit_is_read_from_its_own_text_and_from_json(text, edit):
    assert parse_edit(text) == edit
    assert str(edit) == text
    recipe = edited(edit)
    assert decode_recipe(encode_recipe(recipe)) == recipe


@pytest.mark.parametrize(
    "text",
    ["", "keep", "drop fc1.weight", "keep fc1.weight[]", "keep fc1.weight[3:3]", "keep fc1[x]",
     "remove pixels", "remove pixels [1]", "remove pixels [1, 2, 3]", "remove units fc1",
     "remove units fc1[1, 2]", "remove pixels fc1[1, 2]", "keep fc1.weight[-1]"],
)  # fmt: skip
def test_text_that_is_not_an_edit_is_refused_with_examples(text):
    with pytest.raises(UserError, match="is not an edit of a mask") as caught:
        parse_edit(text)
    assert "remove units fc1[3]" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "field"),
    [({"action": "drop"}, "action"), ({"boxes": []}, "boxes"), ({"boxes": [[[3, 3]]]}, ""),
     ({"boxes": [[[-1, 3]]]}, "boxes"), ({"tensor": ""}, "tensor"), ({"what": "layers"}, "what")],
)  # fmt: skip
def test_a_damaged_edit_in_a_recipe_is_refused_by_name(change, field):
    raw = recipe_to_builtins(edited(EDITS["keep fc1.weight[0:10, 5]"]))
    raw["pruning"]["edits"] = [raw["pruning"]["edits"][0] | change]
    with pytest.raises(UserError, match=rf"pruning\.edits\[0\].*{field}"):
        decode_recipe(msgspec.json.encode(raw))


def test_edits_change_the_mask_but_not_what_precedes_it():
    plain, keys = stage_keys(Recipe()), stage_keys(edited(*EDITS.values()))
    assert plain[Stage.BUILD] == keys[Stage.BUILD]
    assert plain[Stage.SCORE] != keys[Stage.SCORE]
    assert keys != stage_keys(edited(*reversed(EDITS.values())))  # order decides which one wins


@pytest.mark.parametrize("method", METHODS.names)
def test_recipes_without_edits_keep_their_digests(method):
    # The digests of a recipe whose JSON has no such field, as those of earlier versions.
    recipe = Recipe(pruning=METHODS[method].spec())
    raw = recipe_to_builtins(recipe)
    del raw["pruning"]["edits"]
    old = decode_recipe(msgspec.json.encode(raw))
    assert old == recipe
    assert stage_keys(old) == stage_keys(without_edits(with_value(recipe, "seed", recipe.seed)))


def test_edits_have_flags():
    recipe = edited(*EDITS.values())
    line = flag_line(recipe)
    given = [word for before, word in itertools.pairwise(line) if before == "--edit"]
    assert given == list(EDITS)


def test_a_sweep_has_no_edits_at_sparsity_zero_nor_in_its_controls():
    made = sweep(edited(EDITS["remove dead pixels"]), (0.0, 0.9), (0,), ("random",))
    assert [bool(recipe.pruning.edits) for recipe in made] == [False, True, False]


def test_a_painted_region_is_shortened_in_lists():
    boxes = tuple(((row, row + 1), (row, row + 9)) for row in range(100))
    text = shortened(ConnectionsEdit(action="keep", tensor="fc1.weight", boxes=boxes))
    assert text == "keep fc1.weight[0, 0:9] and 99 more"
