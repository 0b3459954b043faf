"""NTK-SAP against an implementation of the factors in float64."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.func import functional_call

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.methods.iterative.ntk_sap import output_change_slopes
from snip_gui.core.methods.rounds import exponential
from snip_gui.core.recipe.methods import NtkSap
from snip_gui.core.recipe.recipe import Draw, Recipe
from tests.core.methods.benches import TOYS, flat_mask, pruned_with
from tests.core.toys import toy_batches

SPEC = NtkSap(sparsity=0.9, score_rounds=3, draws=2)
RECIPE = Recipe(minibatch=Draw(size=10), pruning=SPEC)


@pytest.mark.parametrize("toy", TOYS)
def test_slopes_are_those_of_factors_on_all_weights(toy):
    model, inputs, _ = toy_batches()[toy]
    torch.manual_seed(9)
    names = [t.name for t in prunable_parameters(model, biases=False).layout.tensors]
    weights = {n: p.detach() for n, p in model.named_parameters() if n in names}
    changes = {n: 0.01 * torch.randn_like(w) for n, w in weights.items()}
    masks = {n: (torch.rand_like(w) < 0.7).to(w) for n, w in weights.items()}
    factors = {n: mask.clone().requires_grad_() for n, mask in masks.items()}
    normalised = copy.deepcopy(model)
    for module in normalised.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    kept = {n: weights[n] * masks[n] for n in names}
    with torch.no_grad():
        functional_call(normalised.train(), kept, (inputs,))
    normalised.eval()
    one = functional_call(normalised, {n: weights[n] * factors[n] for n in names}, (inputs,))
    moved = {n: (weights[n] + changes[n]) * factors[n] for n in names}
    other = functional_call(normalised, moved, (inputs,))
    total = (one - other).norm(dim=-1).square().sum()
    expected = torch.autograd.grad(total, tuple(factors.values()))
    found = output_change_slopes(copy.deepcopy(model), masks, changes, inputs)
    for name, slope in zip(names, expected, strict=True):
        torch.testing.assert_close(found[name], slope, rtol=1e-9, atol=1e-12)


def test_rounds_keep_exact_numbers_that_nest_and_repeat(make_bench):
    bench = make_bench(RECIPE)
    before = [parameter.clone() for parameter in bench.model.parameters()]
    masks = pruned_with(bench)
    assert all(map(torch.equal, before, bench.model.parameters()))
    total = masks.layout.num_parameters
    larger = np.ones(total, bool)
    for num_kept in exponential(total, round(total * 0.1), 3):
        kept_M = flat_mask(masks, num_kept)
        assert kept_M.sum() == num_kept
        assert not (kept_M & ~larger).any()
        larger = kept_M
    np.testing.assert_array_equal(pruned_with(make_bench(RECIPE)).rank_M, masks.rank_M)


def test_the_images_do_not_matter_but_their_number_does(make_bench):
    one = pruned_with(make_bench(RECIPE))
    other = pruned_with(make_bench(Recipe(minibatch=Draw(size=10, seed=1), pruning=SPEC)))
    np.testing.assert_array_equal(one.rank_M, other.rank_M)
    fewer = pruned_with(make_bench(Recipe(minibatch=Draw(size=9), pruning=SPEC)))
    assert not np.array_equal(one.rank_M, fewer.rank_M)


def test_a_network_that_is_cut_in_two_is_a_sentence(make_bench):
    spec = NtkSap(sparsity=0.99999, score_rounds=30, draws=1)
    with pytest.raises(UserError, match="has any effect on the outputs") as caught:
        pruned_with(make_bench(Recipe(minibatch=Draw(size=4), pruning=spec)))
    assert caught.value.field == "pruning.sparsity"
