"""A plain state_dict, read with ``torch.load(path, weights_only=True)``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

import torch

from snip_gui.core.export.proof import prove_weights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package


def encode(package: Package) -> bytes:
    """Encode the masked weights, contiguous and on the CPU."""
    return encode_state(package.state)


def encode_state(state: Mapping[str, Tensor]) -> bytes:
    """Return tensors in torch's file format."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    written = io.BytesIO()
    torch.save(state, written)
    return written.getvalue()


def read_back(path: Path) -> dict[str, Tensor]:
    """Return the weights, with the safe loader only."""
    return cast("dict[str, Tensor]", torch.load(path, weights_only=True, map_location="cpu"))


def prove(package: Package, path: Path) -> str:
    """Read the file back and compare."""
    return prove_weights(package, read_back(path))
