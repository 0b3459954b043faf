"""Compressed sparse rows for ``torch.sparse``, as safetensors.

The matrix of ``fc1.weight`` is ``fc1.weight.crow_indices``, ``.col_indices`` (int32), ``.values``
and ``.size``; its shape before flattening is ``.shape``. Biases and buffers are stored dense.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.tensors import encode_tensors, load_tensors
from snip_gui.core.export.proof import prove_weights
from snip_gui.core.weight_files.csr_loader import load_rows

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package


def encode(package: Package) -> bytes:
    """Encode masked weights as sparse rows, and the rest dense."""
    stored: dict[str, Tensor] = {}
    for name, tensor in package.state.items():
        if name not in package.masks or tensor.dim() < 2:
            stored[name] = tensor
            continue
        matrix = tensor.reshape(tensor.shape[0], -1)
        kept = package.masks[name].reshape(matrix.shape).bool()
        counts = kept.sum(dim=1)
        crow = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        stored[f"{name}.crow_indices"] = crow.int()
        stored[f"{name}.col_indices"] = kept.nonzero()[:, 1].int()
        stored[f"{name}.values"] = matrix[kept]
        stored[f"{name}.size"] = torch.tensor(matrix.shape)
        stored[f"{name}.shape"] = torch.tensor(tensor.shape)
    return encode_tensors(stored, package.manifest)


def num_stored(package: Package) -> int:
    """Return the number of values, without those that the masks remove from matrices."""
    masks = [mask for mask in package.masks.values() if mask.dim() > 1]
    removed = sum(int((mask == 0).sum()) for mask in masks)
    return sum(tensor.numel() for tensor in package.state.values()) - removed


def read_back(path: Path) -> dict[str, Tensor]:
    """Return the dense weights in their own shapes."""
    load_tensors(path)  # refuses a damaged file with an error for the user
    with warnings.catch_warnings():
        # torch warns about every sparse tensor that its support is in beta.
        warnings.simplefilter("ignore", UserWarning)
        matrices, whole = load_rows(path)
        dense = {name: matrix.to_dense() for name, matrix in matrices.items()}
    shapes = {name: tuple(whole.pop(f"{name}.shape").tolist()) for name in dense}
    return whole | {name: matrix.reshape(shapes[name]) for name, matrix in dense.items()}


def prove(package: Package, path: Path) -> str:
    """Read the file back and compare."""
    return prove_weights(package, read_back(path))
