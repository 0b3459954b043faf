"""SNIP: connection sensitivity on the minibatch (Lee, Ajanthan & Torr 2019, algorithm 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.methods.one_shot import rank, score_minibatch
from snip_gui.core.pruning.events import Pruned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.base.events import Event
    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank by connection sensitivity; ends with `Pruned`."""
    found = yield from score_minibatch(bench)
    yield Pruned(rank(bench, found.sensitivity_M), gradient_M=found.gradient_M, loss=found.loss)
