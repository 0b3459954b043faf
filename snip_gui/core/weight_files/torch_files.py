"""Reads files of ``torch.save`` with the safe loader, and finds the weights in them."""

from __future__ import annotations

import warnings
import zipfile
from typing import TYPE_CHECKING

import torch

from snip_gui.core.weight_files.checkpoint import from_tensors, single_bytes
from snip_gui.core.weight_files.claims import refuse_claims
from snip_gui.core.weight_files.nested import find_states

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.weight_files.checkpoint import Checkpoint


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

    Raises
    ------
    ValueError
        If there is none, if a tensor is not strided or has no values, or if the tensors need too
        much memory in total.
    """
    with warnings.catch_warnings():
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
