"""Fully connected networks as plain matrices, in double precision.

What a removed connection changes can be followed exactly, and cheaply, through a chain of linear
layers with ReLU between them. Shapes: K images, I inputs and O outputs of a layer.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

# Relative to the largest output; double precision agrees to about 1e-14.
_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class ChainLayer:
    """A linear layer: float64 weights (O, I) and biases (O), zero if it has none."""

    name: str
    weight_OI: Tensor
    bias_O: Tensor
    has_bias: bool


@dataclass(frozen=True, eq=False)
class Chain:
    """Linear layers in order, with ReLU between them and none after the last."""

    layers: tuple[ChainLayer, ...]

    def forward(self, inputs_KI: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the inputs (K, I) of every layer, and the outputs (K, O) of the last."""
        inputs: list[Tensor] = []
        units = inputs_KI
        for number, layer in enumerate(self.layers):
            if number:
                units = units.relu()
            inputs.append(units)
            units = units @ layer.weight_OI.T + layer.bias_O
        return inputs, units

    def after(self, number: int, sums: Tensor) -> Tensor:
        """Return the outputs of the last layer.

        Parameters
        ----------
        number, sums
            A layer, and its sums (..., O) before the ReLU.
        """
        for layer in self.layers[number + 1 :]:
            sums = sums.relu() @ layer.weight_OI.T + layer.bias_O
        return sums


@torch.no_grad()
def find_chain(model: nn.Module, images_KCHW: Tensor) -> Chain:
    """Return the chain of a fully connected network with ReLU.

    The chain is verified on the images, in double precision.

    Raises
    ------
    UserError
        If the network computes anything else.
    """
    exact = copy.deepcopy(model).double().cpu().eval()
    called: list[str] = []
    for name, module in exact.named_modules():
        if isinstance(module, nn.Linear):
            module.register_forward_hook(lambda *_, name=name: called.append(name))
    images = images_KCHW.double().cpu()
    outputs_KO = exact(images.clone())
    modules = dict(exact.named_modules())
    layers = tuple(_make_layer(name, modules[name]) for name in called)
    chain = Chain(layers)
    if not _is_equal(chain, images.flatten(1), outputs_KO):
        raise UserError(
            "The network is not a chain of fully connected layers with ReLU between them.",
            "Choose one that is, such as LeNet-300-100.",
            field="model.name",
        )
    return chain


def _make_layer(name: str, module: nn.Module) -> ChainLayer:
    assert isinstance(module, nn.Linear)
    weight_OI = module.weight.detach().clone()
    has_bias = module.bias is not None
    bias_O = module.bias.detach().clone() if has_bias else weight_OI.new_zeros(len(weight_OI))
    return ChainLayer(name, weight_OI, bias_O, has_bias)


def _is_equal(chain: Chain, inputs_KI: Tensor, outputs_KO: Tensor) -> bool:
    """Return whether a chain fits together and computes the outputs of its network."""
    widths = [inputs_KI.shape[1], *(len(layer.weight_OI) for layer in chain.layers)]
    if len(widths) < 2 or len({layer.name for layer in chain.layers}) < len(chain.layers):
        return False
    if any(
        layer.weight_OI.shape[1] != width
        for layer, width in zip(chain.layers, widths, strict=False)
    ):
        return False
    _, found_KO = chain.forward(inputs_KI)
    if found_KO.shape != outputs_KO.shape or not bool(outputs_KO.isfinite().all()):
        return False
    largest = float(outputs_KO.abs().max())
    return float((found_KO - outputs_KO).abs().max()) <= _TOLERANCE * max(largest, 1e-300)
