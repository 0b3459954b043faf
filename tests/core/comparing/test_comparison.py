from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snip_gui.core.base.errors import UserError
from snip_gui.core.comparing.comparison import Mask, Overlap, compare, overlap_matrix
from snip_gui.core.recipe.recipe import ModelChoice, Recipe
from tests.core.masks import (
    LENET,
    SMALL,
    as_ranking,
    flat,
    layout_named,
    random_mask,
    scored_of,
    scored_with,
)
from tests.core.sources import Units, Unnested

NUM_SMALL = 45
kept = st.integers(0, NUM_SMALL)
seeds = st.integers(0, 20)


def small(num_kept, seed):
    return random_mask(num_kept, seed, SMALL)


@given(kept, kept, seeds, seeds)
def test_counts_agree_with_the_masks_and_sum_to_the_size_of_each_layer(kept_a, kept_b, sa, sb):
    a, b = small(kept_a, sa), small(kept_b, sb)
    found = compare(a, b)
    in_a, in_b = flat(a), flat(b)
    for tensor in a.layout.tensors:
        part = slice(tensor.offset, tensor.end)
        overlap = found.layers[tensor.layer]
        assert overlap.both == (in_a & in_b)[part].sum()
        assert overlap.only_a == (in_a & ~in_b)[part].sum()
        assert overlap.only_b == (in_b & ~in_a)[part].sum()
        assert overlap.neither == (~in_a & ~in_b)[part].sum()
        sizes = (overlap.both, overlap.only_a, overlap.only_b, overlap.neither)
        assert sum(sizes) == overlap.total == tensor.size
    assert (found.whole.kept_a, found.whole.kept_b) == (kept_a, kept_b)
    assert found.whole.total == NUM_SMALL
    union = (in_a | in_b).sum()
    assert found.whole.jaccard == pytest.approx((in_a & in_b).sum() / union if union else 1)


@given(kept, kept, seeds, seeds)
def test_comparing_the_other_way_round_swaps_the_two(kept_a, kept_b, sa, sb):
    there = compare(small(kept_a, sa), small(kept_b, sb)).whole
    back = compare(small(kept_b, sb), small(kept_a, sa)).whole
    assert (there.only_a, there.only_b) == (back.only_b, back.only_a)
    assert there.jaccard == back.jaccard
    assert there.chance == pytest.approx(back.chance)


@given(kept, seeds)
def test_a_mask_agrees_with_itself(num_kept, seed):
    found = compare(small(num_kept, seed), small(num_kept, seed))
    assert found.whole.num_changed == 0
    assert found.whole.jaccard == 1
    assert found.most_changed == ""
    assert all(overlap.jaccard == 1 for overlap in found.layers.values())


def test_masks_without_a_common_connection_do_not_overlap():
    layout = layout_named(SMALL)
    falling = np.arange(NUM_SMALL, 0, -1)
    a = Mask(scored_of(falling, layout), 20)
    b = Mask(scored_of(falling[::-1], layout), 25)
    found = compare(a, b)
    assert (found.whole.jaccard, found.whole.both, found.whole.neither) == (0, 0, 0)
    assert found.most_changed == "a"
    assert found.whole.excess == -found.whole.chance < 0


def test_chance_agrees_with_masks_drawn_at_random():
    """The same counts in each layer, drawn independently and uniformly."""
    sizes, kept_a, kept_b = (4_000, 900, 60), (700, 400, 50), (300, 500, 20)
    rng = np.random.default_rng(0)

    def shared(n, a, b):
        return len(np.intersect1d(rng.choice(n, a, False), rng.choice(n, b, False)))

    rounds = [[shared(*row) for row in zip(sizes, kept_a, kept_b, strict=True)] for _ in range(400)]
    overlaps = [
        Overlap(n, 0, a, b, a * b / n) for n, a, b in zip(sizes, kept_a, kept_b, strict=True)
    ]
    both = np.array(rounds)
    for layer, overlap in enumerate(overlaps):
        union = overlap.kept_a + overlap.kept_b - both[:, layer]
        assert (both[:, layer] / union).mean() == pytest.approx(overlap.chance, rel=0.03)
        assert both[:, layer].mean() == pytest.approx(overlap.expected_both, rel=0.03)


def test_random_masks_overlap_as_chance_says_they_would():
    found = compare(random_mask(26_000, 1), random_mask(30_000, 2))
    assert found.whole.excess == pytest.approx(0, abs=0.003)
    assert found.whole.expected_both == pytest.approx(
        sum(overlap.expected_both for overlap in found.layers.values())
    )


def test_chance_of_one_layer_is_written_out():
    overlap = Overlap(total=100, both=10, only_a=10, only_b=30, expected_both=20 * 40 / 100)
    assert overlap.jaccard == 10 / 50
    assert overlap.chance == 8 / 52
    assert overlap.excess == pytest.approx(10 / 50 - 8 / 52)


def test_the_matrix_has_the_overlap_of_every_pair():
    masks = [small(20, 1), small(9, 1), small(30, 2), small(0, 3)]
    matrix = overlap_matrix(masks)
    assert matrix.shape == (4, 4)
    np.testing.assert_array_equal(np.diag(matrix), 1)
    for row, a in enumerate(masks):
        for column, b in enumerate(masks):
            assert matrix[row, column] == pytest.approx(compare(a, b).whole.jaccard)


def test_a_pair_of_different_networks_has_no_number_in_the_matrix():
    matrix = overlap_matrix([small(20, 1), random_mask(20, 1), small(20, 2)])
    assert np.isnan(matrix[0, 1])
    assert np.isnan(matrix[1, 2])
    assert np.isfinite(matrix[0, 2])


def other_network():
    other = Recipe(model=ModelChoice(name="lenet-5-caffe"))
    return scored_of(np.zeros(6), layout_named({"fc1": (2, 3)}), other)


def test_different_networks_are_refused_by_name():
    with pytest.raises(UserError, match=r"LeNet-300-100.*LeNet-5") as refused:
        compare(random_mask(5, 0), Mask(other_network(), 2), ("eights", "threes"))
    assert "“eights”" in refused.value.message
    assert "“threes”" in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"fc1": (300, 784), "fc2": (100, 300)}, "“fc3.weight” is not pruned in “B”"),
        ({"fc1": (300, 784), "fc3": (10, 100)}, "“fc2.weight” is not pruned in “B”"),
        ({**LENET, "fc4": (2, 2)}, "“fc4.weight” is not pruned in “A”"),
        ({"fc0": (2, 2), **LENET}, "“fc0.weight” is not pruned in “A”"),
        ({**LENET, "fc3": (7, 100)}, "“fc3.weight” has 10 x 100 connections in “A” and 7 x 100"),
    ],
)
def test_one_network_pruned_in_different_places_is_refused_with_the_place(shapes, words):
    with pytest.raises(UserError) as refused:
        compare(random_mask(5, 0), random_mask(5, 0, shapes))
    assert words in refused.value.message


@pytest.mark.parametrize("make", [Unnested, Units])
def test_masks_of_any_source_overlap_as_those_of_rankings(make):
    source = make(layout_named(SMALL))
    kept = [source.nearest(number) for number in (10, 30)]
    masks = [Mask(scored_with(source), number) for number in kept]
    ranked = [Mask(as_ranking(source, number), number) for number in kept]
    assert compare(*masks) == compare(*ranked)
    np.testing.assert_array_equal(overlap_matrix(masks), overlap_matrix(ranked))
