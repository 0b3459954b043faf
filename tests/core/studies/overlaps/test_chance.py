from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snip_gui.core.studies.overlaps.chance import chance_overlap, seed_p_value, shared_by_chance


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), *[st.integers(0, n)] * 2)))
def test_shared_connections_are_hypergeometric(numbers):
    total, a, b = numbers
    first, probabilities = shared_by_chance(*numbers)
    for place, probability in enumerate(probabilities, first):
        exact = math.comb(a, place) * math.comb(total - a, b - place) / math.comb(total, b)
        assert probability == pytest.approx(exact, rel=1e-9)
    assert sum(probabilities) == pytest.approx(1)


def test_the_mean_of_a_large_layer_is_exact():
    first, probabilities = shared_by_chance(15_000_000, 750_000, 1_500_000)
    mean = (np.arange(first, first + len(probabilities)) * probabilities).sum()
    assert mean == pytest.approx(75_000, rel=1e-9)
    assert len(probabilities) < 100_000


def masks_with(total, kept):
    return [frozenset(places) for places in itertools.combinations(range(total), kept)]


def test_the_expected_overlap_is_that_of_all_masks_of_these_counts():
    layers = [(5, 2, 3), (4, 1, 2)]
    overlaps = []
    for a1, b1 in itertools.product(masks_with(5, 2), masks_with(5, 3)):
        for a2, b2 in itertools.product(masks_with(4, 1), masks_with(4, 2)):
            both = len(a1 & b1) + len(a2 & b2)
            overlaps.append(both / (len(a1 | b1) + len(a2 | b2)))
    assert chance_overlap(layers) == pytest.approx(np.mean(overlaps), rel=1e-12)


def test_masks_without_a_connection_are_equal():
    assert chance_overlap([(5, 0, 0)]) == 1
    assert chance_overlap([(5, 5, 5), (3, 3, 3)]) == 1


@pytest.mark.parametrize("num_seeds", [2, 3, 5])
def test_the_p_value_counts_permutations(num_seeds):
    overlap_SS = np.random.default_rng(3).random((num_seeds, num_seeds))
    sums = [
        sum(overlap_SS[i, j] for i, j in enumerate(order))
        for order in itertools.permutations(range(num_seeds))
    ]
    expected = sum(s >= sums[0] - 1e-12 for s in sums) / len(sums)
    assert seed_p_value(overlap_SS) == pytest.approx(expected)


def test_equal_seeds_that_matter_are_found_and_others_are_not():
    noise = np.random.default_rng(0).random((10, 10)) * 0.01
    assert seed_p_value(noise + np.eye(10)) == pytest.approx(1 / 10_000)
    assert seed_p_value(noise - np.eye(10)) > 0.9
    assert seed_p_value(np.ones((10, 10))) == 1
    assert seed_p_value(np.ones((1, 1))) is None
