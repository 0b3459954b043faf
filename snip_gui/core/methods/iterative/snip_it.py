"""SNIP-it (Verdenius, Stol & Forré 2020, arXiv 2006.00896), unstructured.

The remaining connections are scored by SNIP's sensitivity in each round, as in iterative SNIP, but
at levels of sparsity of which each halves the distance to the last. Their criterion divides the
sensitivity by the loss, which does not change the ranking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.methods.iterative.iterative_snip import sensitivity
from snip_gui.core.methods.rounds import iterate, target_count
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.recipe.methods.iterative import SnipIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.base.events import Event
    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank by order of removal; ends with `Pruned`."""
    spec = bench.recipe.pruning
    assert isinstance(spec, SnipIt)
    total, target = bench.prunable.layout.num_parameters, target_count(bench)
    halving = [num_kept_at(level, total) for level in levels(spec.sparsity, spec.levels)]
    schedule = [max(target, number) for number in halving[:-1]]
    yield Pruned((yield from iterate(bench, sensitivity, [*schedule, target])))


def levels(sparsity: float, number: int) -> tuple[float, ...]:
    """Return the sparsity after each round: from a half on, each halves the distance to the last.

    Only the last if it is not above a half.
    """
    if sparsity <= 0.5:
        return (sparsity,)
    return (*(sparsity - (sparsity - 0.5) * 0.5**k for k in range(number - 1)), sparsity)
