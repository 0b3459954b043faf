"""The arrays in safetensors and NumPy files, listed without reading their values.

The format is detected by the first bytes. Nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import struct
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_NPY, _ZIPS = b"\x93NUMPY", (b"PK\x03\x04", b"PK\x05\x06")  # the second is of an empty one
_LONGEST_HEADER = 10_000_000
_MOST_ARRAYS = 100_000
_HEADERS: dict[tuple[int, ...], Callable[[IO[bytes]], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_SAFETENSORS_TYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip


@dataclass(frozen=True)
class ListedArray:
    """An array in a file, not yet read; the name is empty if it has none."""

    name: str
    dtype: np.dtype[Any] | None
    type_name: str
    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]


def list_arrays(file: IO[bytes]) -> list[ListedArray]:
    """Return the arrays of a file, which must stay open until their values have been read.

    Raises
    ------
    ValueError, or other errors of damaged files
        If it is in another format or damaged.
    """
    start = file.read(8)
    file.seek(0)
    if start.startswith(_ZIPS):
        return list(_list_npz(file))
    if start.startswith(_NPY):
        return [_list_npy("", lambda: contextlib.nullcontext(file))]
    return list(_list_safetensors(file))


def _list_npz(file: IO[bytes]) -> Iterator[ListedArray]:
    archive = zipfile.ZipFile(file)
    names = archive.namelist()
    if len(names) > _MOST_ARRAYS:
        raise ValueError(f"it holds {len(names):,} files")
    for member in names:
        yield _list_npy(member.removesuffix(".npy"), functools.partial(archive.open, member))


def _list_npy(
    name: str, open_member: Callable[[], contextlib.AbstractContextManager[IO[bytes]]]
) -> ListedArray:
    """Return the array of a NumPy file."""
    with open_member() as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"“{name or 'the array'}” has an unknown version of NumPy's format")
        shape, _, dtype = _HEADERS[version](stream)

    def read() -> NDArray[Any]:
        with open_member() as stream:
            stream.seek(0)
            values: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
            return values

    type_name = "object" if dtype.hasobject else str(dtype)
    return ListedArray(name, None if dtype.hasobject else dtype, type_name, tuple(shape), read)


def _list_safetensors(file: IO[bytes]) -> Iterator[ListedArray]:
    size = file.seek(0, 2)
    file.seek(0)
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(_LONGEST_HEADER, size - 8):
        raise ValueError("it is neither a safetensors nor a NumPy file")
    header = json.loads(file.read(length))
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        type_name, shape = str(entry["dtype"]), tuple(int(side) for side in entry["shape"])
        begin, end = (8 + length + int(offset) for offset in entry["data_offsets"])
        code = _SAFETENSORS_TYPES.get(type_name)
        dtype = None if code is None else np.dtype(code)
        if dtype is not None and not (
            8 + length <= begin <= end <= size and end - begin == math.prod(shape) * dtype.itemsize
        ):
            raise ValueError(f"“{name}” lies outside the file")

        def read(
            begin: int = begin,
            end: int = end,
            dtype: np.dtype[Any] | None = dtype,
            shape: tuple[int, ...] = shape,
        ) -> NDArray[Any]:
            file.seek(begin)
            return np.frombuffer(file.read(end - begin), dtype).reshape(shape)

        yield ListedArray(name, dtype, type_name, shape, read)
