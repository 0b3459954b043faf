"""Reads masks by parameter name from safetensors and NumPy files of any origin.

No array is read before its name, type and shape are known to fit the network, so a file cannot
claim more memory than that.
"""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import open_regular
from snip_gui.core.base.text import listed
from snip_gui.core.weight_files.masks.array_headers import list_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.weight_files.masks.array_headers import ListedArray

_DAMAGE = (OSError, ValueError, EOFError, RuntimeError, OverflowError, KeyError, TypeError,
           AttributeError, RecursionError, struct.error, zipfile.BadZipFile, zlib.error,
           tokenize.TokenError, SyntaxError)  # fmt: skip
_SUFFIX = "_mask"  # of torch.nn.utils.prune
_HINT = (
    "Save one array of zeros and ones for each parameter, under the name that the parameter has in "
    "the network's state_dict."
)


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
            arrays = list_arrays(file)
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
    array: ListedArray, path: Path, shapes: Mapping[str, tuple[int, ...]], network: str
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


def _binary(array: ListedArray, name: str, path: Path) -> NDArray[np.bool_]:
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


def _said(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "of a single number"
