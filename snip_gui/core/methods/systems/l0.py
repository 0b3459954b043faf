"""L0 regularisation with hard concrete gates (Louizos, Welling & Kingma 2018; arXiv 1712.01312).

Groups of weights are multiplied by a random gate z, drawn once for each batch:

    s = sigmoid((log u - log(1 - u) + log a) / beta),  z = clamp(s (zeta - gamma) + gamma, 0, 1)

with u uniform on (0, 1). Added to the loss is lambda / N times the expected number of weights whose
gate is not zero, sum of |group| sigmoid(log a - beta log(-gamma / zeta)), with N training images.
Groups are the input units of linear layers and the output maps of convolutions, so what is found
is a smaller architecture. Afterwards each gate is clamp(sigmoid(log a) (zeta - gamma) + gamma, 0,
1), multiplied into the weights.

The gate of an output map includes its bias, so that a removed map is zero; in the authors' code
the bias remains. Their averaging of weights, which is off in their LeNet-5 script, is left out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from snip_gui.core.base.seeding import stream_seed
from snip_gui.core.methods.systems.changed_layers import (
    InputChange,
    OutputChange,
    forward_changed,
    refuse_unusual_layers,
)
from snip_gui.core.methods.systems.settings import by_layer, refuse_sgd, refuse_sparsity
from snip_gui.core.recipe.methods import HardConcrete
from snip_gui.core.training.regime import MaskChange, Moment, Outcome, Regime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.workbench import Workbench

BETA, GAMMA, ZETA = 2 / 3, -0.1, 1.1
_LEAST, _MOST = math.log(1e-2), math.log(1e2)  # of log a
_EDGE = 1e-6  # u is at least this far from 0 and 1
_DROP, _INPUT_DROP, _DEVIATION = 0.5, 0.2, 0.01  # initial rate of dropped groups


def make_regime(bench: Workbench) -> Gates:
    """Return the regime of a recipe; raises `UserError` if it does not fit the network."""
    spec = bench.recipe.pruning
    assert isinstance(spec, HardConcrete)
    refuse_sparsity(spec, "the weight of the penalty")
    refuse_sgd(bench.recipe)
    refuse_unusual_layers(bench)
    return Gates(spec, bench)


class Gates(Regime):
    """Multiplies groups by gates, whose parameters are trained with the network."""

    changes_masks = True

    def __init__(self, spec: HardConcrete, bench: Workbench) -> None:
        layout = bench.prunable.layout
        layers = [tensor.layer for tensor in layout.weights]
        factors = by_layer(spec.l0_weight, layout, "pruning.l0_weight")
        generator = torch.Generator().manual_seed(stream_seed(bench.recipe.seed, "gates"))
        self._log_a: dict[str, nn.Parameter] = {}
        self._costs: dict[str, float] = {}  # of a group of the layer that is not zero
        for number, layer in enumerate(layers):
            weight = bench.model.get_submodule(layer).weight
            assert isinstance(weight, nn.Parameter)
            is_input = number == 0 and _is_linear(weight)
            drop = _INPUT_DROP if is_input else _DROP
            num_groups = weight.shape[1] if _is_linear(weight) else weight.shape[0]
            start = torch.randn(num_groups, generator=generator) * _DEVIATION
            start += math.log(1 - drop) - math.log(drop)
            self._log_a[layer] = nn.Parameter(start.to(weight))
            size = weight.numel() / num_groups
            self._costs[layer] = factors[layer] * size / len(bench.split.train_indices)

    @torch.no_grad()
    def before_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Keep the parameters of the gates within bounds."""
        for log_a in self._log_a.values():
            log_a.clamp_(_LEAST, _MOST)
        return None

    def after_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """State the architecture at the end."""
        if not moment.is_end:
            return None
        counts = [int((final_gate(log_a) > 0).sum()) for log_a in self._log_a.values()]
        widths = "-".join(str(count) for count in counts)
        return MaskChange(masked.masks(), f"Architecture: {widths} units and maps remain.")

    def forward(self, model: nn.Module, inputs_BCHW: Tensor) -> Tensor:
        """Return the class scores (B, K) under gates drawn for this batch."""
        units: dict[str, InputChange] = {}
        maps: dict[str, OutputChange] = {}
        for layer, log_a in self._log_a.items():
            gate = sample_gate(log_a)
            module = model.get_submodule(layer)
            if isinstance(module, nn.Linear):
                units[layer] = gate.mul
            else:
                maps[layer] = _gate_maps(gate)
        return forward_changed(model, inputs_BCHW, units, maps)

    def penalty(self, masked: MaskedModel) -> Tensor:
        """Return lambda / N times the expected number of weights that are not zero."""
        parts = [
            chance_open(log_a).sum() * self._costs[layer] for layer, log_a in self._log_a.items()
        ]
        return torch.stack(parts).sum()

    def outcome(self, masked: MaskedModel) -> Outcome:
        """Return the network with gates multiplied into its weights."""
        weights: dict[str, Tensor] = {}
        masks = {name: torch.ones_like(mask) for name, mask in masked.masks().items()}
        for layer, log_a in self._log_a.items():
            gate = final_gate(log_a.detach())
            module = masked.model.get_submodule(layer)
            for own, parameter in module.named_parameters(recurse=False):
                if _is_linear(module.weight) and own == "bias":  # type: ignore[arg-type]  # a tensor
                    continue
                shape = (1, -1) if _is_linear(parameter) else (-1, *[1] * (parameter.dim() - 1))
                factor = gate.view(shape).expand_as(parameter)
                name = f"{layer}.{own}"
                weights[name] = parameter.detach() * factor
                if name in masks:
                    masks[name] = (factor > 0).to(parameter.dtype)
        return Outcome(masks, weights)

    def parameters(self) -> Mapping[str, nn.Parameter]:
        """Return log a of all gates."""
        return {f"log_a.{layer}": log_a for layer, log_a in self._log_a.items()}

    def state(self) -> dict[str, Tensor]:
        """Return log a of all gates."""
        return {name: values.detach() for name, values in self.parameters().items()}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore log a of all gates."""
        for name, values in self.parameters().items():
            values.copy_(state[name])


def _gate_maps(gate: Tensor) -> OutputChange:
    """Return a function that gates the output maps of a convolution."""

    def change(module: nn.Module, inputs: Tensor, output: Tensor) -> Tensor:
        places = inputs.dim() - 2  # dimensions of a map
        return output * gate.view(-1, *[1] * places)

    return change


def sample_gate(log_a: Tensor) -> Tensor:
    """Return gates drawn at random."""
    u = torch.rand_like(log_a) * (1 - 2 * _EDGE) + _EDGE
    return stretch(torch.sigmoid((u.log() - (1 - u).log() + log_a) / BETA))


def final_gate(log_a: Tensor) -> Tensor:
    """Return the gates of evaluation, without noise."""
    return stretch(torch.sigmoid(log_a))


def stretch(s: Tensor) -> Tensor:
    """Stretch from (0, 1) to (gamma, zeta), and clip to [0, 1]."""
    return (s * (ZETA - GAMMA) + GAMMA).clamp(0, 1)


def chance_open(log_a: Tensor) -> Tensor:
    """Return the probability that a gate is not zero."""
    return torch.sigmoid(log_a - BETA * math.log(-GAMMA / ZETA))


def _is_linear(weight: Tensor) -> bool:
    return weight.dim() == 2
