"""Reads a packed checkpoint with NumPy alone; copy this file wherever it is needed.

Layout, all little-endian: the bytes ``SNIPPACK``; version 1 and the length of the header as
uint32; the header as JSON; then each tensor of ``header["tensors"]`` in turn. A tensor with
``"kept"`` is a bit mask of one bit for each element, lowest bit first, padded to whole bytes,
followed by the values that are kept; any other is all its values. Elements are in C order.
"""

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np


def read_packed(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return arrays by name, zeros filled in, and the header; `ValueError` for a damaged file."""
    data = Path(path).read_bytes()
    magic, version, length = struct.unpack_from("<8sII", data)
    if (magic, version) != (b"SNIPPACK", 1):
        raise ValueError("not a packed checkpoint of version 1")
    header = json.loads(data[16 : 16 + length])
    arrays, offset = {}, 16 + length
    for tensor in header["tensors"]:
        size, dtype = math.prod(tensor["shape"]), np.dtype(tensor["dtype"])
        flat = np.zeros(size, dtype)
        where: Any = slice(None)
        if "kept" in tensor:
            bits = np.frombuffer(data, np.uint8, -(-size // 8), offset)
            where = np.unpackbits(bits, count=size, bitorder="little").astype(bool)
            offset += bits.size
        values = np.frombuffer(data, dtype, tensor.get("kept", size), offset)
        flat[where] = values
        offset += values.nbytes
        arrays[tensor["name"]] = flat.reshape(tensor["shape"])
    if offset != len(data):
        raise ValueError("the file is longer than its header says")
    return arrays, header
