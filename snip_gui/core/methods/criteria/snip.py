"""SNIP: connection sensitivity on the minibatch (Lee, Ajanthan & Torr 2019, algorithm 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.methods.criteria.units import rank_units
from snip_gui.core.methods.one_shot import rank, score_minibatch
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.sensitivity import flat_weights
from snip_gui.core.recipe.methods.criteria import Snip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.base.events import Event
    from snip_gui.core.pruning.mask_source import MaskSource
    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank by connection sensitivity; ends with `Pruned`."""
    spec = bench.recipe.pruning
    found = yield from score_minibatch(bench)
    masks: MaskSource
    if isinstance(spec, Snip) and spec.granularity != "connection":
        weight_M = flat_weights(bench.prunable)
        signed_M = weight_M.astype(np.float64) * found.gradient_M
        masks = rank_units(
            bench, signed_M, with_outgoing=spec.granularity == "channel", gather=spec.gather
        )
    else:
        masks = rank(bench, found.sensitivity_M)
    yield Pruned(masks, gradient_M=found.gradient_M, loss=found.loss)
