"""Tensors in safetensors files, with one JSON string of metadata."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.torch
import torch

from snip_gui.core.base.environment import available_memory
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import check_regular, replacing
from snip_gui.core.base.text import size_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

_METADATA_KEY = "snip_gui"
_FAULTS = (safetensors.SafetensorError, RuntimeError)


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any] | None = None
) -> None:
    """Write tensors atomically; raises `UserError` if the file cannot be written.

    A tensor with several names is written under each of them; ``shared`` in the metadata maps the
    later names to the first.
    """
    if aliases := find_aliases(tensors):
        metadata = {**(metadata or {}), "shared": aliases}
    # Since version 0.8 the writer creates a temporary file of its own beside the target.
    with replacing(path, in_folder=True) as part:
        try:
            safetensors.torch.save_file(_ready(tensors), part, _text(metadata))
        except safetensors.SafetensorError as error:  # raised for a full disk
            raise OSError(None, str(error)) from error


def encode_tensors(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, Any] | None = None
) -> bytes:
    """Return tensors encoded as the bytes of a file."""
    return safetensors.torch.save(_ready(tensors), _text(metadata))


def find_aliases(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the first name of each tensor that has several, by its later names."""
    first: dict[tuple[object, ...], str] = {}
    aliases: dict[str, str] = {}
    for name, tensor in tensors.items():
        place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor.device)
        if tensor.numel() and first.setdefault(place, name) != name:
            aliases[name] = first[place]
    return aliases


def _ready(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors in a form that the format supports."""
    return _apart({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def _text(metadata: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Return metadata as the format stores it: strings only."""
    return {_METADATA_KEY: json.dumps(metadata, sort_keys=True)} if metadata is not None else None


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with copies of those that share memory, which the format cannot express."""
    seen: set[int] = set()
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        if place in seen:
            tensors[name] = tensor.clone()
        seen.add(place)
    return tensors


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors and metadata.

    Raises
    ------
    UserError
        If the file cannot be read, is damaged, or does not fit in free memory.
    """
    try:
        size_bytes = check_regular(path)
        if size_bytes > available_memory():
            raise OSError(errno.ENOMEM, f"{size_text(size_bytes)} do not fit in memory")
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            text = (file.metadata() or {}).get(_METADATA_KEY, "{}")
        metadata = json.loads(text)
        if not isinstance(metadata, dict):
            raise ValueError(f"its metadata is {text[:20]}")
    # A dtype that torch lacks raises an AttributeError.
    except (OSError, ValueError, RecursionError, AttributeError, *_FAULTS) as error:
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(
            f"“{path}” cannot be read: {text}.", "The file is missing or damaged."
        ) from error
    return tensors, metadata


def as_tensor(array: Any) -> Tensor:  # noqa: ANN401 - any NumPy array
    """Return a tensor that owns a copy of an array."""
    return torch.from_numpy(array.copy())


def to_double(tensor: Tensor) -> Tensor:
    """Return a tensor in float64; on the CPU if its device (Apple's ``mps``) has no such type."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def sum_double(tensor: Tensor) -> float:
    """Return the sum of a tensor, accumulated in float64 without a copy where possible."""
    return float((tensor.cpu() if tensor.device.type == "mps" else tensor).sum(dtype=torch.float64))


def to_real(tensor: Tensor) -> Tensor:
    """Return real values in single precision: the moduli of complex ones."""
    return (tensor.abs() if tensor.is_complex() else tensor).float()
