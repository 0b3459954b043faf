"""Which parameters of a network are prunable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.layout import LayerKind, Layout, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor

_NORMALISATIONS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


@dataclass(frozen=True)
class PrunableParameters:
    """The prunable parameters of a network in flat order, with their layout."""

    layout: Layout
    parameters: tuple[nn.Parameter, ...]

    def items(self) -> list[tuple[str, nn.Parameter]]:
        """Return (state_dict key, parameter) pairs."""
        names = (tensor.name for tensor in self.layout.tensors)
        return list(zip(names, self.parameters, strict=True))


def layer_kind(module: nn.Module) -> LayerKind | None:
    """Return the kind of a module that has prunable parameters of its own; otherwise None.

    BatchNorm is never pruned (in the official code it is not among the scored keys).
    """
    if isinstance(module, nn.Linear):
        return "linear"
    if isinstance(module, nn.modules.conv._ConvNd):
        return "convolution"
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return "recurrent"
    if isinstance(module, nn.MultiheadAttention):
        return "attention"
    return None


def own_prunable(module: nn.Module) -> list[nn.Parameter]:
    """Return the prunable parameters of a module itself, without those of its submodules.

    In attention these are the projections; its other parameters (biases appended to the keys and
    values) are data rather than connections.
    """
    kind = layer_kind(module)
    if kind is None:
        return []
    named = module.named_parameters(recurse=False)
    return [p for name, p in named if kind != "attention" or name not in ("bias_k", "bias_v")]


def outside_parameters(model: nn.Module) -> dict[str, int]:
    """Return by name the sizes of parameters that are never pruned because they are in no layer.

    These are in no layer of a prunable kind: parameters that a network applies itself, embeddings,
    scales. Parameters of normalisation layers are not included.
    """
    inside: set[int] = set()
    for module in model.modules():
        is_norm = isinstance(module, _NORMALISATIONS)
        own = module.parameters(recurse=False) if is_norm else own_prunable(module)
        inside.update(id(parameter) for parameter in own)
    named = model.named_parameters()
    return {name: parameter.numel() for name, parameter in named if id(parameter) not in inside}


def prunable_parameters(
    model: nn.Module, *, biases: bool = True, exclude: Collection[str] = ()
) -> PrunableParameters:
    """Find the prunable parameters of a network.

    Parameters
    ----------
    model
        The network.
    biases
        Whether biases are prunable too (as in the paper, whose totals include them).
    exclude
        Module names of layers that stay dense.

    Raises
    ------
    UserError
        If an excluded layer does not exist, or nothing prunable remains.
    """
    chosen: dict[int, tuple[str, LayerKind, Tensor]] = {}
    layers: list[str] = []
    for layer, module in model.named_modules():
        kind = layer_kind(module)
        if kind is None:
            continue
        layers.append(layer)
        if layer in exclude:
            continue
        for parameter in own_prunable(module):
            is_asked_for = biases or parameter.dim() > 1
            if parameter.requires_grad and is_asked_for and parameter.numel():
                chosen.setdefault(id(parameter), (layer, kind, parameter))
    _refuse_unknown(exclude, layers)
    tensors: list[TensorSpec] = []
    parameters: list[nn.Parameter] = []
    offset = 0
    for name, parameter in model.named_parameters():  # in state_dict order; shared ones once
        if id(parameter) not in chosen:
            continue
        layer, kind, _ = chosen[id(parameter)]
        tensors.append(TensorSpec(name, layer, kind, tuple(parameter.shape), offset))
        parameters.append(parameter)
        offset += parameter.numel()
    if not tensors:
        raise UserError(
            "There is no layer left to prune.",
            "Exclude fewer layers, or choose a network with trainable layers.",
            field="pruning.exclude",
        )
    return PrunableParameters(Layout(tuple(tensors)), tuple(parameters))


def _refuse_unknown(exclude: Collection[str], layers: list[str]) -> None:
    """Raise `UserError` if an excluded layer does not exist."""
    unknown = sorted(set(exclude) - set(layers))
    if unknown:
        raise UserError(
            f"The network has no layer called “{unknown[0]}” to exclude.",
            f"Its layers are: {', '.join(layers)}.",
            field="pruning.exclude",
        )
