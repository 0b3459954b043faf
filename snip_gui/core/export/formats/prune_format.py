"""The naming of ``torch.nn.utils.prune``: ``weight_orig`` and ``weight_mask`` for each weight.

For exchange only: a network in this form regrows its removed weights if `prune.remove` is called
before training goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch

from snip_gui.core.export.formats.pt_format import encode_state
from snip_gui.core.export.proof import prove_weights

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package


def encode(package: Package) -> bytes:
    """Return weights and masks under torch's names."""
    state: dict[str, Tensor] = {}
    for name, tensor in package.state.items():
        if name in package.masks:
            state[f"{name}_orig"] = tensor
            state[f"{name}_mask"] = package.masks[name].to(tensor.dtype)
        else:
            state[name] = tensor
    return encode_state(state)


def read_back(path: Path) -> dict[str, Tensor]:
    """Return the weights under their masks, with the safe loader only."""
    state = cast("dict[str, Tensor]", torch.load(path, weights_only=True, map_location="cpu"))
    weights: dict[str, Tensor] = {}
    for key, tensor in state.items():
        if key.endswith("_orig"):
            name = key.removesuffix("_orig")
            weights[name] = tensor.masked_fill(state[f"{name}_mask"] == 0, 0)
        elif not key.endswith("_mask"):
            weights[key] = tensor
    return weights


def prove(package: Package, path: Path) -> str:
    """Read the file back and compare."""
    return prove_weights(package, read_back(path))
