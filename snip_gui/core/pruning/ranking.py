"""Ranking once, thresholding for ever.

Every connection gets a rank over the whole network; a mask at any sparsity is then one comparison,
and the counts per layer a binary search, so a slider needs no further pass of the network.

Shapes: M is the number of prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.pruning.mask_source import MaskSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import Layout, TensorSpec
    from snip_gui.core.pruning.mask_source import Arrange, Cutter


@dataclass(frozen=True, eq=False)
class Ranking(MaskSource):
    """A total order of all connections; its masks are nested.

    Attributes
    ----------
    score_M
        float32 of any sign, what was ranked: for SNIP the connection sensitivity, which sums to 1.
    rank_M
        int32, 0 for the highest score; among equal scores the lower flat index comes first.
    order_M
        int32, the flat index of the connection at each rank: the inverse of ``rank_M``.
    sorted_ranks
        Per tensor its ranks in ascending order, so that counts are a binary search.
    num_positive, num_zero
        Connections whose score is above zero, and exactly zero. Which of the latter are kept is
        decided by index order.
    """

    layout: Layout
    score_M: NDArray[np.float32]
    rank_M: NDArray[np.int32]
    order_M: NDArray[np.int32]
    sorted_ranks: Mapping[str, NDArray[np.int32]]
    num_positive: int
    num_zero: int

    def nearest(self, num_kept: int) -> int:
        """Return the number itself, between 0 and all: a ranking can keep any."""
        return min(max(0, num_kept), self.layout.num_parameters)

    def get_mask(self, tensor: TensorSpec, num_kept: int) -> NDArray[np.bool_]:
        """Return the mask of one tensor: kept where the rank is below ``num_kept``."""
        kept: NDArray[np.bool_] = self.get_ranks(tensor) < num_kept
        return kept

    def cutter(self, tensor: TensorSpec, arrange: Arrange) -> Cutter:
        """Return what a tensor keeps at a number kept: its ranks are laid out only once."""
        ranks = arrange(self.get_ranks(tensor))
        # As int32: for a Python int, NumPy would first copy the ranks to int64.
        return lambda num_kept: ranks < np.int32(num_kept)

    def removal(self, tensor: TensorSpec, arrange: Arrange = np.asarray) -> NDArray[np.float32]:
        """Return the sparsity from which on each connection of a tensor is removed, laid out."""
        ranks = arrange(self.get_ranks(tensor)).astype(np.float32)
        removal: NDArray[np.float32] = 1 - ranks / np.float32(self.layout.num_parameters)
        return removal

    @functools.cached_property
    def follows_scores(self) -> bool:
        """Whether no connection is kept longer than one of a higher score."""
        return bool((np.diff(self.score_M[self.order_M]) <= 0).all())

    @property
    def scores(self) -> NDArray[np.float32]:
        """What was ranked."""
        return self.score_M

    @property
    def num_bytes(self) -> int:
        """Memory that the arrays take."""
        arrays = (self.score_M, self.rank_M, self.order_M, *self.sorted_ranks.values())
        return sum(array.nbytes for array in arrays)

    def num_arbitrary(self, num_kept: int) -> int:
        """Return how many connections are kept by index order, others of zero score removed."""
        of_zeros = num_kept - self.num_positive
        return of_zeros if 0 < of_zeros < self.num_zero else 0

    def get_ranks(self, tensor: TensorSpec) -> NDArray[np.int32]:
        """Return a view of the ranks of one tensor, in its shape."""
        return self.rank_M[tensor.offset : tensor.end].reshape(tensor.shape)

    def get_scores(self, tensor: TensorSpec) -> NDArray[np.float32]:
        """Return a view of the scores of one tensor, in its shape."""
        return self.score_M[tensor.offset : tensor.end].reshape(tensor.shape)

    def counts_at(self, num_kept: int) -> dict[str, int]:
        """Return the number of kept connections of each tensor."""
        end = np.int32(num_kept)  # of the ranks' own type: see `cutter`
        return {name: int(ranks.searchsorted(end)) for name, ranks in self.sorted_ranks.items()}

    def threshold_at(self, num_kept: int) -> float:
        """Return the smallest score that is kept; infinite if nothing is."""
        if num_kept <= 0:
            return float("inf")
        return float(self.score_M[self.order_M[num_kept - 1]])

    def rank_at(self, score: float) -> int:
        """Return the rank of a connection whose score is as near as any to one that is asked for.

        Of a ranking that follows its scores; where some come first for another reason, of one
        nearby.
        """
        low, high = 0, len(self.order_M) - 1
        while low < high:  # few comparisons; a sorted copy of all scores would be large
            middle = (low + high) // 2
            if self.score_M[self.order_M[middle]] > score:
                low = middle + 1
            else:
                high = middle
        before = max(0, low - 1)
        values = [float(self.score_M[self.order_M[rank]]) for rank in (before, low)]
        return before if abs(values[0] - score) < abs(values[1] - score) else low


def rank_scores(score_M: NDArray[np.float32], layout: Layout, *, floor: int = 0) -> Ranking:
    """Rank scores over the whole network (paper, equation 7).

    Ties go to the lower flat index, as ``top_k`` of the official code does, so that every mask
    keeps exactly as many connections as asked, however many scores are equal.

    Parameters
    ----------
    score_M
        float32 of any sign, in the flat order of ``layout``; the highest are kept longest.
    floor
        How many of the highest weights of each tensor come before all others, so that no mask that
        is large enough empties a layer. 0 is the method as published.

    Raises
    ------
    UserError
        If a score is not a number.
    ValueError
        If the length does not fit the layout.
    """
    if score_M.shape != (layout.num_parameters,):
        raise ValueError(f"{score_M.shape} scores for {layout.num_parameters} parameters")
    _refuse_not_finite(score_M, layout)
    score_M = np.ascontiguousarray(score_M, dtype=np.float32) + np.float32(0)  # -0.0 becomes 0.0
    order_M = _falling_order(score_M, _first_of_each(score_M, layout, floor))
    return make_ranking(layout, score_M, order_M)


def make_ranking(
    layout: Layout, score_M: NDArray[np.float32], order_M: NDArray[np.int32]
) -> Ranking:
    """Return the ranking of an order that need not follow the scores; both arrays are frozen."""
    rank_M = np.empty(score_M.size, np.int32)
    rank_M[order_M] = np.arange(score_M.size, dtype=np.int32)
    sorted_ranks = {t.name: np.sort(rank_M[t.offset : t.end]) for t in layout.tensors}
    for array in (score_M, rank_M, order_M, *sorted_ranks.values()):
        array.flags.writeable = False
    num_zero = score_M.size - int(np.count_nonzero(score_M))
    num_positive = int(np.count_nonzero(score_M > 0))
    return Ranking(layout, score_M, rank_M, order_M, sorted_ranks, num_positive, num_zero)


def _falling_order(score_M: NDArray[np.float32], first: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return flat indices by falling score, ties to the lower index, some before all others.

    One sort of one 64-bit key, in 0.6 of the time of a stable argsort: 1 bit that is clear for
    those that come first, 32 for the score, 31 for the index.
    """
    bits_M = score_M.view(np.uint32)
    # A float's bits rise with its size: those of a positive one are inverted to fall, and those of
    # a negative one, whose sign bit is set, are behind them as they are.
    falling_M = np.bitwise_not(bits_M)
    falling_M &= np.uint32(0x7FFFFFFF)
    if score_M.size and score_M.min() < 0:
        np.copyto(falling_M, bits_M, where=score_M < 0)
    key_M = falling_M.astype(np.uint64)
    del falling_M
    key_M <<= np.uint64(31)
    key_M |= np.arange(score_M.size, dtype=np.uint64)
    if first.size:
        last_bit = np.uint64(1 << 63)
        key_M |= last_bit
        key_M[first] ^= last_bit
    key_M.sort()
    key_M &= np.uint64(0x7FFFFFFF)
    return key_M.astype(np.int32)


def _first_of_each(score_M: NDArray[np.float32], layout: Layout, floor: int) -> NDArray[np.int64]:
    """Return flat indices of the highest ``floor`` weights of each tensor, ties to the lower."""
    chosen = [np.zeros(0, np.int64)]
    for tensor in layout.weights if floor else ():
        falling = np.argsort(-score_M[tensor.offset : tensor.end], kind="stable")
        chosen.append(falling[:floor].astype(np.int64) + tensor.offset)
    return np.concatenate(chosen)


def _refuse_not_finite(score_M: NDArray[np.float32], layout: Layout) -> None:
    """Raise a `UserError` that names the first tensor with a score that is not a number."""
    for tensor in layout.tensors:
        if not np.isfinite(score_M[tensor.offset : tensor.end]).all():
            raise UserError(
                f"A sensitivity in “{tensor.name}” is not finite.",
                "Check that weights and images are finite and that activations do not overflow, "
                "or try another initialisation.",
            )
