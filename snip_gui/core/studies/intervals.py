"""Confidence intervals for the answers of studies. No torch, no SciPy.

A proportion has Wilson's interval; a mean of a few values that of Student's t distribution, and of
ten values or more a bootstrap interval, which assumes no distribution.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL = 0.95
"""Confidence level of all intervals."""

FEWEST_FOR_BOOTSTRAP = 10
_NUM_RESAMPLES = 10_000


class Interval(NamedTuple):
    """An estimate with its confidence interval; infinite bounds where nothing can be said."""

    estimate: float
    low: float
    high: float


def wilson(successes: int, number: int, level: float = LEVEL) -> Interval:
    """Return the score interval of a proportion (Wilson 1927).

    Raises
    ------
    ValueError
        If there is no trial, or the number of successes is not between none and all.
    """
    if not 0 <= successes <= number or number < 1:
        raise ValueError(f"{successes} of {number} is not a proportion")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = successes / number
    spread = z * math.sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
    scale = 1 + z**2 / number
    middle = share + z**2 / (2 * number)
    # At the ends the bounds are exactly 0 and 1, which rounding would miss.
    low = 0.0 if successes == 0 else (middle - spread) / scale
    high = 1.0 if successes == number else (middle + spread) / scale
    return Interval(share, low, high)


def mean_interval(values: Sequence[float], level: float = LEVEL, seed: int = 0) -> Interval:
    """Return the mean of values that are independent of one another, with its interval.

    For differences of runs that share a seed, give the differences.

    Raises
    ------
    ValueError
        If there are no values.
    """
    if len(values) >= FEWEST_FOR_BOOTSTRAP:
        return bootstrap(values, level, seed)
    return student(values, level)


def fraction_interval(values: Sequence[float]) -> Interval:
    """Return the mean of fractions with its interval, which is cut off at 0 and 1.

    Raises
    ------
    ValueError
        If there are no values.
    """
    found = mean_interval(values)
    if math.isinf(found.low):
        return found
    return Interval(found.estimate, max(0.0, found.low), min(1.0, found.high))


def student(values: Sequence[float], level: float = LEVEL) -> Interval:
    """Return the mean of normally distributed values with its interval (Student 1908).

    Raises
    ------
    ValueError
        If there are no values.
    """
    if not len(values):
        raise ValueError("there are no values")
    mean = float(np.mean(values))
    if len(values) == 1:
        return Interval(mean, -math.inf, math.inf)
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    reach = student_quantile(0.5 + level / 2, len(values) - 1) * error
    return Interval(mean, mean - reach, mean + reach)


def bootstrap(values: Sequence[float], level: float = LEVEL, seed: int = 0) -> Interval:
    """Return the mean of values with its percentile bootstrap interval (Efron 1979).

    The 10,000 resamples are drawn with the seed, so that the interval is reproducible.

    Raises
    ------
    ValueError
        If there are no values.
    """
    if not len(values):
        raise ValueError("there are no values")
    sample = np.asarray(values, np.float64)
    generator = np.random.Generator(np.random.PCG64(seed))
    drawn = generator.integers(len(sample), size=(_NUM_RESAMPLES, len(sample)))
    low, high = np.quantile(sample[drawn].mean(axis=1), [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(sample.mean()), float(low), float(high))


def student_quantile(probability: float, degrees: int) -> float:
    """Return the quantile of Student's t distribution, to about 1e-12.

    Parameters
    ----------
    probability
        Between 0.5 and 1, both excluded.
    degrees
        Degrees of freedom, at least 1.
    """
    low, high = 0.0, 1.0
    while student_probability(high, degrees) < probability:
        high *= 2
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if student_probability(middle, degrees) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def student_probability(t: float, degrees: int) -> float:
    """Return the probability that Student's t is at most ``t``, which must not be negative.

    By the finite sums for whole degrees of freedom (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4).
    """
    angle = math.atan(t / math.sqrt(degrees))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    term = total = 1.0
    if degrees % 2:
        for k in range(1, (degrees - 1) // 2):
            term *= square * 2 * k / (2 * k + 1)
            total += term
        within = angle + (sine * math.cos(angle) * total if degrees > 1 else 0.0)
        within *= 2 / math.pi
    else:
        for k in range(1, degrees // 2):
            term *= square * (2 * k - 1) / (2 * k)
            total += term
        within = sine * total
    return 0.5 + within / 2
