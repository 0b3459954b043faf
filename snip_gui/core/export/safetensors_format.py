"""Masked weights, masks and manifest as safetensors.

Keys are those of the state_dict; the mask of ``fc1.weight`` is ``fc1.weight_mask`` (uint8, 1 where
kept); the manifest is one JSON string under ``snip_gui`` in the file's metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.tensors import load_tensors, write_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package

MASK_SUFFIX = "_mask"


def write(package: Package, path: Path) -> None:
    """Write weights, masks and manifest."""
    masks = {name + MASK_SUFFIX: mask for name, mask in package.masks.items()}
    write_tensors(path, package.state | masks, package.manifest)


def read_back(path: Path) -> dict[str, Tensor]:
    """Return the weights without the masks; raises `UserError` for a damaged file."""
    tensors, _ = load_tensors(path)
    masks = {name for name in tensors if name.removesuffix(MASK_SUFFIX) in tensors} - {
        name for name in tensors if not name.endswith(MASK_SUFFIX)
    }
    return {name: tensor for name, tensor in tensors.items() if name not in masks}
