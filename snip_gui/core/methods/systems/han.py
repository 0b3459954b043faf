"""Iterative pruning and retraining (Han, Pool, Tran & Dally 2015, sections 3 and 3.1).

The network is first trained dense. In each round, weights below a threshold are removed and the
rest is retrained from its current values at a lower learning rate. The threshold of a tensor is a
quality factor times the standard deviation of its weights. A removed weight never returns.

Options of the paper: an L1 penalty beside weight decay; rates of dropout that shrink with the
square root of what a layer keeps; and units without an input or an output vanish with all their
connections.

Shapes: M prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from snip_gui.core.base.errors import MethodError, UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.graph.layout import split_flat
from snip_gui.core.graph.paths import find_paths
from snip_gui.core.graph.tracing import CannotFollowError
from snip_gui.core.methods.one_shot import rank
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.sensitivity import flat_weights
from snip_gui.core.recipe.methods import Han
from snip_gui.core.training.regime import MaskChange, Moment, Regime

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.graph.layout import Layout
    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank the initial weights as a round would, for a preview; ends with `Pruned`."""
    yield Progress("Ranking the weights")
    layout, spec = bench.prunable.layout, _get_spec(bench)
    kept_M = np.ones(layout.num_parameters, bool)
    weight_M = flat_weights(bench.prunable)
    threshold_M = _thresholds(weight_M, kept_M, layout, _get_factors(spec, layout))
    yield Pruned(rank(bench, _multiples(weight_M, threshold_M)))


def make_regime(bench: Workbench) -> PruneAndRetrain:
    """Return the regime of a recipe; raises `UserError` if its factors do not fit the network."""
    spec, layout = _get_spec(bench), bench.prunable.layout
    images_BCHW: Tensor | None = None
    if spec.drop_units:
        images = bench.training_batches()
        images_BCHW, _ = images.batch(torch.arange(min(2, len(images)), device=bench.device))
        images.close()
    regime = PruneAndRetrain(spec, layout, _get_factors(spec, layout), images_BCHW)
    if spec.lower_dropout:
        regime.rates = find_dropout(bench.model, layout)
    return regime


class PruneAndRetrain(Regime):
    """Removes weights at the start of each round.

    Parameters
    ----------
    factors
        Quality factor of each tensor. If the recipe has none, all are 1, and the threshold follows
        from the sparsity.
    images_BCHW
        Images to trace the network with, if dead units are to be dropped.

    Attributes
    ----------
    rates
        Modules of dropout with their layers and original rates, if these are to be lowered.
    """

    changes_masks = True

    def __init__(
        self,
        spec: Han,
        layout: Layout,
        factors: Sequence[float],
        images_BCHW: Tensor | None = None,
    ) -> None:
        self._spec, self._layout, self._factors = spec, layout, factors
        self._images_BCHW = images_BCHW
        self.rates: list[DropoutRate] = []

    def before_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Prune before the first step of a round; the first phase is dense."""
        if moment.phase == 0 or moment.step_of_phase > 0:
            return None
        masks = masked.masks()
        flags = [(masks[t.name] != 0).reshape(-1).cpu().numpy() for t in self._layout.tensors]
        kept_M = np.concatenate(flags)
        weight_M = flat_weights(masked.prunable)
        left_M = self._survivors(weight_M, kept_M, moment.phase)
        if self._images_BCHW is not None:
            left_M &= flatten_masks(
                without_dead_units(
                    masked.model, split_flat(left_M, self._layout), self._images_BCHW
                ),
                self._layout,
            )
        if not left_M.any():
            raise MethodError(
                f"Round {moment.phase} would remove every connection.",
                "Lower the quality factors.",
                field="pruning.quality",
            )
        parts = split_flat(left_M, self._layout)
        for rate in self.rates:
            rate.lower(parts)
        number, total = int(np.count_nonzero(left_M)), self._layout.num_parameters
        return MaskChange(
            {name: torch.from_numpy(part.copy()) for name, part in parts.items()},
            f"Round {moment.phase} of {self._spec.rounds}: {number:,} of {total:,} connections "
            f"are kept ({1 - number / total:.2%} removed).",
        )

    @torch.no_grad()
    def change_gradients(self, masked: MaskedModel) -> None:
        """Add the gradient of the L1 penalty on the weights."""
        if self._spec.l1:
            for tensor, parameter in zip(
                self._layout.tensors, masked.prunable.parameters, strict=True
            ):
                if tensor.is_weight and parameter.grad is not None:
                    parameter.grad.add_(parameter.sgn(), alpha=self._spec.l1)

    def state(self) -> dict[str, Tensor]:
        """Return the rates of dropout, if they are lowered."""
        return {rate.name: torch.tensor(rate.module.p, dtype=torch.float64) for rate in self.rates}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the rates of dropout."""
        for rate in self.rates:
            rate.module.p = float(state[rate.name])

    def _survivors(
        self, weight_M: NDArray[np.float32], kept_M: NDArray[np.bool_], number: int
    ) -> NDArray[np.bool_]:
        """Return which connections a round keeps.

        Parameters
        ----------
        number
            Number of the round, from 1.
        """
        threshold_M = _thresholds(weight_M, kept_M, self._layout, self._factors)
        # Removed weights rank after all kept ones, however small those are.
        score_M = np.where(kept_M, _multiples(weight_M, threshold_M), np.float32(-1))
        ranking = rank_scores(score_M, self._layout, floor=self._spec.floor)
        if self._spec.quality:
            first = sum(min(self._spec.floor, tensor.size) for tensor in self._layout.weights)
            left_M = (np.abs(weight_M) >= threshold_M) | (ranking.rank_M < first)
        else:
            # Each round removes the same fraction of the remaining weights, so that the last one
            # reaches the sparsity of the recipe.
            share = (1 - self._spec.sparsity) ** (number / self._spec.rounds)
            left_M = ranking.rank_M < round(self._layout.num_parameters * share)
        return left_M & kept_M


def _get_spec(bench: Workbench) -> Han:
    """Return the method's settings in a recipe."""
    spec = bench.recipe.pruning
    assert isinstance(spec, Han)
    return spec


def _get_factors(spec: Han, layout: Layout) -> tuple[float, ...]:
    """Return the quality factor of each tensor; raises `UserError` if their number is wrong."""
    layers = layout.layers
    given = spec.quality or (1.0,)
    if len(given) not in (1, len(layers)):
        raise UserError(
            f"{len(given)} quality factors are given for {len(layers)} layers.",
            f"Give one for all layers, or one for each of: {', '.join(layers)}.",
            field="pruning.quality",
        )
    by_layer = dict(zip(layers, given if len(given) > 1 else given * len(layers), strict=True))
    return tuple(by_layer[tensor.layer] for tensor in layout.tensors)


def _thresholds(
    weight_M: NDArray[np.float32],
    kept_M: NDArray[np.bool_],
    layout: Layout,
    factors: Sequence[float],
) -> NDArray[np.float32]:
    """Return the threshold of each weight (M): a factor times the standard deviation of its tensor.

    The deviation is that of the tensor's remaining weights.
    """
    threshold_M = np.zeros(layout.num_parameters, np.float32)
    for tensor, factor in zip(layout.tensors, factors, strict=True):
        part = slice(tensor.offset, tensor.end)
        present = weight_M[part][kept_M[part]].astype(np.float64)
        threshold_M[part] = factor * present.std() if present.size else 0.0
    return threshold_M


def _multiples(
    weight_M: NDArray[np.float32], threshold_M: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the magnitude of each weight (M) in multiples of its threshold.

    Zero where the threshold is zero, as for biases before training.
    """
    zeros_M = np.zeros_like(weight_M)
    return np.divide(np.abs(weight_M), threshold_M, out=zeros_M, where=threshold_M > 0)


@dataclass(frozen=True)
class DropoutRate:
    """A module of dropout, the layer that its output enters, and its original rate."""

    name: str
    module: Any
    weight: str
    rate: float

    def lower(self, masks: Mapping[str, NDArray[np.generic]]) -> None:
        """Set the rate for a mask: D sqrt(C_r / C_o), for C connections of the layer."""
        self.module.p = self.rate * math.sqrt(float(np.mean(masks[self.weight] != 0)))


def find_dropout(model: nn.Module, layout: Layout) -> list[DropoutRate]:
    """Return modules of dropout with the next prunable layer in the order of the network's modules.

    Without a layer after it, its rate stays as it is.
    """
    weights = {tensor.layer: tensor.name for tensor in layout.weights}
    found: list[DropoutRate] = []
    waiting: list[tuple[str, Any]] = []
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            waiting.append((name, module))
        elif name in weights:
            found += [DropoutRate(n, m, weights[name], m.p) for n, m in waiting]
            waiting = []
    return found


def without_dead_units(
    model: nn.Module, masks: Mapping[str, NDArray[Any]], images_BCHW: Tensor
) -> dict[str, NDArray[np.bool_]]:
    """Return masks without the connections of units that have no input or no output.

    A bias does not count as an input: a unit that only has a bias is dead.

    Raises
    ------
    MethodError
        If the network cannot be followed.
    """
    before = {name: np.asarray(mask, bool) for name, mask in masks.items()}
    while True:  # a unit may lose its last input with another
        after = _without_ends(model, before, images_BCHW)
        if all(np.array_equal(after[name], mask) for name, mask in before.items()):
            return after
        before = after


def _without_ends(
    model: nn.Module, masks: Mapping[str, NDArray[np.bool_]], images_BCHW: Tensor
) -> dict[str, NDArray[np.bool_]]:
    """Return masks without the connections of units that these masks leave dead."""
    found, named = dict(masks), dict(model.named_parameters())
    for name, mask in masks.items():
        bias = f"{name.rpartition('.')[0]}.bias"
        if mask.ndim > 1 and bias in named:
            has_input = mask.reshape(len(mask), -1).any(1)
            found[bias] = has_input & found.get(bias, np.ones_like(has_input))
    try:
        paths = find_paths(copy.deepcopy(model), found, images_BCHW)
    except CannotFollowError as error:
        raise MethodError(
            f"Dead units cannot be found in this network: {error}.",
            "Switch “Drop dead units” off.",
            field="pruning.drop_units",
        ) from error
    for name, mask in found.items():
        layer, axes = name.rpartition(".")[0], mask.ndim
        outputs, inputs = paths.outputs.get(layer), paths.inputs.get(layer)
        if outputs is not None and len(outputs) == len(mask):
            found[name] = found[name] & outputs.reshape(-1, *[1] * (axes - 1))
        if axes > 1 and inputs is not None and len(inputs) == mask.shape[1]:
            found[name] = found[name] & inputs.reshape(1, -1, *[1] * (axes - 2))
    return {name: found[name] for name in masks}


def flatten_masks(masks: Mapping[str, NDArray[np.bool_]], layout: Layout) -> NDArray[np.bool_]:
    """Return masks by name as one flat vector (M)."""
    return np.concatenate([masks[tensor.name].reshape(-1) for tensor in layout.tensors])
