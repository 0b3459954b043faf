"""Checkpoints of a training run, from which it can be resumed.

A checkpoint is always of the whole network, even if a shrunk one is trained, so that another
version of the program, which may shrink more or less, can resume the run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.network_state import load_state, stored_state
from snip_gui.core.base.tensors import load_tensors, save_tensors
from snip_gui.core.training.descent import STEP, state_names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.training.loop import Trainer

_MODEL, _OPTIMIZER, _RNG = "model.", "optimizer.", "rng."
# For masks that change: the masks, the hidden values of removed weights, the weights that are
# trained if the network shows an outcome, and the method's state.
_MASK, _SHADOW, _TRAINED, _METHOD = "mask.", "shadow.", "trained.", "method."


def save_checkpoint(path: Path, trainer: Trainer) -> None:
    """Write weights, optimizer state, random state and step; raises `UserError` on failure."""
    trainer.put_back()
    tensors = {_MODEL + name: v for name, v in stored_state(trainer.masked.model).items()}
    for part in state_names(trainer.training):
        for name, values in _moments(trainer, part).items():
            tensors[f"{_OPTIMIZER}{name}.{part}"] = values
    for name, parameter in trainer.named_parameters():
        count = trainer.optimizer.state.get(parameter, {}).get(STEP)
        if count is not None:
            tensors[f"{_OPTIMIZER}{name}.{STEP}"] = count
    if trainer.regime.changes_masks:
        masks, shadows = trainer.masked.masks(), trainer.masked.shadows()
        tensors |= {_MASK + name: (mask != 0).to(torch.uint8) for name, mask in masks.items()}
        tensors |= {_SHADOW + name: values for name, values in shadows.items()}
        tensors |= {_TRAINED + name: v for name, v in trainer.masked.trained().items()}
    tensors |= {_METHOD + name: values for name, values in trainer.regime.state().items()}
    tensors[_RNG + "torch"] = torch.get_rng_state()
    save_tensors(path, tensors, {"format": 1, "step": trainer.step, "seconds": trainer.seconds})


def load_checkpoint(path: Path, trainer: Trainer) -> None:
    """Restore a trainer from a checkpoint.

    Raises
    ------
    UserError
        If the file is damaged or belongs to another network.
    """
    tensors, metadata = load_tensors(path)
    try:
        if trainer.regime.changes_masks:
            trainer.masked.set_masks(_part(tensors, _MASK), trainer.regime.hold)
        load_state(trainer.masked.model, model_state(tensors))
        trainer.masked.load_shadows(_part(tensors, _SHADOW))
        trainer.masked.load_trained(_part(tensors, _TRAINED))
        trainer.regime.load_state(_part(tensors, _METHOD))
        if trainer.shrunk is not None:
            trainer.shrunk.load_from_full()
        for name, parameter in trainer.named_parameters():
            if parameter.requires_grad:
                _load_optimizer_state(trainer, name, parameter, tensors)
        torch.set_rng_state(tensors[_RNG + "torch"])
        step, seconds = int(metadata["step"]), float(metadata["seconds"])
        if not (0 <= step <= trainer.num_steps and 0 <= seconds < math.inf):
            raise ValueError(f"step {step} of {trainer.num_steps} after {seconds} s")
        trainer.step, trainer.seconds = step, seconds
    except (LookupError, RuntimeError, ValueError, TypeError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"“{path}” does not fit this run: {reason}.", "The checkpoint is damaged."
        ) from error


def _load_optimizer_state(
    trainer: Trainer, name: str, parameter: Tensor, tensors: Mapping[str, Tensor]
) -> None:
    """Restore the optimizer's state of a parameter from a checkpoint."""
    state = trainer.optimizer.state[parameter]
    for part in state_names(trainer.training):
        values = tensors.get(f"{_OPTIMIZER}{name}.{part}")
        if values is not None:
            if trainer.shrunk is not None:
                values = trainer.shrunk.narrow(name, values)
            if values.shape != parameter.shape:
                raise ValueError(f"{name}.{part} has the shape {tuple(values.shape)}")
            # In the parameter's memory format, on which the optimizer's kernel relies.
            state[part] = torch.empty_like(parameter, requires_grad=False).copy_(values)
    if STEP in state:
        # The parameter was not trained before, so all its gradients were zero.
        count = tensors.get(f"{_OPTIMIZER}{name}.{STEP}", torch.tensor(_count_steps(tensors)))
        state[STEP] = count.to(parameter.device)


def _count_steps(tensors: Mapping[str, Tensor]) -> float:
    """Return the number of updates of any parameter."""
    counts = (float(v) for name, v in tensors.items() if name.endswith(f".{STEP}"))
    return max(counts, default=0.0)


def _moments(trainer: Trainer, part: str) -> dict[str, Tensor]:
    """Return one of the optimizer's state tensors for each parameter of the whole network."""
    state = trainer.optimizer.state
    found = {
        name: state[parameter][part]
        for name, parameter in trainer.named_parameters()
        if part in state.get(parameter, {})
    }
    if trainer.shrunk is None or not found:
        return found
    whole: dict[str, Tensor] = {}
    for name, parameter in trainer.masked.model.named_parameters():
        if parameter.requires_grad:
            zeros = torch.zeros_like(parameter, requires_grad=False)
            values = found.get(name)
            whole[name] = zeros if values is None else trainer.shrunk.widen(name, values, zeros)
    return whole


def model_state(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the network's tensors of a checkpoint under their own names."""
    return _part(tensors, _MODEL)


def mask_state(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the masks of a checkpoint, uint8 by name; empty if they never change."""
    return _part(tensors, _MASK)


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names have a prefix, with the prefix stripped."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
