"""Intervals against textbooks, tables and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from snip_gui.core.studies.intervals import (
    bootstrap,
    mean_interval,
    student,
    student_probability,
    student_quantile,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "number", "low", "high"),
    # Newcombe (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_wilson_is_that_of_newcombes_examples(successes, number, low, high):
    found = wilson(successes, number)
    assert found.estimate == successes / number
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_wilson_is_symmetric_and_reaches_the_ends():
    some, others = wilson(3, 10), wilson(7, 10)
    assert (1 - others.high, 1 - others.low) == pytest.approx((some.low, some.high))
    assert wilson(10, 10).high == 1
    assert wilson(10, 10).low == pytest.approx(1 - wilson(0, 10).high)


@pytest.mark.parametrize(("successes", "number"), [(0, 0), (-1, 3), (4, 3)])
def test_invalid_proportions_are_refused(successes, number):
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(successes, number)


@pytest.mark.parametrize(
    ("degrees", "expected"),  # two-sided 95 %, from any table
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (10, 2.228), (30, 2.042),
     (120, 1.980)],
)  # fmt: skip
def test_quantiles_are_those_of_tables(degrees, expected):
    assert round(student_quantile(0.975, degrees), 3) == expected


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 8, 17, 50])
def test_the_distribution_is_that_of_scipy(degrees):
    stats = pytest.importorskip("scipy.stats")
    for t in (0.0, 0.1, 1.0, 2.5, 40.0):
        assert student_probability(t, degrees) == pytest.approx(
            float(stats.t.cdf(t, degrees)), abs=1e-13
        )
    for probability in (0.6, 0.9, 0.975, 0.999):
        expected = float(stats.t.ppf(probability, degrees))
        assert student_quantile(probability, degrees) == pytest.approx(expected, rel=1e-10)


# The ten sleep differences of Student (1908), whose interval is in many textbooks.
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]


def test_student_is_that_of_his_own_example():
    found = student(SLEEP)
    assert found.estimate == pytest.approx(1.58)
    assert (round(found.low, 4), round(found.high, 4)) == (0.7001, 2.4599)


def test_one_value_says_nothing_of_the_spread():
    assert student([3.0]) == (3.0, -math.inf, math.inf)
    with pytest.raises(ValueError, match="no values"):
        student([])
    with pytest.raises(ValueError, match="no values"):
        bootstrap([])


def test_bootstrap_is_reproducible_and_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    found = bootstrap(SLEEP)
    assert found == bootstrap(SLEEP)
    assert found != bootstrap(SLEEP, seed=1)
    expected = stats.bootstrap(
        (np.array(SLEEP),), np.mean, method="percentile", n_resamples=50_000, rng=1
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.03)


def test_ten_values_or_more_are_resampled():
    assert mean_interval(SLEEP) == bootstrap(SLEEP)
    assert mean_interval(SLEEP[:9]) == student(SLEEP[:9])


def test_intervals_cover_the_truth_as_often_as_they_say():
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        found = student(generator.normal(5, 2, size=5).tolist())
        covered += found.low <= 5 <= found.high
    assert 0.935 <= covered / 2000 <= 0.965
