"""Receptive fields, against loops over pairs of pixels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from snip_gui.core.analysis.receptive_fields import mean_kurtosis, relative_distance


def by_loops(mask, shape):
    channels, rows, columns = shape
    places = [(r, c) for _ in range(channels) for r in range(rows) for c in range(columns)]
    density = mask.sum(axis=0)
    observed, expected, total = [], 0.0, 0.0
    for one, other in itertools.permutations(range(len(places)), 2):
        distance = math.dist(places[one], places[other])
        observed += [distance] * int((mask[:, one] & mask[:, other]).sum())
        weight = float(density[one] * density[other])
        expected, total = expected + weight * distance, total + weight
    return (sum(observed) / len(observed)) / (expected / total)


@pytest.mark.parametrize("shape", [(1, 4, 5), (2, 3, 3)])
def test_the_distance_is_that_of_all_pairs_of_inputs(shape):
    mask = np.random.default_rng(3).random((6, math.prod(shape))) < 0.3
    assert relative_distance(mask, shape) == pytest.approx(by_loops(mask, shape))


def test_local_units_are_below_one_and_equal_units_at_one():
    local = np.zeros((4, 64), bool)
    for unit, (row, column) in enumerate(itertools.product((0, 4), (0, 4))):
        local[unit].reshape(8, 8)[row : row + 2, column : column + 2] = True
    assert relative_distance(local, (1, 8, 8)) < 0.4
    equal = np.tile(local.any(axis=0), (5, 1))
    assert relative_distance(equal, (1, 8, 8)) == pytest.approx(1)


def test_without_pairs_it_is_undefined():
    assert math.isnan(relative_distance(np.eye(3, 9, dtype=bool), (1, 3, 3)))
    assert math.isnan(relative_distance(np.zeros((3, 9), bool), (1, 3, 3)))


def test_kurtosis_is_zero_for_gaussian_sums_and_large_for_rare_ones():
    rng = np.random.default_rng(0)
    assert mean_kurtosis(rng.normal(size=(200_000, 2))) == pytest.approx(0, abs=0.05)
    rare = (rng.random((100_000, 1)) < 0.01).astype(float)
    # Of a Bernoulli variable: (1 - 6 p q) / (p q).
    share = float(rare.mean()) * (1 - float(rare.mean()))
    assert mean_kurtosis(rare) == pytest.approx((1 - 6 * share) / share)
    constant = np.ones((10, 2))
    assert math.isnan(mean_kurtosis(constant))
    beside_constant = np.hstack([rare[:1000], np.ones((1000, 1))])
    assert mean_kurtosis(beside_constant) == pytest.approx(mean_kurtosis(rare[:1000]))
