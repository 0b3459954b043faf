"""Reads masks by parameter name from safetensors and NumPy files of any origin.

The format is detected by the first bytes. Nothing is unpickled, and no array is read before its
name, type and shape are known to fit the network, so a file cannot claim more memory than that.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import open_regular
from snip_gui.core.base.text import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

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
_DAMAGE = (OSError, ValueError, EOFError, RuntimeError, OverflowError, KeyError, TypeError,
           AttributeError, RecursionError, struct.error, zipfile.BadZipFile, zlib.error,
           tokenize.TokenError, SyntaxError)  # fmt: skip
_SUFFIX = "_mask"  # of torch.nn.utils.prune
_HINT = (
    "Save one array of zeros and ones for each parameter, under the name that the parameter has in "
    "the network's state_dict."
)


@dataclass(frozen=True)
class _Array:
    """An array in a file, not yet read; the name is empty if it has none."""

    name: str
    dtype: np.dtype[Any] | None
    type_name: str
    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]


def read_masks(
    path: Path, shapes: Mapping[str, tuple[int, ...]], network: str
) -> dict[str, NDArray[np.bool_]]:
    """Return the masks in a file by parameter name, True where kept; not every one need be there.

    A single array without a name (``.npy``) is the mask of all parameters in state_dict order, of
    all weights, or of the only parameter of its shape. Names may end in ``_mask``, as those of
    ``torch.nn.utils.prune`` do.

    Parameters
    ----------
    shapes
        Shape of every parameter that can have a mask, in state_dict order.
    network
        Title of the network, for messages.

    Raises
    ------
    UserError
        If the file cannot be read or a mask does not fit; the error names the tensor.
    """
    try:
        with open_regular(path) as file:
            arrays = _list_arrays(file)
            if len(arrays) == 1 and not arrays[0].name:
                return _without_name(arrays[0], path, shapes, network)
            found: dict[str, NDArray[np.bool_]] = {}
            for array in arrays:
                name = _find_name(array.name, shapes)
                if name is None:
                    raise UserError(
                        f"“{array.name}” in “{path.name}” is not a prunable parameter of "
                        f"{network}, which has {listed(tuple(shapes))}.",
                        "Choose the network of these masks under Setup, or open a file with "
                        "weights by File > Open checkpoint.",
                    )
                if name in found:
                    raise UserError(f"“{path.name}” holds two masks of “{name}”.", _HINT)
                if array.shape != shapes[name]:
                    raise UserError(
                        f"The mask “{array.name}” in “{path.name}” has the shape "
                        f"{_said(array.shape)}; in {network}, this parameter has "
                        f"{_said(shapes[name])}.",
                        "Choose the network and the data set of these masks under Setup.",
                    )
                found[name] = _binary(array, array.name, path)
    except UserError:
        raise
    except _DAMAGE as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise UserError(f"“{path.name}” cannot be read as masks: {reason}.", _HINT) from error
    if not found:
        raise UserError(f"“{path.name}” holds no masks.", _HINT)
    return found


def _find_name(name: str, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """Return the parameter that a name in a file stands for; None if there is none."""
    names = (name, name.removesuffix(_SUFFIX))
    return next((one for one in names if one in shapes), None)


def _without_name(
    array: _Array, path: Path, shapes: Mapping[str, tuple[int, ...]], network: str
) -> dict[str, NDArray[np.bool_]]:
    """Return the masks of a single array that has no name."""
    weights = [name for name, shape in shapes.items() if len(shape) > 1]
    for names in (list(shapes), weights):
        if array.shape == (sum(math.prod(shapes[name]) for name in names),):
            mask_M = _binary(array, "its array", path)
            ends = np.cumsum([math.prod(shapes[name]) for name in names])
            parts = np.split(mask_M, ends[:-1])
            return {
                name: part.reshape(shapes[name]) for name, part in zip(names, parts, strict=True)
            }
    same = [name for name, shape in shapes.items() if shape == array.shape]
    if len(same) == 1:
        return {same[0]: _binary(array, same[0], path)}
    total = sum(math.prod(shape) for shape in shapes.values())
    raise UserError(
        f"“{path.name}” holds one array of the shape {_said(array.shape)}, which is neither that "
        f"of all {total:,} parameters of {network} in order nor that of just one of them.",
        _HINT,
    )


def _binary(array: _Array, name: str, path: Path) -> NDArray[np.bool_]:
    """Read an array and return it as booleans; raises `UserError` for anything but 0 and 1."""
    if array.dtype is None or array.dtype.kind not in "biuf":
        raise UserError(
            f"“{name}” in “{path.name}” holds values of type {array.type_name}, which are not "
            "numbers.",
            _HINT,
        )
    values = array.read()
    if values.shape != array.shape:
        raise ValueError(f"“{name}” is shorter than its header says")
    wrong = values[(values != 0) & (values != 1)]
    if wrong.size:
        raise UserError(
            f"“{name}” in “{path.name}” holds {wrong.flat[0]:.6g}, which is neither 0 nor 1.",
            "Masks are 1 where a connection is kept and 0 where it is removed.",
        )
    return np.asarray(values != 0)


def _list_arrays(file: IO[bytes]) -> list[_Array]:
    """Return the arrays of a file in any of the formats, without reading their values."""
    start = file.read(8)
    file.seek(0)
    if start.startswith(_ZIPS):
        return list(_list_npz(file))
    if start.startswith(_NPY):
        return [_list_npy("", lambda: contextlib.nullcontext(file))]
    return list(_list_safetensors(file))


def _list_npz(file: IO[bytes]) -> Iterator[_Array]:
    archive = zipfile.ZipFile(file)
    names = archive.namelist()
    if len(names) > _MOST_ARRAYS:
        raise ValueError(f"it holds {len(names):,} files")
    for member in names:
        yield _list_npy(member.removesuffix(".npy"), functools.partial(archive.open, member))


def _list_npy(
    name: str, open_member: Callable[[], contextlib.AbstractContextManager[IO[bytes]]]
) -> _Array:
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
    return _Array(name, None if dtype.hasobject else dtype, type_name, tuple(shape), read)


def _list_safetensors(file: IO[bytes]) -> Iterator[_Array]:
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

        yield _Array(name, dtype, type_name, shape, read)


def _said(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "of a single number"
