"""SNIP's sensitivities in reverse order within each tensor: the least sensitive are kept.

A sanity check: as many connections of each layer are kept as SNIP keeps, so if it does as well as
SNIP, the sensitivities say nothing about single connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.methods.one_shot import rank, score_minibatch
from snip_gui.core.pruning.events import Pruned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from snip_gui.core.base.events import Event
    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank as SNIP does, with the scores of each tensor in reverse order; ends with `Pruned`."""
    found = yield from score_minibatch(bench)
    tensors = bench.prunable.layout.tensors
    score_M = np.concatenate([_inverted(found.sensitivity_M[t.offset : t.end]) for t in tensors])
    yield Pruned(rank(bench, score_M), gradient_M=found.gradient_M, loss=found.loss)


def _inverted(score_N: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the lowest score the value of the highest, the second lowest that of the second, ..."""
    inverted_N = np.empty_like(score_N)
    inverted_N[np.argsort(score_N, kind="stable")] = np.sort(score_N)[::-1]
    return inverted_N
