"""Reads this program's sparse formats: compressed sparse rows, and bit masks with values."""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from snip_gui.core.weight_files.checkpoint import Checkpoint
from snip_gui.core.weight_files.claims import MOST_SIDES, claimed_bytes, refuse_claims
from snip_gui.core.weight_files.packed_reader import read_packed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from torch import Tensor

_ROWS = ("crow_indices", "col_indices", "values", "size", "shape")
_MASK_BYTES = 1


def row_names(tensors: Collection[str]) -> list[str]:
    """Return the names of the matrices stored as compressed sparse rows."""
    ends = (key.removesuffix(".crow_indices") for key in tensors if key.endswith(".crow_indices"))
    return [name for name in ends if all(f"{name}.{part}" in tensors for part in _ROWS)]


def from_rows(
    tensors: Mapping[str, Tensor], manifest: dict[str, Any], file_bytes: int, free_bytes: int
) -> Checkpoint:
    """Return the checkpoint of compressed sparse rows.

    Raises
    ------
    ValueError
        If rows do not fit their matrix, or if the matrices need too much memory in total.
    """
    names = row_names(tensors)
    shapes = {name: _sides(tensors[f"{name}.shape"]) for name in names}
    refuse_claims(
        (
            claimed_bytes(shapes[name], tensors[f"{name}.values"].element_size() + _MASK_BYTES)
            for name in names
        ),
        file_bytes,
        free_bytes,
    )
    parts = {f"{name}.{part}" for name in names for part in _ROWS}
    state, masks = {name: t for name, t in tensors.items() if name not in parts}, {}
    for name in names:
        places = _places(name, tensors, shapes[name])
        flat = torch.zeros(math.prod(shapes[name]), dtype=tensors[f"{name}.values"].dtype)
        mask = torch.zeros(len(flat), dtype=torch.bool)
        flat[places], mask[places] = tensors[f"{name}.values"], True
        state[name], masks[name] = flat.reshape(shapes[name]), mask.reshape(shapes[name])
    return Checkpoint("compressed sparse rows", state, masks, manifest)


def _places(name: str, tensors: Mapping[str, Tensor], shape: tuple[int, ...]) -> Tensor:
    """Return the flat positions of the values of a matrix; raises `ValueError` if inconsistent."""
    crow, columns = (tensors[f"{name}.{part}_indices"].long() for part in ("crow", "col"))
    num_values = len(tensors[f"{name}.values"])
    num_rows, num_columns = _sides(tensors[f"{name}.size"])
    if math.prod(shape) != num_rows * num_columns:
        raise ValueError(f"the shape of “{name}” does not match its rows")
    counts = crow.diff()
    if len(crow) != num_rows + 1 or bool((counts < 0).any()) or int(crow[0]) != 0:
        raise ValueError(f"the rows of “{name}” are invalid")
    if int(crow[-1]) != num_values or len(columns) != num_values:
        raise ValueError(f"the rows of “{name}” do not fit its values")
    if num_values and not 0 <= int(columns.min()) <= int(columns.max()) < num_columns:
        raise ValueError(f"a column of “{name}” lies outside it")
    return torch.arange(num_rows).repeat_interleave(counts) * num_columns + columns


def _sides(tensor: Tensor) -> tuple[int, ...]:
    """Return a shape that is stored as a tensor."""
    if tensor.dim() != 1 or len(tensor) > MOST_SIDES:
        raise ValueError("it holds a tensor of an impossible shape")
    return tuple(int(side) for side in tensor)


def read_packed_file(path: Path, file_bytes: int, free_bytes: int) -> Checkpoint:
    """Read bit masks and values; see `packed_reader` for the layout.

    Raises
    ------
    ValueError
        If the file is damaged, or if its tensors need too much memory in total.
    """
    with path.open("rb") as file:
        (length,) = struct.unpack("<12xI", file.read(16))
        header = as_dictionary(json.loads(file.read(min(length, file_bytes))))
    claims = []
    for tensor in header["tensors"]:
        shape, dtype = tensor["shape"], np.dtype(tensor["dtype"])
        kept = tensor.get("kept", 0)
        if dtype.hasobject or not all(isinstance(n, int) and n >= 0 for n in (*shape, kept)):
            raise ValueError("its header is damaged")
        claims.append(claimed_bytes(shape, dtype.itemsize + _MASK_BYTES))
    refuse_claims(claims, file_bytes, free_bytes)
    arrays, _ = read_packed(path)
    state = {str(name): torch.from_numpy(array) for name, array in arrays.items()}
    masks = {t["name"]: state[t["name"]] != 0 for t in header["tensors"] if "kept" in t}
    for tensor in header["tensors"]:  # a kept weight may be zero: read the bits
        name = tensor["name"]
        if name in masks and int(masks[name].sum()) != tensor["kept"]:
            masks = _packed_masks(path, header)
            break
    manifest = as_dictionary(header.get("manifest", {}))
    return Checkpoint("bit mask and values", state, masks, manifest)


def _packed_masks(path: Path, header: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the masks of a packed file that has been read."""
    data = path.read_bytes()
    offset = 16 + struct.unpack_from("<I", data, 12)[0]
    masks: dict[str, Tensor] = {}
    for tensor in header["tensors"]:
        size, width = math.prod(tensor["shape"]), np.dtype(tensor["dtype"]).itemsize
        if "kept" in tensor:
            bits = np.frombuffer(data, np.uint8, -(-size // 8), offset)
            kept = np.unpackbits(bits, count=size, bitorder="little").astype(bool)
            masks[tensor["name"]] = torch.from_numpy(kept).reshape(tensor["shape"])
            offset += bits.size
        offset += tensor.get("kept", size) * width
    return masks


def as_dictionary(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return the description of a file; raises `ValueError` if it is not a dictionary."""
    if not isinstance(value, dict):
        raise ValueError("its description is damaged")
    return value
