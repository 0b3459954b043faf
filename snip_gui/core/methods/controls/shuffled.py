"""SNIP's sensitivities shuffled within each tensor: a baseline that keeps only the counts.

A sanity check of Frankle et al. (arXiv 2009.08576): if it does as well as SNIP, the number kept per
layer matters, but not which connections are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.seeding import numpy_stream
from snip_gui.core.methods.one_shot import rank, score_minibatch
from snip_gui.core.pruning.events import Pruned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.base.events import Event
    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank as SNIP does, with the scores of each tensor shuffled; ends with `Pruned`."""
    found = yield from score_minibatch(bench)
    generator = numpy_stream(bench.recipe.seed, "mask")
    parts = [found.sensitivity_M[t.offset : t.end] for t in bench.prunable.layout.tensors]
    score_M = np.concatenate([generator.permutation(part) for part in parts])
    yield Pruned(rank(bench, score_M), gradient_M=found.gradient_M, loss=found.loss)
