"""Ranking once, thresholding for ever.

Every connection gets a rank over the whole network; a mask at any sparsity is then one comparison,
and the counts per layer a binary search, so a slider needs no further pass of the network.

Shapes: M is the number of prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import Layout, TensorSpec


class MaskSource(Protocol):
    """What a pruning method ends in: masks of any size it can make."""

    @property
    def layout(self) -> Layout:
        """The prunable tensors."""
        ...

    @property
    def levels(self) -> tuple[int, int]:
        """Smallest and largest number of connections that a mask of this source can keep."""
        ...

    def mask_at(self, num_kept: int) -> Mapping[str, NDArray[np.bool_]]:
        """Return the mask of each tensor, True where a connection is kept."""
        ...

    def counts_at(self, num_kept: int) -> Mapping[str, int]:
        """Return the number of kept connections of each tensor."""
        ...


@dataclass(frozen=True, eq=False)
class Ranking:
    """A total order of all connections; its masks are nested.

    Attributes
    ----------
    score_M
        float32, what was ranked: for SNIP the connection sensitivity, which sums to 1.
    rank_M
        int32, 0 for the highest score; among equal scores the lower flat index comes first.
    order_M
        int32, the flat index of the connection at each rank: the inverse of ``rank_M``.
    sorted_ranks
        Per tensor its ranks in ascending order, so that counts are a binary search.
    num_nonzero
        Connections whose score is not exactly zero. Keeping more than that is deciding by index
        order.
    """

    layout: Layout
    score_M: NDArray[np.float32]
    rank_M: NDArray[np.int32]
    order_M: NDArray[np.int32]
    sorted_ranks: Mapping[str, NDArray[np.int32]]
    num_nonzero: int

    @property
    def levels(self) -> tuple[int, int]:
        """Smallest and largest number of connections that a mask can keep."""
        return 1, self.layout.num_parameters

    def mask_at(self, num_kept: int) -> dict[str, NDArray[np.bool_]]:
        """Return the mask of each tensor: kept where the rank is below ``num_kept``."""
        return {t.name: self.get_mask(t, num_kept) for t in self.layout.tensors}

    def get_mask(self, tensor: TensorSpec, num_kept: int) -> NDArray[np.bool_]:
        """Return the mask of one tensor, in its shape."""
        kept: NDArray[np.bool_] = self.get_ranks(tensor) < num_kept
        return kept

    def get_ranks(self, tensor: TensorSpec) -> NDArray[np.int32]:
        """Return a view of the ranks of one tensor, in its shape."""
        return self.rank_M[tensor.offset : tensor.end].reshape(tensor.shape)

    def get_scores(self, tensor: TensorSpec) -> NDArray[np.float32]:
        """Return a view of the scores of one tensor, in its shape."""
        return self.score_M[tensor.offset : tensor.end].reshape(tensor.shape)

    def counts_at(self, num_kept: int) -> dict[str, int]:
        """Return the number of kept connections of each tensor."""
        # As int32: for a Python int, NumPy would first copy every array of ranks to int64.
        wanted = np.int32(num_kept)
        return {name: int(ranks.searchsorted(wanted)) for name, ranks in self.sorted_ranks.items()}

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

    def leaves_at(self, rank: int) -> float:
        """Return the sparsity from which on the connection of this rank is removed."""
        return 1 - rank / self.layout.num_parameters


def rank_scores(score_M: NDArray[np.float32], layout: Layout, *, floor: int = 0) -> Ranking:
    """Rank scores over the whole network (paper, equation 7).

    Ties go to the lower flat index, as ``top_k`` of the official code does, so that every mask
    keeps exactly as many connections as asked, however many scores are equal.

    Parameters
    ----------
    score_M
        float32, not negative, in the flat order of ``layout``.
    floor
        How many of the highest weights of each tensor come before all others, so that no mask that
        is large enough empties a layer. 0 is the method as published.

    Raises
    ------
    UserError
        If a score is not a number.
    ValueError
        If the length does not fit the layout, or a score is negative.
    """
    if score_M.shape != (layout.num_parameters,):
        raise ValueError(f"{score_M.shape} scores for {layout.num_parameters} parameters")
    _refuse_not_finite(score_M, layout)
    if score_M.size and score_M.min() < 0:
        raise ValueError("a score is negative")
    # One sort of one 64-bit key: a non-negative float orders like its bits, inverted for
    # descending order, and the flat index below settles ties. 0.6 of the time of a stable argsort.
    score_M = np.ascontiguousarray(score_M, dtype=np.float32) + np.float32(0)  # -0.0 becomes 0.0
    inverted_M = np.bitwise_not(score_M.view(np.uint32))
    # The sign bit of a score is 0, so its inverse is always set: clearing it puts one in front.
    inverted_M[_first_of_each(score_M, layout, floor)] &= np.uint32(0x7FFFFFFF)
    key_M = inverted_M.astype(np.uint64)
    key_M <<= np.uint64(32)
    key_M |= np.arange(score_M.size, dtype=np.uint64)
    key_M.sort()
    order_M = key_M.astype(np.uint32).view(np.int32)  # the low half; an index fits 31 bits
    del key_M
    rank_M = np.empty(score_M.size, np.int32)
    rank_M[order_M] = np.arange(score_M.size, dtype=np.int32)
    sorted_ranks = {t.name: np.sort(rank_M[t.offset : t.end]) for t in layout.tensors}
    for array in (score_M, rank_M, order_M, *sorted_ranks.values()):
        array.flags.writeable = False
    return Ranking(layout, score_M, rank_M, order_M, sorted_ranks, int(np.count_nonzero(score_M)))


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
                f"A sensitivity in “{tensor.name}” is not a finite number.",
                "The usual cause is weights or images that are not finite, or a network whose "
                "activations overflow; try another initialisation.",
            )
