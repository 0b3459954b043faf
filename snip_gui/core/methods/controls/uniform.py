"""Layerwise uniform random masks: every layer keeps the same fraction of its connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.methods.controls.budgets import rank_by_density
from snip_gui.core.pruning.events import Pruned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank at random, with the same density in every layer; ends with `Pruned`."""
    yield Progress("Choosing connections")
    yield Pruned(rank_by_density(bench, dict.fromkeys(bench.prunable.layout.layers, 1.0)))
