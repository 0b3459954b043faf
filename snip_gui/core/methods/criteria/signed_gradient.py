"""The signed gradient: the criterion of the SNIP paper's appendix A, figure 6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.methods.one_shot import rank, score_minibatch
from snip_gui.core.pruning.events import Pruned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.base.events import Event
    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank by gradient, largest first and negative ones last; ends with `Pruned`.

    The score is the gradient minus its minimum, rounded to float32 after the subtraction: masks of
    existing runs depend on which gradients become equal by rounding.
    """
    found = yield from score_minibatch(bench)
    gradient_M = found.gradient_M.astype("float64")
    score_M = (gradient_M - gradient_M.min()).astype("float32")
    yield Pruned(rank(bench, score_M), gradient_M=found.gradient_M, loss=found.loss)
