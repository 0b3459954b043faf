"""FORCE: foresight connection sensitivity (de Jorge et al. 2021, arXiv 2006.09081, section 4).

In each round the gradient g of the sparse network gives every connection the score ``|w g|``, with
its initial weight w whether or not it is kept. A removed connection can therefore return. Exactly
the scheduled number is kept in each round; the authors' code keeps ties with the threshold as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.events import run_to_end
from snip_gui.core.methods.one_shot import minibatch_gradient
from snip_gui.core.methods.rounds import exponential, force, masking, target_count
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.sensitivity import flat_weights
from snip_gui.core.recipe.methods.iterative import Force

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from snip_gui.core.base.events import Event
    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank by the scores of the last round; ends with `Pruned`."""
    spec = bench.recipe.pruning
    assert isinstance(spec, Force)
    total = bench.prunable.layout.num_parameters
    schedule = exponential(total, target_count(bench), spec.score_rounds)
    weight_M = flat_weights(bench.prunable)
    with masking(bench) as apply:

        def score(kept_M: NDArray[np.bool_]) -> NDArray[np.float32]:
            apply(kept_M)
            gradient_M, _ = run_to_end(minibatch_gradient(bench))
            score_M: NDArray[np.float32] = np.abs(weight_M * gradient_M)
            return score_M

        ranking = yield from force(bench, score, schedule)
    yield Pruned(ranking)
