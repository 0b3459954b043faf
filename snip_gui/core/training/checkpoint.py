"""Keeping a training on disk, and taking it up again."""

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
    model = trainer.masked.model
    tensors: dict[str, Tensor] = {_MODEL + k: v for k, v in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        velocity = trainer.optimizer.state.get(parameter, {}).get("momentum_buffer")
        if velocity is not None:
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
        for name, parameter in trainer.masked.model.named_parameters():
            velocity = tensors.get(_OPTIMIZER + name + _VELOCITY)
            if velocity is not None:
                state = trainer.optimizer.state[parameter]
                state["momentum_buffer"] = velocity.to(parameter.device)
        torch.set_rng_state(tensors[_RNG + "torch"])
        trainer.step, trainer.seconds = int(metadata["step"]), float(metadata["seconds"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise UserError(
            f"“{path}” does not fit this run: {error}.", "The checkpoint is damaged."
        ) from error


def model_state(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the network's part of a checkpoint under its own names."""
    return {k.removeprefix(_MODEL): v for k, v in tensors.items() if k.startswith(_MODEL)}
