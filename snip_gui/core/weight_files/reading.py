"""Reads checkpoints of any origin; the format is detected by the first bytes, not by name.

No code in a file is run. A file whose header claims far more than it can contain, or more than
fits in memory, is refused before memory is allocated.
"""

from __future__ import annotations

import json
import pickle
import re
import shlex
import struct
from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.environment import available_memory
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import check_regular, open_regular
from snip_gui.core.base.machine.optional_packages import refuse_missing_onnx
from snip_gui.core.base.text import listed
from snip_gui.core.weight_files.checkpoint import Checkpoint, from_tensors, single_bytes
from snip_gui.core.weight_files.claims import claimed_bytes, refuse_claims
from snip_gui.core.weight_files.scales import widened
from snip_gui.core.weight_files.sparse_files import (
    as_dictionary,
    from_rows,
    read_packed_file,
    row_names,
)
from snip_gui.core.weight_files.torch_files import read_torch, refuse_programs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

_MANIFEST = "snip_gui"
_LONGEST_HEADER = 100_000_000
_ZIP = b"PK\x03\x04"
_CLASS = re.compile(r"GLOBAL ([A-Za-z_][\w.]{0,99})")  # as torch's safe loader names it
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # magic number before torch 1.6


def read_checkpoints(
    path: Path, key: str = "", *, free_bytes: int | None = None
) -> list[Checkpoint]:
    """Read every set of weights in a file: there may be an average beside the latest weights.

    Parameters
    ----------
    key
        Location of the only set to return; empty for all.
    free_bytes
        Memory that may be allocated; None for what is free now.

    Raises
    ------
    UserError
        If it cannot be read, is damaged, is not a checkpoint, is a pickle that the safe loader
        refuses, or has no weights under the key.
    """
    free_bytes = available_memory() if free_bytes is None else free_bytes
    try:
        found = _read(path, free_bytes)
    except UserError:
        raise
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except pickle.UnpicklingError as error:
        found_class = _CLASS.search(str(error))
        such_as = f" ({found_class[1]})" if found_class else ""
        raise UserError(
            f"“{path.name}” holds more than weights{such_as}, so it is not opened: it could run "
            "code.",
            "Save only its state_dict, preferably as safetensors, and open that.",
            field="model.weights",
        ) from error
    except Exception as error:  # readers may raise anything for a damaged file
        raise _unreadable(path, _first_line(error)) from error
    if key:
        keys = [checkpoint.key for checkpoint in found]
        found = [checkpoint for checkpoint in found if checkpoint.key == key]
        if not found:
            raise _no_such_key(path, key, keys)
    for checkpoint in found:
        if not checkpoint.state:
            raise _unreadable(path, "it holds no tensors")
        _refuse_eight_bits(path, checkpoint.state)
    return found


def read_checkpoint(path: Path, key: str = "") -> Checkpoint:
    """Read a file with one set of weights; raises as `read_checkpoints`, and if it has several."""
    found = read_checkpoints(path, key)
    if len(found) > 1:
        raise several_error(path, [checkpoint.key for checkpoint in found])
    return found[0]


def several_error(path: Path, keys: Sequence[str]) -> UserError:
    """Return the error for a file with several sets of weights, one of which has to be chosen."""
    example = next(filter(None, keys))
    return UserError(
        f"“{path.name}” holds several sets of weights: {_said(keys)}.",
        f"Choose one, as with --weights-key {shlex.quote(example)}, or open the file in the window "
        "to be asked.",
        field="model.weights",
    )


def _no_such_key(path: Path, key: str, keys: Sequence[str]) -> UserError:
    return UserError(
        f"“{path.name}” holds no weights under “{key}”.",
        f"It holds weights under {_said(keys)}." if any(keys) else "Leave out the key.",
        field="model.weights_key",
    )


def _said(keys: Sequence[str]) -> str:
    return listed([key or "(top level)" for key in keys], most=10)


def _read(path: Path, free_bytes: int) -> list[Checkpoint]:
    """Read a file with the reader for its first bytes."""
    with open_regular(path) as file:
        head = file.read(len(_LEGACY))
    file_bytes = check_regular(path)
    # Checked first, because the length of its header may look like any other format.
    if len(head) > 8 and head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] < file_bytes:
        return [_read_safetensors(path, file_bytes, free_bytes)]
    if head.startswith(b"SNIPPACK"):
        return [read_packed_file(path, file_bytes, free_bytes)]
    if head.startswith((_ZIP, _LEGACY)):
        if head.startswith(_ZIP):
            refuse_programs(path, file_bytes)
        return read_torch(path, file_bytes, free_bytes)
    if head.startswith(b"\x80"):
        raise pickle.UnpicklingError("a pickle that was not written by torch")
    if head[:1] == b"\x08" and len(head) > 2:  # ONNX begins with its version
        return [_read_onnx(path, file_bytes, free_bytes)]
    raise ValueError("its format is unknown")


def _read_safetensors(path: Path, file_bytes: int, free_bytes: int) -> Checkpoint:
    import safetensors

    with path.open("rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
    if length > _LONGEST_HEADER:
        raise ValueError("its header is implausibly long")
    refuse_claims([file_bytes], file_bytes, free_bytes)
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        metadata = file.metadata() or {}
    manifest = as_dictionary(json.loads(metadata.get(_MANIFEST, "{}")))
    if row_names(tensors):
        return from_rows(tensors, manifest, file_bytes, free_bytes)
    scales = as_dictionary(manifest.get("scales", {}))
    refuse_claims(
        (
            claimed_bytes(t.shape, torch.float32.itemsize) if name in scales else single_bytes(t)
            for name, t in tensors.items()
        ),
        file_bytes,
        free_bytes,
    )
    tensors = widened(tensors, scales)
    # Other names of a shared tensor, as written by `safetensors.torch.save_model`.
    tensors |= {
        name: tensors[kept]
        for name, kept in metadata.items()
        if kept in tensors and name not in tensors
    }
    title = "safetensors"
    if any(tensor.dtype == torch.float16 for tensor in tensors.values()):
        title = "safetensors in half precision"
    if scales:
        title = "safetensors in 8-bit integers"
    return from_tensors(title, tensors, manifest)


def _read_onnx(path: Path, file_bytes: int, free_bytes: int) -> Checkpoint:
    refuse_missing_onnx()
    import onnx
    from onnx import numpy_helper

    model = onnx.load_model_from_string(path.read_bytes())
    tensors = model.graph.initializer
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors):
        raise ValueError("its weights lie in another file, which is not opened")
    refuse_claims((claimed_bytes(tensor.dims, 8) for tensor in tensors), file_bytes, free_bytes)
    state = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in tensors}
    if any(name.endswith("_quantized") and t.dtype == torch.int8 for name, t in state.items()):
        raise ValueError("its weights are 8-bit integers for onnxruntime; open another export")
    texts = {entry.key: entry.value for entry in model.metadata_props}
    return Checkpoint("ONNX", state, {}, as_dictionary(json.loads(texts.get(_MANIFEST, "{}"))))


def _refuse_eight_bits(path: Path, state: Mapping[str, Tensor]) -> None:
    """Raise `UserError` for 8-bit floating-point tensors, which need separate scales.

    Whether integers are codes or a buffer can be told only with the network.
    """
    for name, tensor in state.items():
        if tensor.is_floating_point() and tensor.element_size() == 1:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise _unreadable(
                path, f"“{name}” is stored as {kind}, which needs scales to stand for weights"
            )


def _first_line(error: Exception) -> str:
    if "PytorchStreamReader" in str(error):  # the rest blames the archive library of torch
        return "its archive is damaged or incomplete"
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def _unreadable(path: Path, reason: str) -> UserError:
    return UserError(
        f"“{path.name}” cannot be read as a checkpoint: {reason.rstrip('.')}.",
        "Choose a safetensors file, a state_dict saved with torch.save, or an export of this "
        "program; formats that packages add can only be written.",
        field="model.weights",
    )
