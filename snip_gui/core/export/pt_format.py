"""A plain state_dict, read with ``torch.load(path, weights_only=True)``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package


def write(package: Package, path: Path) -> None:
    """Write the masked weights, contiguous, on the CPU."""
    save_state(package.state, path)


def save_state(state: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors with torch; raises `OSError` if that fails."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    # By way of memory: torch reports a full disk as a RuntimeError that says nothing of the disk.
    written = io.BytesIO()
    torch.save(state, written)
    path.write_bytes(written.getbuffer())


def read_back(path: Path) -> dict[str, Tensor]:
    """Return the weights, with the safe loader only."""
    return cast("dict[str, Tensor]", torch.load(path, weights_only=True, map_location="cpu"))
