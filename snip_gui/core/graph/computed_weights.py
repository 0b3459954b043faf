"""Converts weights that a layer computes from other parameters to ordinary weights.

A connection is a weight as it is applied: with ``weight_norm`` this is ``g * v / |v|`` rather than
``g`` and ``v``. Its sensitivity is that of an ordinary weight with the same value, and a mask holds
only if the weight is not recomputed. Layers therefore keep the values computed in evaluation mode,
and their parametrizations are removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm, SpectralNormLoadStateDictPreHook
from torch.nn.utils.weight_norm import WeightNorm

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.parameters import layer_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

# torch's older mechanism: a hook before each forward pass.
_REMOVERS: dict[type, Any] = {
    WeightNorm: remove_weight_norm,
    SpectralNorm: remove_spectral_norm,
    prune.BasePruningMethod: prune.remove,
}


def find_computed(model: nn.Module) -> Iterator[tuple[str, nn.Module, str, str]]:
    """Yield the computed weights of prunable layers: layer, module, tensor and parametrization."""
    for layer, module in model.named_modules():
        if layer_kind(module) is None:
            continue
        if parametrize.is_parametrized(module):
            for tensor, steps in module.parametrizations.items():
                yield layer, module, tensor, ", ".join(_title(step) for step in steps)
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, tuple(_REMOVERS)):
                yield layer, module, _get_tensor(hook), _title(hook)


def make_ordinary(model: nn.Module) -> tuple[str, ...]:
    """Replace computed weights of prunable layers by their values in evaluation mode.

    Returns
    -------
    tuple of str
        The names of these weights, each with its parametrization.

    Raises
    ------
    UserError
        If a weight is computed from several tensors by anything other than ``weight_norm``, or
        differs between calls; the error names the layer.
    """
    found: list[str] = []
    modes = [(module, module.training) for module in model.modules()]
    model.eval()  # in training mode a spectral norm changes whenever its weight is read
    try:
        for layer, module, tensor, how in list(find_computed(model)):
            name = f"{layer}.{tensor}" if layer else tensor
            _refuse_unknown(module, tensor, name, how)
            _remove(module, tensor)
            _put_first(module, tensor)
            found.append(f"{name} ({how})")
    finally:
        for module, training in modes:
            module.training = training
    return tuple(found)


def refuse_computed(model: nn.Module) -> None:
    """Raise `UserError` if a prunable layer computes its weights."""
    for layer, _, tensor, how in find_computed(model):
        raise UserError(
            f"“{tensor}” of the layer “{layer}” is computed from other parameters ({how}).",
            "Make it an ordinary weight first: torch.nn.utils.parametrize.remove_parametrizations, "
            "torch.nn.utils.remove_weight_norm or torch.nn.utils.prune.remove.",
        )


def _title(step: object) -> str:
    """Return torch's name of a parametrization."""
    known = {"_WeightNorm": "weight_norm", "WeightNorm": "weight_norm",
             "_SpectralNorm": "spectral_norm", "SpectralNorm": "spectral_norm",
             "_Orthogonal": "orthogonal"}  # fmt: skip
    return known.get(type(step).__name__, type(step).__name__)


def _get_tensor(hook: Any) -> str:  # noqa: ANN401 - torch's hooks share no type
    return str(hook._tensor_name if isinstance(hook, prune.BasePruningMethod) else hook.name)


def _refuse_unknown(module: nn.Module, tensor: str, name: str, how: str) -> None:
    """Raise `UserError` for a parametrization that an ordinary weight cannot replace."""
    if parametrize.is_parametrized(module, tensor):
        steps: Any = module.parametrizations[tensor]  # type: ignore[index]  # a ModuleDict
        if not (steps.is_tensor or _title(steps[0]) == "weight_norm"):
            raise UserError(
                f"“{name}” is computed from several tensors by {how}.",
                "Only weight_norm and parametrizations of a single tensor can be pruned. Remove "
                "this one, or leave the layer out of the network.",
                field="model.symbol",
            )
    with torch.no_grad():
        once, again = getattr(module, tensor).clone(), getattr(module, tensor).clone()
    if not torch.equal(once.nan_to_num(), again.nan_to_num()):
        raise UserError(
            f"“{name}” is another each time that {how} computes it.",
            "Let it be the same in evaluation mode, or remove the parametrization.",
            field="model.symbol",
        )


def _remove(module: nn.Module, tensor: str) -> None:
    """Make a tensor an ordinary parameter with its current value."""
    if parametrize.is_parametrized(module, tensor):
        parametrize.remove_parametrizations(module, tensor, leave_parametrized=True)
        return
    for hook in list(module._forward_pre_hooks.values()):
        for kind, remove in _REMOVERS.items():
            if isinstance(hook, kind) and _get_tensor(hook) == tensor:
                remove(module, tensor)
    # remove_spectral_norm looks for its own hook, but torch has wrapped it.
    loading = module._load_state_dict_pre_hooks
    for key, hook in list(loading.items()):
        if isinstance(getattr(hook, "hook", hook), SpectralNormLoadStateDictPreHook):
            del loading[key]


def _put_first(module: nn.Module, tensor: str) -> None:
    """Move a weight before its bias, the usual order of connections."""
    if tensor == "weight" and "weight" in module._parameters:
        rest = {n: module._parameters.pop(n) for n in list(module._parameters) if n != tensor}
        module._parameters.update(rest)
