"""Masked weights, masks and manifest as safetensors.

Keys are those of the state_dict; the mask of ``fc1.weight`` is ``fc1.weight_mask`` (uint8, 1 where
kept); the manifest is one JSON string under ``snip_gui`` in the file's metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snip_gui.core.base.tensors import encode_tensors, load_tensors
from snip_gui.core.export.proof import prove_weights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package

MASK_SUFFIX = "_mask"


def encode(package: Package) -> bytes:
    """Return weights, masks and manifest."""
    return encode_masked(package, package.state, package.manifest)


def encode_masked(
    package: Package, state: Mapping[str, Tensor], manifest: Mapping[str, Any]
) -> bytes:
    """Return weights, the package's masks and a manifest."""
    masks = {name + MASK_SUFFIX: mask for name, mask in package.masks.items()}
    return encode_tensors(dict(state) | masks, manifest)


def read_back(path: Path) -> dict[str, Tensor]:
    """Return the weights without the masks; raises `UserError` for a damaged file."""
    tensors, _ = load_tensors(path)
    return without_masks(tensors)


def without_masks(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors without the masks of others among them."""
    return {
        name: tensor
        for name, tensor in tensors.items()
        if not (name.endswith(MASK_SUFFIX) and name.removesuffix(MASK_SUFFIX) in tensors)
    }


def prove(package: Package, path: Path) -> str:
    """Read the file back and compare."""
    return prove_weights(package, read_back(path))
