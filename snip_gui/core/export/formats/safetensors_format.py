"""Masked weights, masks and manifest in safetensors format.

Keys are those of the state_dict; the mask of ``fc1.weight`` is ``fc1.weight_mask`` (uint8, 1 where
kept), unless the network has a tensor of that name; the manifest is a JSON string under
``snip_gui`` in the file's metadata, in which ``masks`` maps weights to keys of masks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snip_gui.core.base.tensors import encode_tensors, load_tensors
from snip_gui.core.export.proof import prove_weights

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package


def encode(package: Package) -> bytes:
    """Encode weights, masks and manifest."""
    return encode_masked(package, package.state, package.manifest)


def encode_masked(
    package: Package, state: Mapping[str, Tensor], manifest: Mapping[str, Any]
) -> bytes:
    """Encode weights, the package's masks and a manifest."""
    keys = {name: _mask_key(name, state) for name in package.masks}
    masks = {keys[name]: mask for name, mask in package.masks.items()}
    return encode_tensors(dict(state) | masks, dict(manifest) | {"masks": keys})


def _mask_key(name: str, taken: Collection[str]) -> str:
    """Return the key of a weight's mask, distinct from those of the network's tensors."""
    key = f"{name}_mask"
    while key in taken:
        key += "_"
    return key


def read_back(path: Path) -> dict[str, Tensor]:
    """Return the weights without the masks; raises `UserError` for a damaged file."""
    tensors, manifest = load_tensors(path)
    masks = set(manifest["masks"].values())
    return {name: tensor for name, tensor in tensors.items() if name not in masks}


def prove(package: Package, path: Path) -> str:
    """Read the file back and compare."""
    return prove_weights(package, read_back(path))
