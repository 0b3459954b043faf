"""Structured pruning: whole units and channels, ranked by the connections that they have.

A unit is removed with all connections into and out of it, and so is every unit that is tied to it
by a residual sum, BatchNorm or flattening. Nothing of it is left in the network, which can
therefore be shrunk exactly. Every group of tied units keeps at least one, so that no layer is cut.

Shapes: M prunable parameters, U units, S units of a group, O outputs and I inputs of a layer.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.paths import UnitGroup, find_unit_groups
from snip_gui.core.graph.tracing import CannotFollowError
from snip_gui.core.pruning.mask_source import MaskSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import Layout, TensorSpec
    from snip_gui.core.pruning.workbench import Workbench

_FIELD = "pruning.granularity"
_TRACED_IMAGES = 2  # BatchNorm in training mode refuses one


def rank_units(
    bench: Workbench,
    signed_M: NDArray[np.float64],
    *,
    with_outgoing: bool,
    gather: Literal["sum", "mean", "gate"],
) -> UnitMasks:
    """Rank the units of a network.

    Parameters
    ----------
    signed_M
        The signed score of each connection, weight times gradient.
    with_outgoing
        Whether the connections out of a unit count for its score, beside those into it.
    gather
        How the scores of a unit's connections are combined: the sum or mean of their absolute
        values, or the absolute value of their sum.

    Raises
    ------
    UserError
        If the network cannot be followed, or no unit can be removed.
    """
    layout = bench.prunable.layout
    groups = _find_groups(bench, layout)
    scores = []
    for group in groups:
        parts = list(_parts(group, layout, signed_M, with_outgoing=with_outgoing))
        if gather == "gate":
            scores.append(np.abs(sum(part.sum(1) for part in parts)))
            continue
        total_S = sum(np.abs(part).sum(1) for part in parts)
        number = sum(part.shape[1] for part in parts)
        scores.append(total_S / number if gather == "mean" else total_S)
    if not all(np.isfinite(score_S).all() for score_S in scores):
        raise UserError("The score of a unit is not finite.", "Check weights and images.")
    return UnitMasks(layout, groups, scores, least=max(1, bench.recipe.pruning.floor))


def _find_groups(bench: Workbench, layout: Layout) -> tuple[UnitGroup, ...]:
    """Return the groups whose connections are all prunable."""
    inputs_KCHW = bench.minibatch.inputs_KCHW[:_TRACED_IMAGES]
    sample_BCHW = inputs_KCHW.repeat(_TRACED_IMAGES, *(1 for _ in inputs_KCHW.shape[1:]))
    try:
        groups = find_unit_groups(copy.deepcopy(bench.model).train(), sample_BCHW)
    except CannotFollowError as error:
        raise UserError(
            f"The units of this network cannot be removed: {error}.",
            "Choose the granularity “Connections”.",
            field=_FIELD,
        ) from error
    known = set(layout.layers)
    found = tuple(
        group
        for group in groups
        if known >= {*group.outputs, *(layer for layer, _ in group.inputs)}
    )
    if not found:
        raise UserError(
            "None of this network's layers has units that can be removed.",
            "Choose the granularity “Connections”, or exclude fewer layers.",
            field=_FIELD,
        )
    return found


def _parts(
    group: UnitGroup, layout: Layout, values_M: NDArray[np.float64], *, with_outgoing: bool
) -> list[NDArray[np.float64]]:
    """Return the values of the connections of each unit, a matrix of S rows for each tensor."""
    parts = [
        values_M[tensor.offset : tensor.end].reshape(group.size, -1)
        for layer in group.outputs
        for tensor in layout.get_tensors(layer)
    ]
    for layer, block in group.inputs if with_outgoing else ():
        tensor = layout.get_weight(layer)
        weight = values_M[tensor.offset : tensor.end].reshape(*tensor.shape[:2], -1)
        parts.append(
            weight.transpose(1, 0, 2).reshape(group.size, block * tensor.shape[0] * weight.shape[2])
        )
    return parts


class UnitMasks(MaskSource):
    """Nested masks that keep or remove whole units.

    Parameters
    ----------
    groups
        Units that are removed together; each group is ranked as one.
    scores
        For each group, the score (S) of its units; the highest are kept.
    least
        Number of units that each group keeps at least, or all that it has.
    """

    def __init__(
        self,
        layout: Layout,
        groups: Sequence[UnitGroup],
        scores: Sequence[NDArray[np.float64]],
        least: int = 1,
    ) -> None:
        self.layout = layout
        group_U = np.repeat(np.arange(len(groups)), [group.size for group in groups])
        first_U = np.concatenate([_falling_ranks(score_S) < least for score_S in scores])
        # Those that always stay come first; ties go to the earlier unit.
        order = np.lexsort((-np.concatenate(scores), ~first_U))
        rank_U = np.empty(len(order), np.int64)
        rank_U[order] = np.arange(len(order))
        ends = np.cumsum([group.size for group in groups])[:-1]
        self._ranks = np.split(rank_U, ends)
        self._least = int(first_U.sum())
        # Number of units of each group among the first n, for each n.
        self._kept = [np.append(0, np.cumsum(group_U[order] == g)) for g in range(len(groups))]
        self._of_output = {layer: g for g, one in enumerate(groups) for layer in one.outputs}
        self._of_input = {
            layer: (g, block) for g, one in enumerate(groups) for layer, block in one.inputs
        }
        counts_N = sum(self._counts(tensor) for tensor in layout.tensors)
        self._counts_N = np.asarray(counts_N)[self._least :]

    @property
    def num_units(self) -> int:
        """Number of units that are ranked."""
        return sum(len(ranks) for ranks in self._ranks)

    def units_at(self, num_kept: int) -> int:
        """Return the number of units that a mask keeps, by the connections that it keeps."""
        return self._least + int(np.searchsorted(self._counts_N, num_kept))

    def nearest(self, num_kept: int) -> int:
        """Return the nearest number of connections that whole units have."""
        return int(self._counts_N[np.abs(self._counts_N - num_kept).argmin()])

    def get_mask(self, tensor: TensorSpec, num_kept: int) -> NDArray[np.bool_]:
        """Return the mask of one tensor, True where both ends of a connection are kept."""
        number = self.units_at(num_kept)
        kept = np.ones(tensor.shape, bool)
        if tensor.layer in self._of_output:
            kept_O = self._ranks[self._of_output[tensor.layer]] < number
            kept &= kept_O.reshape(-1, *(1 for _ in tensor.shape[1:]))
        if tensor.is_weight and tensor.layer in self._of_input:
            group, block = self._of_input[tensor.layer]
            kept_I = np.repeat(self._ranks[group] < number, block)
            kept &= kept_I.reshape(1, -1, *(1 for _ in tensor.shape[2:]))
        return kept

    def counts_at(self, num_kept: int) -> dict[str, int]:
        """Return the number of kept connections of each tensor."""
        number = self.units_at(num_kept)
        return {t.name: int(self._counts(t)[number]) for t in self.layout.tensors}

    def describe(self, num_kept: int) -> str:
        """Return how many units and connections are kept."""
        return (
            f"{self.units_at(num_kept):,} of {self.num_units:,} units are kept, with "
            f"{num_kept:,} of {self.layout.num_parameters:,} connections."
        )

    def _counts(self, tensor: TensorSpec) -> NDArray[np.int64]:
        """Return the number of kept connections of a tensor for each number of kept units."""
        counts_N = np.full(self.num_units + 1, tensor.size, np.int64)
        if tensor.layer in self._of_output:
            counts_N = counts_N // tensor.shape[0] * self._kept[self._of_output[tensor.layer]]
        if tensor.is_weight and tensor.layer in self._of_input:
            group, block = self._of_input[tensor.layer]
            counts_N = counts_N * block // tensor.shape[1] * self._kept[group]
        return counts_N


def _falling_ranks(score_S: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the rank of each score, 0 for the highest; ties go to the first."""
    ranks = np.empty(len(score_S), np.int64)
    ranks[np.argsort(-score_S, kind="stable")] = np.arange(len(score_S))
    return ranks
