"""A bit mask and the kept values: the smallest format; see `packed_reader` for its layout."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from snip_gui.core.base.tensors import as_tensor
from snip_gui.core.export.proof import prove_weights
from snip_gui.core.weight_files.packed_reader import read_packed

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package


def encode(package: Package) -> bytes:
    """Encode header, masks and kept values."""
    described: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for name, tensor in package.state.items():
        array = np.ascontiguousarray(tensor.detach().cpu().numpy())
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        shape, dtype = list(tensor.shape), array.dtype.str
        entry: dict[str, Any] = {"name": name, "shape": shape, "dtype": dtype}
        if name in package.masks:
            kept = package.masks[name].numpy().astype(bool).ravel()
            entry["kept"] = int(kept.sum())
            parts += [np.packbits(kept, bitorder="little").tobytes(), array.ravel()[kept].tobytes()]
        else:
            parts.append(array.tobytes())
        described.append(entry)
    header = json.dumps({"tensors": described, "manifest": package.manifest}).encode()
    return b"".join([struct.pack("<8sII", b"SNIPPACK", 1, len(header)), header, *parts])


def num_stored(package: Package) -> int:
    """Return the number of values, without those that the masks remove."""
    removed = sum(int((mask == 0).sum()) for mask in package.masks.values())
    return sum(tensor.numel() for tensor in package.state.values()) - removed


def read_back(path: Path) -> dict[str, Tensor]:
    """Return the dense weights."""
    arrays, _ = read_packed(path)
    return {name: as_tensor(array) for name, array in arrays.items()}


def prove(package: Package, path: Path) -> str:
    """Read the file back and compare."""
    return prove_weights(package, read_back(path))
