"""What overlaps of masks are expected by chance, and whether sharing a seed matters.

Shapes: S seeds, K numbers of shared connections.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_DEVIATIONS = 40  # probabilities further from the mean are far below the smallest float's precision
_MOST_SEEDS_EXACT = 7
_NUM_PERMUTATIONS = 9_999


@functools.lru_cache(4096)
def shared_by_chance(total: int, kept_a: int, kept_b: int) -> tuple[int, NDArray[np.float64]]:
    """Return the distribution of how many connections two random masks share.

    The masks keep ``kept_a`` and ``kept_b`` of ``total`` connections, chosen independently and
    uniformly, so this is the hypergeometric distribution.

    Returns
    -------
    first
        The number that the first probability belongs to.
    probability_K
        Probabilities of ``first``, ``first + 1`` and so on; the negligible ones are left out.
    """
    lowest, highest = max(0, kept_a + kept_b - total), min(kept_a, kept_b)
    mean = kept_a * kept_b / total
    variance = mean * (total - kept_a) * (total - kept_b) / (total * max(1, total - 1))
    reach = _DEVIATIONS * math.sqrt(variance) + _DEVIATIONS
    first = max(lowest, math.floor(mean - reach))
    last = min(highest, math.ceil(mean + reach))
    shared_K = np.arange(first, last, dtype=np.float64)
    # The ratio of consecutive probabilities, which needs no factorials.
    ratio_K = ((kept_a - shared_K) * (kept_b - shared_K)) / (
        (shared_K + 1) * (total - kept_a - kept_b + shared_K + 1)
    )
    log_K = np.concatenate([[0.0], np.cumsum(np.log(ratio_K))])
    probability_K = np.exp(log_K - log_K.max())
    probability_K /= probability_K.sum()
    probability_K.flags.writeable = False
    return first, probability_K


def chance_overlap(layers: Iterable[tuple[int, int, int]]) -> float:
    """Return the exact expectation of the Jaccard index of two random masks.

    Parameters
    ----------
    layers
        Of each layer, its number of connections and how many each of the masks keeps. The counts
        are fixed; which connections are kept is random.
    """
    first, probability_K, kept = 0, np.ones(1), 0
    for total, kept_a, kept_b in layers:
        start, distribution = shared_by_chance(total, kept_a, kept_b)
        first += start
        probability_K = np.convolve(probability_K, distribution)
        kept += kept_a + kept_b
    shared_K = first + np.arange(len(probability_K), dtype=np.float64)
    union_K = kept - shared_K
    index_K = np.divide(shared_K, union_K, out=np.ones_like(shared_K), where=union_K > 0)
    return float(probability_K @ index_K)


def seed_p_value(overlap_SS: NDArray[np.float64]) -> float | None:
    """Return how likely so large a mean overlap at equal seeds is if seeds do not matter.

    One-sided: the fraction of permutations of the seeds of one side whose mean overlap is at least
    that of the true pairing. All permutations of up to seven seeds are tried, otherwise 9,999
    random ones and the true one (Phipson and Smyth 2010).

    Parameters
    ----------
    overlap_SS
        Overlap of each mask of one side with each of the other; equal seeds on the diagonal.

    Returns
    -------
    float or None
        None for a single seed, which cannot be permuted.
    """
    num_seeds = len(overlap_SS)
    if num_seeds < 2:
        return None
    seeds = np.arange(num_seeds)
    if num_seeds <= _MOST_SEEDS_EXACT:
        orders = np.array(list(itertools.permutations(range(num_seeds))))
    else:
        generator = np.random.default_rng(0)
        orders = np.array([generator.permutation(num_seeds) for _ in range(_NUM_PERMUTATIONS)])
        orders = np.concatenate([seeds[None], orders])
    sums = overlap_SS[seeds, orders].sum(axis=1)
    observed = float(np.trace(overlap_SS))
    return float(np.mean(sums >= observed - 1e-12 * abs(observed)))
