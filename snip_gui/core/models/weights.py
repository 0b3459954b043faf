"""Weights from a file: safetensors, or a PyTorch checkpoint that the safe loader takes."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from snip_gui.core.errors import UserError
from snip_gui.core.pruning.parameters import layer_kind

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_NAMED = 3


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name.

    Raises
    ------
    UserError
        If it cannot be read, is damaged, or is a pickle that needs more than the safe loader.
    """
    try:
        if path.suffix == ".safetensors":
            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise _unreadable(path, str(error)) from error
    except pickle.UnpicklingError as error:
        raise UserError(
            f"“{path.name}” holds more than weights, so it is not opened: it could run code.",
            "Save its state_dict alone, best as safetensors, and choose that.",
            field="model.weights",
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict):
        raise _unreadable(path, "it holds no state_dict")
    state = {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}
    if not state:
        raise _unreadable(path, "it holds no tensors")
    return {name.removeprefix("module."): value for name, value in state.items()}


def load_weights(model: nn.Module, path: Path) -> str:
    """Put the weights of a file into a network; return a sentence on what was drawn instead.

    The last layer may be for other classes: then it stays as it was drawn. Masks beside the weights
    of an exported checkpoint are left aside; its removed weights are zero.

    Raises
    ------
    UserError
        If the file cannot be read, or is not of this network; the error names what does not fit.
    """
    state = read_state(path)
    wanted = model.state_dict()
    masks = {name for name in state if name.endswith("_mask") and name[:-5] in state}
    other = {
        name
        for name in wanted.keys() & state.keys()
        if wanted[name].shape != state[name].shape
    }  # fmt: skip
    last = _last_layer(model)
    head = {name for name in wanted if name.startswith(f"{last}.")}
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}
    missing = wanted.keys() - state.keys() - counters
    unknown = state.keys() - wanted.keys() - masks
    problems = [
        *(f"“{n}” is missing" for n in sorted(missing)),
        *(f"“{n}” is not in the network" for n in sorted(unknown)),
        *(
            f"“{n}” is {tuple(state[n].shape)}, not {tuple(wanted[n].shape)}"
            for n in sorted(other - head)
        ),
    ]
    if problems:
        more = f"; and {len(problems) - _NAMED:,} more" if len(problems) > _NAMED else ""
        raise UserError(
            f"“{path.name}” holds the weights of another network: "
            f"{'; '.join(problems[:_NAMED])}{more}.",
            "Choose the network that the weights are of, or other weights.",
            field="model.weights",
        )
    drawn = head if other else set()
    model.load_state_dict(
        {n: state[n] for n in wanted.keys() & state.keys() if n not in drawn}, strict=False
    )
    if not drawn:
        return ""
    return f"The last layer “{last}” of “{path.name}” is for other classes and was drawn afresh."


def _last_layer(model: nn.Module) -> str:
    """Return the name of the last layer of a prunable kind; a word of no layer if there is none."""
    last = " "
    for name, module in model.named_modules():
        last = name if layer_kind(module) else last
    return last


def _unreadable(path: Path, reason: str) -> UserError:
    return UserError(
        f"The weights in “{path}” cannot be read: {reason.partition(chr(10))[0]}.",
        "Choose a safetensors file, or a checkpoint saved with torch.save(model.state_dict()).",
        field="model.weights",
    )
