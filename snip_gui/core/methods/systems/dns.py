"""Dynamic network surgery (Guo, Yao & Chen 2016; arXiv 1608.04493).

The network is first trained dense. Then two thresholds for each layer decide at random steps,
which become rarer: connections below the lower are removed, and those above the upper are kept
again ("splicing"). The gradient at the masked weights updates all weights, also removed ones.

Thresholds follow from the mean and standard deviation of the layer's magnitudes when surgery
begins. The authors' code stores neither, so its trainings cannot be resumed; here both are in the
checkpoint.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.errors import MethodError
from snip_gui.core.base.seeding import stream_seed
from snip_gui.core.base.tensors import to_double
from snip_gui.core.methods.systems.settings import by_layer, refuse_sparsity
from snip_gui.core.recipe.methods import Surgery
from snip_gui.core.training.regime import MaskChange, Moment, Regime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from snip_gui.core.graph.layout import Layout
    from snip_gui.core.pruning.masked_model import Hold, MaskedModel
    from snip_gui.core.pruning.workbench import Workbench

# Thresholds are this far apart around the common one, so that connections near it stay as they are.
_LOWER, _UPPER = 0.9, 1.1


def make_regime(bench: Workbench) -> Splicing:
    """Return the regime of a recipe; raises `UserError` if its factors do not fit the network."""
    spec, recipe = bench.recipe.pruning, bench.recipe
    assert isinstance(spec, Surgery)
    refuse_sparsity(spec, "the threshold factors")
    return Splicing(spec, bench.prunable.layout, recipe.seed)


class Splicing(Regime):
    """Removes connections and brings them back, from the second phase of training on."""

    changes_masks = True
    hold: Hold = "shadow"

    def __init__(self, spec: Surgery, layout: Layout, seed: int) -> None:
        self._spec, self._layout, self._seed = spec, layout, seed
        self._factors = by_layer(spec.c_rate, layout, "pruning.c_rate")
        self._statistics: dict[str, tuple[float, float]] = {}  # mean and deviation by layer

    @torch.no_grad()
    def before_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Update the masks at a step that was chosen at random."""
        if moment.phase == 0:
            return None
        weights, text = masked.shadows(), ""
        if moment.step_of_phase == 0:
            for layer in self._layout.layers:
                tensors = self._layout.get_tensors(layer)
                self._statistics[layer] = magnitudes([weights[tensor.name] for tensor in tensors])
            text = self._describe()
        elif not self._is_due(moment):
            return None
        before = masked.masks()
        masks = {
            tensor.name: splice(
                weights[tensor.name], before[tensor.name], self._threshold(tensor.layer)
            )
            for tensor in self._layout.tensors
        }
        if text and not any(bool(mask.any()) for mask in masks.values()):
            raise MethodError(
                "The thresholds remove every connection.",
                "Lower the threshold factors.",
                field="pruning.c_rate",
            )
        return MaskChange(masks, text)

    def state(self) -> dict[str, Tensor]:
        """Return the mean and deviation of each layer's magnitudes; nothing before surgery."""
        named = self._statistics.items()
        return {layer: torch.tensor(pair, dtype=torch.float64) for layer, pair in named}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the statistics."""
        if state:
            for layer in self._layout.layers:
                mean, deviation = state[layer].tolist()
                self._statistics[layer] = mean, deviation

    def _is_due(self, moment: Moment) -> bool:
        """Return whether to update the masks, with probability (1 + gamma i)^-power at step i."""
        step, spec = moment.step_of_phase, self._spec
        if step >= spec.splice_steps:
            return False
        chance = float((1 + spec.gamma * step) ** -spec.power)
        # A generator for each step, so that resuming needs no state.
        generator = random.Random(stream_seed(self._seed, "splice", step))
        return bool(generator.random() < chance)

    def _threshold(self, layer: str) -> float:
        """Return the threshold of a layer, mean + factor x deviation, at least 0."""
        mean, deviation = self._statistics[layer]
        return max(0.0, mean + self._factors[layer] * deviation)

    def _describe(self) -> str:
        """Return a sentence on the thresholds."""
        parts = [f"{layer} {self._threshold(layer):.3g}" for layer in self._layout.layers]
        return f"Thresholds of magnitude: {', '.join(parts)}."


def magnitudes(weights: Sequence[Tensor]) -> tuple[float, float]:
    """Return the mean and the standard deviation of the magnitudes of nonzero weights.

    Both are 0 if there are none.
    """
    size_N = torch.cat([to_double(tensor.abs().reshape(-1)) for tensor in weights])
    size_N = size_N[size_N != 0]
    if not len(size_N):
        return 0.0, 0.0
    mean = float(size_N.mean())
    return mean, math.sqrt(float((size_N - mean).square().mean()))


def splice(weights: Tensor, mask: Tensor, threshold: float) -> Tensor:
    """Return the next mask of a tensor: removed below, kept again above, unchanged in between.

    Parameters
    ----------
    weights
        All weights, removed or not.
    mask
        1 where kept, in the same shape and type; not boolean, which is slower on the CPU.
    threshold
        Removed if the magnitude is at most 0.9 times this, kept again if it is above 1.1 times.
    """
    limit = torch.rsub(mask, _UPPER * threshold, alpha=(_UPPER - _LOWER) * threshold)
    return torch.gt(weights.abs(), limit, out=limit)
