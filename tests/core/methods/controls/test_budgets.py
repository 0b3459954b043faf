"""Uniform, ERK and random tickets against the formulas of their papers."""

from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.recipe.methods import Erk, RandomTicket, Snip, Uniform
from tests.core.methods.benches import TOYS, flat_mask, pruned_with, toy_bench

SPARSITIES = (0.0, 0.3, 0.8, 0.95)


def rigl_counts(layout, num_kept):
    """What ERK keeps of each weight, by the loop of its authors, without rounding."""
    raw = {t.name: sum(t.shape) / np.prod(t.shape) for t in layout.tensors}
    dense = set()
    while True:
        rest = [t for t in layout.tensors if t.name not in dense]
        share = (num_kept - sum(layout[name].size for name in dense)) / sum(
            raw[t.name] * t.size for t in rest
        )
        largest = max(raw[t.name] for t in rest)
        if largest * share <= 1:
            break
        dense |= {t.name for t in rest if raw[t.name] == largest}
    return {
        t.name: t.size if t.name in dense else share * raw[t.name] * t.size for t in layout.tensors
    }


@pytest.mark.parametrize("toy", TOYS)
@pytest.mark.parametrize("sparsity", SPARSITIES[1:])
def test_erk_keeps_what_the_loop_of_its_authors_keeps(bench, toy, sparsity):
    masks = pruned_with(toy_bench(bench, toy, Erk()))
    num_kept = round(masks.layout.num_parameters * (1 - sparsity))
    counts, expected = masks.counts_at(num_kept), rigl_counts(masks.layout, num_kept)
    for name, number in expected.items():
        assert abs(counts[name] - number) <= 1


def test_small_layers_are_dense_under_erk(bench):
    masks = pruned_with(toy_bench(bench, "convolutional", Erk()))
    counts = masks.counts_at(round(masks.layout.num_parameters * 0.7))
    is_dense = [counts[tensor.name] == tensor.size for tensor in masks.layout.tensors]
    assert any(is_dense)
    assert not all(is_dense)


@pytest.mark.parametrize("toy", TOYS)
@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_uniform_keeps_the_same_fraction_of_every_layer(bench, toy, sparsity):
    masks = pruned_with(toy_bench(bench, toy, Uniform(prunable="weights-and-biases")))
    num_kept = round(masks.layout.num_parameters * (1 - sparsity))
    for name, number in masks.counts_at(num_kept).items():
        assert abs(number - masks.layout[name].size * (1 - sparsity)) <= 1


def test_the_smart_ratio_falls_toward_the_output(bench):
    masks = pruned_with(toy_bench(bench, "residual", RandomTicket()))
    layout = masks.layout
    num_kept = round(layout.num_parameters * 0.1)
    counts = masks.counts_at(num_kept)
    *others, last = layout.tensors
    assert counts[last.name] == round(0.3 * last.size)
    shares = np.array([20, 12, 6]) * [tensor.size for tensor in others]  # k^2 + k for k = 4, 3, 2
    expected = (num_kept - counts[last.name]) * shares / shares.sum()
    for tensor, number in zip(others, expected, strict=True):
        assert abs(counts[tensor.name] - number) <= 1


def test_a_random_ticket_has_the_counts_of_snip_and_other_connections(bench):
    for toy in TOYS:
        spec = RandomTicket(ratios="snip", prunable="weights-and-biases")
        ticket = pruned_with(toy_bench(bench, toy, spec))
        snip = pruned_with(toy_bench(bench, toy, Snip()))
        for num_kept in (5, 40, 61):
            assert ticket.counts_at(num_kept) == snip.counts_at(num_kept)
            assert flat_mask(ticket, num_kept).sum() == num_kept
        assert not np.array_equal(flat_mask(ticket, 40), flat_mask(snip, 40))


@pytest.mark.parametrize("spec", [Erk(floor=3), Uniform(floor=3), RandomTicket(floor=3)])
def test_the_minimum_of_a_layer_holds(bench, spec):
    masks = pruned_with(toy_bench(bench, "linear", spec))
    assert all(number >= 3 for number in masks.counts_at(9).values())


@pytest.mark.parametrize("spec", [Erk(), Uniform(), RandomTicket(), RandomTicket(ratios="snip")])
def test_masks_are_random_and_those_of_their_seed(bench, spec):
    one, same = (pruned_with(toy_bench(bench, "residual", spec)) for _ in range(2))
    np.testing.assert_array_equal(one.rank_M, same.rank_M)
    assert sorted(one.rank_M) == list(range(one.layout.num_parameters))
    # Within a tensor the order is not that of the positions.
    first = one.layout.tensors[0]
    ranks = one.rank_M[first.offset : first.end]
    assert (np.diff(ranks) < 0).any()
    assert (np.diff(ranks) > 0).any()
