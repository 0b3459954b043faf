"""Reads files of ``torch.save`` with the safe loader, and finds the weights in them."""

from __future__ import annotations

import threading
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import torch
from torch.serialization import safe_globals

from snip_gui.core.weight_files.checkpoint import from_tensors, single_bytes
from snip_gui.core.weight_files.claims import refuse_claims
from snip_gui.core.weight_files.nested import find_states

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self

    from torch import Tensor

    from snip_gui.core.weight_files.checkpoint import Checkpoint


class _Skipped:
    """Stands for an object beside the weights. It is inert: it ignores whatever the file says."""

    def __new__(cls, *_args: object, **_kwargs: object) -> Self:
        return super().__new__(cls)

    def __setstate__(self, _state: object) -> None:
        pass


def _make_placeholder(path: str) -> Callable[..., Any]:
    """Return an inert class under the name of another one."""
    module, _, name = path.rpartition(".")
    return type(name, (_Skipped,), {"__module__": module})


# What scripts save beside the weights: their arguments, measured numbers, paths and dates.
_PLACEHOLDERS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    _make_placeholder(path)
    for path in (
        "argparse.Namespace", "types.SimpleNamespace", "datetime.date", "datetime.datetime",
        "datetime.timedelta", "datetime.timezone", "decimal.Decimal", "uuid.UUID",
        "numpy.dtype", "numpy.ndarray",
        *(f"numpy.{core}.multiarray.{function}"
          for core in ("core", "_core") for function in ("scalar", "_reconstruct")),
        *(f"pathlib{local}.{kind}" for local in ("", "._local")
          for kind in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")),
    )
]  # fmt: skip
# The list of names that torch accepts is one of the whole process.
_LOADING = threading.Lock()


def refuse_programs(path: Path, file_bytes: int) -> None:
    """Raise `ValueError` for an archive that was not written by ``torch.save``."""
    with zipfile.ZipFile(path) as file:
        entries = file.infolist()
    names = {entry.filename.partition("/")[2] for entry in entries}
    if any(name.startswith("code/") for name in names):
        raise ValueError("it is a TorchScript program; save the state_dict of its network")
    if "archive_format" in names or "serialized_exported_program.json" in names | {
        entry.filename for entry in entries
    }:
        raise ValueError("it is a program of torch.export; save the state_dict of its network")
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if packed or sum(entry.file_size for entry in entries) > file_bytes:
        raise ValueError("it is a compressed archive, which torch does not write")


def read_torch(path: Path, file_bytes: int, free_bytes: int) -> list[Checkpoint]:
    """Return every state_dict in a file of ``torch.save``.

    Numbers of NumPy, arguments, paths and dates beside the weights are skipped: no code of theirs
    runs.

    Raises
    ------
    ValueError
        If there is none, if a tensor is not strided or has no values, or if the tensors need too
        much memory in total.
    """
    with _LOADING, safe_globals(_PLACEHOLDERS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sparse tensors, which are refused below
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    states = find_states(loaded)
    if not states:
        raise ValueError("it holds no state_dict")
    for state in states.values():
        _refuse_odd(state)
    refuse_claims(
        (single_bytes(tensor) for state in states.values() for tensor in state.values()),
        file_bytes,
        free_bytes,
    )
    return [
        from_tensors("PyTorch state_dict", {n: t.detach() for n, t in state.items()}, {}, key)
        for key, state in states.items()
    ]


def _refuse_odd(state: Mapping[str, Tensor]) -> None:
    for name, tensor in state.items():
        if tensor.is_sparse or tensor.is_quantized or tensor.layout != torch.strided:
            raise ValueError(f"“{name}” is not an ordinary tensor")
        if tensor.is_meta:
            raise ValueError(f"“{name}” has a shape but no values")
