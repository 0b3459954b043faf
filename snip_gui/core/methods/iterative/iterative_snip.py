"""Iterative SNIP (de Jorge et al. 2021, arXiv 2006.09081, section 4).

The remaining connections are scored by SNIP's sensitivity in each round, with removed weights at
zero. The fraction that a round keeps is the same in all rounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.events import run_to_end
from snip_gui.core.methods.one_shot import score_minibatch
from snip_gui.core.methods.rounds import exponential, iterate, target_count
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.recipe.methods.iterative import IterativeSnip

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.base.events import Event
    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank by order of removal; ends with `Pruned`."""
    spec = bench.recipe.pruning
    assert isinstance(spec, IterativeSnip)
    total = bench.prunable.layout.num_parameters
    schedule = exponential(total, target_count(bench), spec.score_rounds)
    yield Pruned((yield from iterate(bench, sensitivity, schedule)))


def sensitivity(bench: Workbench) -> NDArray[np.float32]:
    """Return the sensitivity of each connection (M) of the current network."""
    return run_to_end(score_minibatch(bench)).sensitivity_M
