"""ERK, Erdős-Rényi-Kernel: random masks that are denser in small layers.

Evci et al. 2020 (RigL, arXiv 1911.11134, section 3): the density of a layer is proportional to the
sum of the sizes of its weight (outputs, inputs, kernel) divided by their product. Layers that would
keep more than all of their connections are dense, and the others share the rest.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.methods.controls.budgets import rank_by_density
from snip_gui.core.pruning.events import Pruned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank at random, with the densities of ERK; ends with `Pruned`.

    A bias has the density of its layer's first weight.
    """
    yield Progress("Choosing connections")
    layout = bench.prunable.layout
    shapes = {layer: layout.get_weight(layer).shape for layer in layout.layers}
    densities = {layer: sum(shape) / math.prod(shape) for layer, shape in shapes.items()}
    yield Pruned(rank_by_density(bench, densities))
