"""Random masks whose layers keep connections in given proportions.

Shapes: M prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.seeding import numpy_stream
from snip_gui.core.pruning.ranking import Ranking, make_ranking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import Layout
    from snip_gui.core.pruning.workbench import Workbench


def random_positions(bench: Workbench) -> NDArray[np.int64]:
    """Return a random place (M) of each connection among those of its tensor, from 0."""
    generator = numpy_stream(bench.recipe.seed, "mask")
    return np.concatenate([generator.permutation(t.size) for t in bench.prunable.layout.tensors])


def rank_by_density(
    bench: Workbench,
    densities: Mapping[str, float],
    *,
    fixed: Mapping[str, float] | None = None,
) -> Ranking:
    """Rank at random, so that every mask keeps layers in proportion to their densities.

    With a common factor c, a tensor of n connections and density d keeps c d n of them, but at
    most n. A connection at a random place j of its tensor is kept from ``c = (j + 1/2) / (d n)``
    on; the ranking is by this number. So masks are nested, keep exactly the number asked for, and
    round c d n to the nearest whole number.

    Parameters
    ----------
    densities
        Density of each layer, up to the common factor.
    fixed
        Fraction that a layer keeps whatever the others keep: these come first, and the rest of the
        layer last.
    """
    layout, floor = bench.prunable.layout, bench.recipe.pruning.floor
    place_M = random_positions(bench)
    key_M = np.empty(layout.num_parameters)
    for tensor in layout.tensors:
        part = slice(tensor.offset, tensor.end)
        place = place_M[part]
        key_M[part] = (place + 0.5) / (densities[tensor.layer] * tensor.size)
        if fixed and tensor.layer in fixed:
            key_M[part] = np.where(place < round(fixed[tensor.layer] * tensor.size), -1, np.inf)
        if tensor.is_weight:
            key_M[part][place < floor] = -2
    return _ranked(layout, np.argsort(key_M, kind="stable"))


def shuffle_layers(bench: Workbench, ranking: Ranking) -> Ranking:
    """Return a ranking that keeps as many connections of every tensor, but random ones."""
    layout = ranking.layout
    other_M = random_positions(bench)
    for tensor in layout.tensors:
        other_M[tensor.offset : tensor.end] += tensor.offset
    return _ranked(layout, other_M[ranking.order_M])


def _ranked(layout: Layout, order_M: NDArray[np.int64]) -> Ranking:
    """Return the ranking of an order; its scores, above 0 and at most 1, only say the order."""
    total = layout.num_parameters
    score_M = np.empty(total, np.float32)
    score_M[order_M] = 1 - np.arange(total) / total
    return make_ranking(layout, score_M, order_M.astype(np.int32))
