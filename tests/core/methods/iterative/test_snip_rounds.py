"""Iterative SNIP, FORCE and SNIP-it against a dozen lines in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.methods.iterative.snip_it import levels
from snip_gui.core.methods.rounds import exponential
from snip_gui.core.recipe.methods import Force, IterativeSnip, Snip, SnipIt
from tests.core.methods.benches import (
    TOYS,
    flat_mask,
    highest,
    pruned_with,
    slope_by_factors,
    toy_bench,
)

SPARSITY = 0.8


def by_rounds(bench, schedule, *, may_return):
    """Which connections are kept after each round."""
    kept_M, found = np.ones(bench.prunable.layout.num_parameters, bool), []
    for number in schedule:
        score_M = np.abs(slope_by_factors(bench, kept_M))
        if not may_return:
            score_M[~kept_M] = -1
        kept_M = highest(score_M, number)
        found.append(kept_M)
    return found


@pytest.mark.parametrize("toy", TOYS)
@pytest.mark.parametrize("kind", [IterativeSnip, Force])
def test_rounds_are_those_of_an_independent_implementation(bench, toy, kind):
    bench = toy_bench(bench, toy, kind(sparsity=SPARSITY, score_rounds=5))
    before = [parameter.clone() for parameter in bench.model.parameters()]
    masks = pruned_with(bench)
    total = masks.layout.num_parameters
    schedule = exponential(total, round(total * (1 - SPARSITY)), 5)
    found = by_rounds(bench, schedule, may_return=kind is Force)
    np.testing.assert_array_equal(flat_mask(masks, schedule[-1]), found[-1])
    assert found[-1].sum() == schedule[-1]
    assert all(map(torch.equal, before, bench.model.parameters()))
    one_shot = pruned_with(toy_bench(bench, toy, Snip(sparsity=SPARSITY)))
    assert not np.array_equal(flat_mask(one_shot, schedule[-1]), found[-1])


def test_with_force_connections_return(bench):
    toy = toy_bench(bench, "linear", Force(sparsity=SPARSITY, score_rounds=8))
    total = toy.prunable.layout.num_parameters
    schedule = exponential(total, round(total * (1 - SPARSITY)), 8)
    found = by_rounds(toy, schedule, may_return=True)
    assert any((later & ~earlier).any() for earlier, later in itertools.pairwise(found))
    np.testing.assert_array_equal(flat_mask(pruned_with(toy), schedule[-1]), found[-1])


@pytest.mark.parametrize("kind", [IterativeSnip, Force])
@pytest.mark.parametrize("toy", TOYS)
def test_one_round_is_snip(bench, toy, kind):
    one = pruned_with(toy_bench(bench, toy, kind(sparsity=SPARSITY, score_rounds=1)))
    snip = pruned_with(toy_bench(bench, toy, Snip()))
    np.testing.assert_array_equal(one.rank_M, snip.rank_M)


def test_levels_of_snip_it():
    found = levels(0.98, 7)
    assert found[0] == 0.5
    assert found[1] == pytest.approx(0.74)
    assert found[-1] == 0.98
    gaps = 0.98 - np.array(found[:-1])
    np.testing.assert_allclose(gaps[1:], gaps[:-1] / 2)
    assert len(found) == 7
    assert levels(0.98, 1) == (0.98,)
    assert levels(0.3, 7) == (0.3,)


@pytest.mark.parametrize("toy", TOYS)
def test_snip_it_is_that_of_an_independent_implementation(bench, toy):
    masks = pruned_with(toy_bench(bench, toy, SnipIt(sparsity=SPARSITY, levels=4)))
    total = masks.layout.num_parameters
    schedule = [round(total * (1 - level)) for level in (0.5, 0.65, 0.725, 0.8)]
    expected = by_rounds(toy_bench(bench, toy, Snip()), schedule, may_return=False)[-1]
    np.testing.assert_array_equal(flat_mask(masks, schedule[-1]), expected)


@pytest.mark.parametrize("spec", [IterativeSnip(), Force(), SnipIt()])
def test_at_sparsity_zero_everything_is_kept_and_at_one_it_is_refused(bench, spec):
    kind = type(spec)
    masks = pruned_with(toy_bench(bench, "linear", kind(sparsity=0.0)))
    total = masks.layout.num_parameters
    assert flat_mask(masks, total).all()
    with pytest.raises(UserError, match=f"none of the {total} connections"):
        pruned_with(toy_bench(bench, "linear", kind(sparsity=0.9999)))


@pytest.mark.parametrize("kind", [IterativeSnip, Force])
def test_a_network_that_is_cut_in_two_is_a_sentence(bench, kind):
    """One connection of three layers is left long before the last round."""
    toy = toy_bench(bench, "linear", kind(sparsity=0.985, score_rounds=8, prunable="weights"))
    with torch.no_grad():
        for name, parameter in toy.model.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
    with pytest.raises(UserError, match="has any effect on the loss") as caught:
        pruned_with(toy)
    assert "lower sparsity" in caught.value.hint


def test_a_weight_that_is_not_finite_is_named(bench):
    for spec in (IterativeSnip(score_rounds=2), Force(score_rounds=2)):
        toy = toy_bench(bench, "linear", spec)
        with torch.no_grad():
            toy.model[2].weight[0, 0] = float("nan")
        with pytest.raises(UserError, match=r"2\.weight|not finite"):
            pruned_with(toy)


@pytest.mark.parametrize("kind", [IterativeSnip, Force])
def test_the_minimum_of_a_layer_holds_in_every_round(bench, kind):
    toy = toy_bench(bench, "linear", kind(sparsity=0.9, score_rounds=6, floor=2))
    masks = pruned_with(toy)
    total = masks.layout.num_parameters
    counts = masks.counts_at(round(total * 0.1))
    assert all(counts[tensor.name] >= 2 for tensor in masks.layout.weights)
