"""Loads a checkpoint with the naming of torch.nn.utils.prune; needs only torch."""

from pathlib import Path

import torch
from torch import nn
from torch.nn.utils import prune


def load_pruned(model: nn.Module, path: str | Path) -> nn.Module:
    """Prepare the layers of a new network, and load weights and masks into it."""
    state, own = torch.load(path, weights_only=True), model.state_dict()
    for key in state:
        name = key.removesuffix("_orig")
        if key != name and key not in own and f"{name}_mask" in state:
            layer, _, parameter = name.rpartition(".")
            # untyped in torch
            prune.identity(model.get_submodule(layer), parameter)  # type: ignore[no-untyped-call]
    model.load_state_dict(state)
    return model
