"""Reads a packed checkpoint with NumPy only; copy this file wherever it is needed.

Layout, all little-endian: the bytes ``SNIPPACK``; version 1 and the length of the header as uint32;
the header as JSON; then each tensor of ``header["tensors"]`` in turn. A tensor with ``"kept"`` is a
bit mask with one bit per element, lowest bit first, padded to whole bytes, followed by the kept
values; any other tensor is stored dense. Elements are in C order.
"""

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np


def read_packed(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return dense arrays by name, and the header; raises `ValueError` for a damaged file."""
    data = Path(path).read_bytes()
    if data[:12] != b"SNIPPACK\x01\0\0\0" or len(data) < 16:
        raise ValueError("not a packed checkpoint of version 1")
    offset = 16 + struct.unpack_from("<I", data, 12)[0]
    header, arrays = json.loads(data[16:offset]), {}
    for tensor in header["tensors"]:
        size, dtype = math.prod(tensor["shape"]), np.dtype(tensor["dtype"])
        if "kept" in tensor:
            bits = np.frombuffer(data, np.uint8, -(-size // 8), offset)
            flat, offset = np.zeros(size, dtype), offset + bits.size
            values = np.frombuffer(data, dtype, tensor["kept"], offset)
            flat[np.unpackbits(bits, count=size, bitorder="little").astype(bool)] = values
        else:
            values = flat = np.frombuffer(data, dtype, size, offset).copy()
        offset += values.nbytes
        arrays[tensor["name"]] = flat.reshape(tensor["shape"])
    if offset != len(data):
        raise ValueError("the file is longer than its header says")
    return arrays, header
