"""2:4: two of every four, the most sensitive, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.methods.criteria.two_of_four import mask_of
from snip_gui.core.recipe.methods import Snip, TwoOfFour
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe
from tests.core.methods.benches import pruned_with


def recipe_of(pruning, model="lenet-300-100"):
    return Recipe(model=ModelChoice(name=model), minibatch=Draw(size=20), pruning=pruning)


@pytest.mark.parametrize("sparsity", [0.1, 0.98])
def test_the_two_most_sensitive_of_every_four_are_kept(make_bench, sparsity):
    masks = pruned_with(make_bench(recipe_of(TwoOfFour(sparsity=sparsity))))
    scores = pruned_with(make_bench(recipe_of(Snip(prunable="weights"))))
    kept = masks.nearest(17)
    assert kept == 266_200 // 2
    for tensor in masks.layout.tensors:
        mask = masks.get_mask(tensor, kept).reshape(-1, 4)
        score = scores.get_scores(tensor).reshape(-1, 4)
        assert (mask.sum(1) == 2).all()
        lowest_kept = np.where(mask, score, np.inf).min(1)
        assert (lowest_kept >= np.where(mask, -np.inf, score).max(1)).all()


def test_ties_go_to_the_lower_index_and_biases_are_kept(make_bench):
    layout = make_bench(recipe_of(TwoOfFour(prunable="weights-and-biases"))).prunable.layout
    weight, bias = layout.tensors[:2]
    zeros_M = np.zeros(layout.num_parameters, np.float32)
    assert (mask_of(weight, zeros_M).reshape(-1, 4) == [True, True, False, False]).all()
    assert mask_of(bias, zeros_M).all()


def test_layers_that_do_not_divide_are_named_and_can_be_excluded(make_bench):
    with pytest.raises(UserError, match="“conv1” has 25") as caught:
        pruned_with(make_bench(recipe_of(TwoOfFour(), "lenet-5-caffe")))
    assert "--exclude conv1" in caught.value.hint
    masks = pruned_with(make_bench(recipe_of(TwoOfFour(exclude=("conv1",)), "lenet-5-caffe")))
    assert masks.nearest(0) == masks.layout.num_parameters // 2
