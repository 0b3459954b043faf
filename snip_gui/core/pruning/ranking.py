"""Rankings of all connections, from which a mask at any sparsity follows.

Every connection gets a rank in the whole network. A mask is then a single comparison, and the
counts per layer take a binary search, so a slider needs no further pass through the network.

Shapes: M is the number of prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine.spilling import spilled
from snip_gui.core.pruning.mask_source import MaskSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import Layout, TensorSpec
    from snip_gui.core.pruning.mask_source import Arrange, Cutter

_AT_ONCE = 2**22  # scores; temporary arrays of all of them would be large


class NotFiniteScoreError(UserError):
    """A score is NaN or infinite.

    Parameters
    ----------
    tensor
        Name of the first tensor with such a score.
    """

    def __init__(self, tensor: str) -> None:
        super().__init__(
            f"The score of a connection in “{tensor}” is not finite.",
            "Check that weights and images are finite and that activations do not overflow, or try "
            "another initialisation.",
        )
        self.tensor = tensor


class WrongScoresError(ValueError):
    """What was to be ranked is not a real number for each connection."""


@dataclass(frozen=True, eq=False)
class Ranking(MaskSource):
    """A total order of all connections, whose masks are nested.

    Attributes
    ----------
    score_M
        float32 of any sign: the ranked scores. For SNIP, the connection sensitivity, which sums to
        1.
    rank_M
        int32, 0 for the highest score; ties go to the lower flat index.
    order_M
        int32, the flat index of the connection at each rank; the inverse of ``rank_M``.
    sorted_ranks
        Ascending ranks of each tensor, for counting by binary search.
    num_positive, num_zero
        Number of connections with a score above zero, and of exactly zero. Among the latter, the
        flat index decides which are kept.
    """

    layout: Layout
    score_M: NDArray[np.float32]
    rank_M: NDArray[np.int32]
    order_M: NDArray[np.int32]
    sorted_ranks: Mapping[str, NDArray[np.int32]]
    num_positive: int
    num_zero: int

    def nearest(self, num_kept: int) -> int:
        """Return the number itself, clipped to the valid range: a ranking can keep any number."""
        return min(max(0, num_kept), self.layout.num_parameters)

    def get_mask(self, tensor: TensorSpec, num_kept: int) -> NDArray[np.bool_]:
        """Return the mask of one tensor: kept where the rank is below ``num_kept``."""
        kept: NDArray[np.bool_] = self.get_ranks(tensor) < num_kept
        return kept

    def cutter(self, tensor: TensorSpec, arrange: Arrange) -> Cutter:
        """Return a function from the number kept to a tensor's mask; arranges ranks only once."""
        ranks = arrange(self.get_ranks(tensor))
        # As int32, because for a Python int NumPy would first convert the ranks to int64.
        return lambda num_kept: ranks < np.int32(num_kept)

    def removal(self, tensor: TensorSpec, arrange: Arrange = np.asarray) -> NDArray[np.float32]:
        """Return the removal sparsity of each connection of a tensor, arranged."""
        ranks = arrange(self.get_ranks(tensor)).astype(np.float32)
        removal: NDArray[np.float32] = 1 - ranks / np.float32(self.layout.num_parameters)
        return removal

    @functools.cached_property
    def follows_scores(self) -> bool:
        """Whether connections are removed strictly in order of score."""
        return bool((np.diff(self.score_M[self.order_M]) <= 0).all())

    @property
    def scores(self) -> NDArray[np.float32]:
        """The ranked scores."""
        return self.score_M

    @property
    def num_bytes(self) -> int:
        """Memory of the arrays in bytes."""
        arrays = (self.score_M, self.rank_M, self.order_M, *self.sorted_ranks.values())
        return sum(array.nbytes for array in arrays)

    def num_arbitrary(self, num_kept: int) -> int:
        """Return how many zero scores are kept by index order while others are removed."""
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
        end = np.int32(num_kept)  # same type as the ranks: see `cutter`
        return {name: int(ranks.searchsorted(end)) for name, ranks in self.sorted_ranks.items()}

    def threshold_at(self, num_kept: int) -> float:
        """Return the smallest kept score; infinity if nothing is kept."""
        if num_kept <= 0:
            return float("inf")
        return float(self.score_M[self.order_M[num_kept - 1]])

    def rank_at(self, score: float) -> int:
        """Return the rank of the connection whose score is nearest to a given one.

        Exact if the ranking follows its scores; otherwise the rank of some connection with a close
        score.
        """
        low, high = 0, len(self.order_M) - 1
        while low < high:  # avoids a sorted copy of all scores
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

    Ties go to the lower flat index, as with ``top_k`` in the official code, so every mask keeps
    exactly the requested number of connections, however many scores are equal.

    Parameters
    ----------
    score_M
        float32 scores of any sign, in the flat order of ``layout``; the highest are kept longest.
        Must not be changed afterwards.
    floor
        Number of each tensor's highest-scoring weights that are ranked before all others, so that
        no sufficiently large mask empties a layer. 0 is the published method.

    Raises
    ------
    UserError
        If a score is NaN, or infinite in single precision.
    WrongScoresError
        If they are not real numbers, one for each connection.
    """
    if score_M.shape != (layout.num_parameters,):
        shape = "x".join(f"{size:,}" for size in score_M.shape)
        raise WrongScoresError(f"{shape} scores for {layout.num_parameters:,} connections")
    if np.asarray(score_M).dtype.kind not in "fiub":
        raise WrongScoresError(f"scores of the type {score_M.dtype}")
    with np.errstate(over="ignore"):  # refused just below
        score_M = np.ascontiguousarray(score_M, dtype=np.float32)
    # Not -0.0. Scores without a sign, which may be 600 million, are not copied.
    starts = range(0, score_M.size, _AT_ONCE)
    is_signed = any(np.signbit(score_M[start : start + _AT_ONCE]).any() for start in starts)
    score_M = score_M + np.float32(0) if is_signed else score_M.view()
    _refuse_not_finite(score_M, layout)
    order_M = _falling_order(score_M, _find_first(score_M, layout, floor))
    return make_ranking(layout, score_M, order_M)


def make_ranking(
    layout: Layout, score_M: NDArray[np.float32], order_M: NDArray[np.int32]
) -> Ranking:
    """Return a ranking with an order that need not follow the scores; freezes both arrays."""
    rank_M = np.empty(score_M.size, np.int32)
    for start in range(0, score_M.size, _AT_ONCE):
        part = order_M[start : start + _AT_ONCE]
        rank_M[part] = np.arange(start, start + len(part), dtype=np.int32)
    order_M = spilled(order_M)  # only single ranks are looked up in it
    sorted_ranks = {t.name: np.sort(rank_M[t.offset : t.end]) for t in layout.tensors}
    for array in (score_M, rank_M, order_M, *sorted_ranks.values()):
        array.flags.writeable = False
    num_zero = score_M.size - int(np.count_nonzero(score_M))
    num_positive = int(np.count_nonzero(score_M > 0))
    return Ranking(layout, score_M, rank_M, order_M, sorted_ranks, num_positive, num_zero)


def _falling_order(score_M: NDArray[np.float32], first: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return flat indices by descending score, ties to the lower index, with ``first`` in front.

    A single sort of 64-bit keys takes 0.6 of the time of a stable argsort: 1 bit, which is clear
    for those that come first, 32 for the score and 31 for the index.
    """
    key_M = np.empty(score_M.size, np.uint64)
    for start in range(0, score_M.size, _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, score_M.size))
        bits = score_M[part].view(np.uint32)
        # The bit pattern of a float increases with its magnitude: those of positive scores are
        # inverted to sort in descending order; those of negative ones, whose sign bit is set,
        # follow unchanged.
        falling = np.where(score_M[part] < 0, bits, ~bits & np.uint32(0x7FFFFFFF))
        key_M[part] = falling.astype(np.uint64) << np.uint64(31)
        key_M[part] |= np.arange(part.start, part.stop, dtype=np.uint64)
    if first.size:
        last_bit = np.uint64(1 << 63)
        key_M |= last_bit
        key_M[first] ^= last_bit
    key_M.sort()
    key_M &= np.uint64(0x7FFFFFFF)
    return key_M.astype(np.int32)


def _find_first(score_M: NDArray[np.float32], layout: Layout, floor: int) -> NDArray[np.int64]:
    """Return flat indices of the ``floor`` highest weights of each tensor, ties to the lower."""
    chosen = [np.zeros(0, np.int64)]
    for tensor in layout.weights if floor else ():
        falling = np.argsort(-score_M[tensor.offset : tensor.end], kind="stable")
        chosen.append(falling[:floor].astype(np.int64) + tensor.offset)
    return np.concatenate(chosen)


def _refuse_not_finite(score_M: NDArray[np.float32], layout: Layout) -> None:
    """Raise `NotFiniteScoreError` for the first tensor with a score that is NaN or infinite."""
    for tensor in layout.tensors:
        if not np.isfinite(score_M[tensor.offset : tensor.end]).all():
            raise NotFiniteScoreError(tensor.name)
