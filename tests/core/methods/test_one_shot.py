from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.base.events import Progress
from snip_gui.core.base.registry import load_target
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.sensitivity import flat_weights
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import (
    Inverted,
    Magnitude,
    RandomMask,
    Shuffled,
    Snip,
    find_method,
)
from snip_gui.core.recipe.recipe import Draw, Picked, Recipe


def pruned_by(bench):
    *before, last = load_target(find_method(bench.recipe.pruning).prune)(bench)
    assert isinstance(last, Pruned)
    assert all(isinstance(event, Progress) for event in before)
    return last


def test_snip_ranks_the_sensitivities_of_the_minibatch(make_bench):
    one = pruned_by(make_bench(Recipe(minibatch=Draw(seed=0))))
    same = pruned_by(make_bench(Recipe(minibatch=Draw(seed=0))))
    other = pruned_by(make_bench(Recipe(minibatch=Draw(seed=1))))
    np.testing.assert_array_equal(one.masks.score_M, same.masks.score_M)
    assert not np.array_equal(one.masks.score_M, other.masks.score_M)
    assert one.gradient_M is not None
    assert one.loss == pytest.approx(np.log(10), rel=0.3)  # untrained: about even odds of ten


def test_the_order_of_picking_does_not_matter(make_bench):
    picked = (5, 3, 700, 41)
    scores = [
        pruned_by(make_bench(Recipe(minibatch=Picked(indices=order)))).masks.score_M
        for order in (picked, picked[::-1], (*picked, 5))
    ]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_sparsity_does_not_change_the_ranking(make_bench):
    low = pruned_by(make_bench(Recipe(pruning=Snip(sparsity=0.1))))
    high = pruned_by(make_bench(Recipe(pruning=Snip(sparsity=0.99))))
    np.testing.assert_array_equal(low.masks.rank_M, high.masks.rank_M)


def test_a_random_mask_is_uniform_over_all_connections(make_bench):
    bench = make_bench(Recipe(pruning=RandomMask(sparsity=0.9)))
    ranking = pruned_by(bench).masks
    kept = ranking.counts_at(26_661)
    assert sum(kept.values()) == 26_661
    for tensor in bench.prunable.layout.tensors:
        if tensor.size >= 1000:
            # Hypergeometric: five deviations of a tenth kept of this many.
            deviation = np.sqrt(tensor.size * 0.1 * 0.9)
            assert abs(kept[tensor.name] - tensor.size / 10) < 5 * deviation
    # Within a tensor too: each tenth of the largest holds a tenth of its kept connections.
    mask = ranking.get_mask(bench.prunable.layout["fc1.weight"], 26_661)
    tenths = mask.reshape(10, -1).sum(axis=1)
    assert np.abs(tenths - 2352).max() < 5 * np.sqrt(2352 * 0.9)


def test_a_random_mask_leaves_no_score_at_zero(make_bench):
    ranking = pruned_by(make_bench(Recipe(pruning=RandomMask()))).masks
    assert ranking.num_zero == 0


def test_a_random_mask_follows_the_seed(make_bench):
    recipe = Recipe(pruning=RandomMask())
    one = pruned_by(make_bench(recipe)).masks.rank_M
    np.testing.assert_array_equal(pruned_by(make_bench(recipe)).masks.rank_M, one)
    other = pruned_by(make_bench(with_value(recipe, "seed", 1))).masks.rank_M
    assert not np.array_equal(other, one)


def test_magnitude_ranks_the_largest_weights_first_without_any_image(make_bench):
    bench = make_bench(Recipe(pruning=Magnitude(sparsity=0.5)))
    ranking = pruned_by(bench).masks
    weight_M = np.abs(flat_weights(bench.prunable))
    np.testing.assert_array_equal(ranking.score_M, weight_M)
    kept = weight_M[ranking.rank_M < 1000]
    assert kept.min() >= weight_M[ranking.rank_M >= 1000].max()


def test_inverted_keeps_the_least_sensitive_of_each_tensor_and_as_many_as_snip(make_bench):
    snip, inverted = (
        pruned_by(make_bench(Recipe(pruning=pruning, seed=3))).masks
        for pruning in (Snip(), Inverted())
    )
    for num_kept in (1, 13_331, 266_300):
        assert snip.counts_at(num_kept) == inverted.counts_at(num_kept)
    for tensor in snip.layout.tensors:
        kept = inverted.get_mask(tensor, 13_331).ravel()
        score_N = snip.score_M[tensor.offset : tensor.end]
        if kept.any() and not kept.all():
            assert score_N[kept].max() <= score_N[~kept].min()


@pytest.mark.parametrize("num_kept", [1, 500, 13_331, 266_300])
def test_shuffled_keeps_as_many_of_each_tensor_as_snip_but_others(make_bench, num_kept):
    snip, other, again = (
        pruned_by(make_bench(Recipe(pruning=pruning, seed=3))).masks
        for pruning in (Snip(), Shuffled(), Shuffled())
    )
    assert snip.counts_at(num_kept) == other.counts_at(num_kept)
    one, two, three = (source.mask_at(num_kept) for source in (snip, other, again))
    for name in one:
        np.testing.assert_array_equal(two[name], three[name])
    if 1 < num_kept < 266_200:  # of nearly all there is no choice
        assert not np.array_equal(one["fc1.weight"], two["fc1.weight"])
