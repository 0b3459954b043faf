"""Random tickets (Su et al. 2020, arXiv 2009.11094): random masks with given counts per layer.

Their *smart ratio* makes the density of a layer proportional to ``k^2 + k``, where k counts the
layers from the last one, which is 1; a last layer that is linear keeps 30 % of its connections.
The counts of SNIP's masks are the other choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.methods.controls.budgets import rank_by_density, shuffle_layers
from snip_gui.core.methods.one_shot import rank, score_minibatch
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.recipe.methods.controls import RandomTicket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.pruning.ranking import Ranking
    from snip_gui.core.pruning.workbench import Workbench

_OF_LAST_LINEAR = 0.3


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank at random, with the counts that the recipe chooses; ends with `Pruned`."""
    spec = bench.recipe.pruning
    assert isinstance(spec, RandomTicket)
    if spec.ratios == "snip":
        found = yield from score_minibatch(bench)
        ranking = shuffle_layers(bench, rank(bench, found.sensitivity_M))
        yield Pruned(ranking, gradient_M=found.gradient_M, loss=found.loss)
        return
    yield Progress("Choosing connections")
    yield Pruned(_smart_ratio(bench))


def _smart_ratio(bench: Workbench) -> Ranking:
    """Rank at random, with the smart ratio."""
    layout = bench.prunable.layout
    densities = {layer: float(k * k + k) for k, layer in enumerate(reversed(layout.layers), 1)}
    last = layout.layers[-1]
    is_linear = layout.get_weight(last).kind == "linear" and len(layout.layers) > 1
    return rank_by_density(bench, densities, fixed={last: _OF_LAST_LINEAR} if is_linear else None)
