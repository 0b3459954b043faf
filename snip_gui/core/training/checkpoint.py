"""Keeping a training on disk, and taking it up again.

A checkpoint is that of the whole network, whatever part of it is trained: a run can go on with
another version that leaves out more or less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snip_gui.core.errors import UserError
from snip_gui.core.tensors import load_tensors, save_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.training.loop import Trainer

_MODEL, _OPTIMIZER, _RNG = "model.", "optimizer.", "rng."
_VELOCITY = ".momentum_buffer"


def save_checkpoint(path: Path, trainer: Trainer) -> None:
    """Write weights, optimizer, random state and step; raises `UserError` if that fails."""
    trainer.put_back()
    tensors = {_MODEL + name: v for name, v in trainer.masked.model.state_dict().items()}
    for name, velocity in _velocities(trainer).items():
        tensors[_OPTIMIZER + name + _VELOCITY] = velocity
    tensors[_RNG + "torch"] = torch.get_rng_state()
    save_tensors(path, tensors, {"format": 1, "step": trainer.step, "seconds": trainer.seconds})


def load_checkpoint(path: Path, trainer: Trainer) -> None:
    """Put a trainer where a checkpoint was written.

    Raises
    ------
    UserError
        If the file is damaged or belongs to another network.
    """
    tensors, metadata = load_tensors(path)
    try:
        trainer.masked.model.load_state_dict(model_state(tensors))
        if trainer.shrunk is not None:
            trainer.shrunk.take_up()
        for name, parameter in trainer.trained.model.named_parameters():
            velocity = tensors.get(_OPTIMIZER + name + _VELOCITY)
            if velocity is None or not parameter.requires_grad:
                continue
            if trainer.shrunk is not None:
                velocity = trainer.shrunk.narrow(name, velocity)
            # In the memory layout of the parameter, which the optimizer's kernel relies on.
            buffer = torch.empty_like(parameter, requires_grad=False).copy_(velocity)
            trainer.optimizer.state[parameter]["momentum_buffer"] = buffer
        torch.set_rng_state(tensors[_RNG + "torch"])
        trainer.step, trainer.seconds = int(metadata["step"]), float(metadata["seconds"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise UserError(
            f"“{path}” does not fit this run: {error}.", "The checkpoint is damaged."
        ) from error


def _velocities(trainer: Trainer) -> dict[str, Tensor]:
    """Return the velocity of each parameter of the whole network; none without momentum."""
    state = trainer.optimizer.state
    found = {
        name: state[parameter]["momentum_buffer"]
        for name, parameter in trainer.trained.model.named_parameters()
        if "momentum_buffer" in state.get(parameter, {})
    }
    if trainer.shrunk is None or not found:
        return found
    whole: dict[str, Tensor] = {}
    for name, parameter in trainer.masked.model.named_parameters():
        if parameter.requires_grad:
            zeros = torch.zeros_like(parameter, requires_grad=False)
            velocity = found.get(name)
            whole[name] = zeros if velocity is None else trainer.shrunk.widen(name, velocity, zeros)
    return whole


def model_state(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the network's part of a checkpoint under its own names."""
    return {k.removeprefix(_MODEL): v for k, v in tensors.items() if k.startswith(_MODEL)}
