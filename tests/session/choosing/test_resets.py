"""Another network or data set resets what belonged to the former one, in the same undo step."""

from __future__ import annotations

import pytest

from snip_gui.core.recipe.edits import parse_edit
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Picked, Recipe
from snip_gui.session.choosing.resets import without_leftovers

WEIGHTS = {"weights": "/w.pt", "weights_digest": "a" * 64, "weights_key": "ema"}


@pytest.mark.parametrize("minibatch", [Picked(indices=(4, 7)), Draw(classes=(8,), size=20)])
def test_a_minibatch_stays_with_its_data_set(minibatch):
    before = Recipe(minibatch=minibatch)
    after, text = without_leftovers(before, with_value(before, "data.name", "mnist"))
    assert after.minibatch == Draw()
    assert "minibatch" in text
    assert without_leftovers(before, with_value(before, "seed", 3))[0].minibatch == minibatch


def test_weights_and_excluded_layers_stay_with_their_network():
    before = with_value(Recipe(model=ModelChoice(**WEIGHTS)), "pruning.exclude", ("fc3",))
    before = with_value(before, "pruning.edits", (parse_edit("remove dead pixels"),))
    after, text = without_leftovers(before, with_value(before, "model.name", "lenet-5-caffe"))
    assert after.model == ModelChoice(name="lenet-5-caffe")
    assert after.pruning.exclude == ()
    assert after.pruning.edits == ()
    assert text.startswith("Reset the weights from a file, the excluded layers and the edits of")
    same, text = without_leftovers(before, with_value(before, "pruning.sparsity", 0.5))
    assert (same.model, same.pruning.exclude, text) == (before.model, ("fc3",), "")
    assert same.pruning.edits == before.pruning.edits


def test_a_data_set_that_did_not_open_gives_the_minibatch_back():
    eights = Draw(classes=(8,), size=20)
    away = without_leftovers(
        Recipe(minibatch=eights), with_value(Recipe(minibatch=eights), "data.name", "mnist")
    )[0]
    back = with_value(away, "data.name", "digits")
    assert without_leftovers(away, back, ("digits", eights))[0].minibatch == eights
    assert without_leftovers(away, back)[0].minibatch == Draw()
