"""Reads checkpoints of any origin; the format is detected by the first bytes, not by name.

No code in a file is run. A file whose header claims far more than it can contain is refused before
memory is allocated.
"""

from __future__ import annotations

import json
import math
import pickle
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import check_regular, open_regular
from snip_gui.core.base.machine.optional_packages import refuse_missing_onnx
from snip_gui.core.weight_files.checkpoint import Checkpoint, from_tensors

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from torch import Tensor

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_ROWS = ("crow_indices", "col_indices", "values", "size", "shape")
_MANIFEST = "snip_gui"
# Limits on the expanded size of sparse files: as a multiple of the file size, and for small files.
_MOST_TIMES, _ALWAYS_BYTES = 2000, 256 * 1024**2
_LONGEST_HEADER = 100_000_000
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # magic number before torch 1.6


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    UserError
        If it cannot be read, is damaged, is not a checkpoint, or is a pickle that the safe loader
        refuses.
    """
    try:
        with open_regular(path) as file:
            head = file.read(len(_LEGACY))
        size_bytes = check_regular(path)
        read = _reader_of(head, size_bytes)
        found: Checkpoint = read(path, size_bytes)
    except UserError:
        raise
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except pickle.UnpicklingError as error:
        raise UserError(
            f"“{path.name}” holds more than weights, so it is not opened: it could run code.",
            "Save only its state_dict, preferably as safetensors, and open that.",
            field="model.weights",
        ) from error
    except Exception as error:  # readers may raise anything for a damaged file
        raise _unreadable(path, _first_line(error)) from error
    if not found.state:
        raise _unreadable(path, "it holds no tensors")
    _refuse_eight_bits(path, found.state)
    return found


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


def _reader_of(head: bytes, size_bytes: int) -> Any:  # noqa: ANN401 - a function of path and size
    """Return the reader for files with these first bytes."""
    # Checked first, because the length of its header may look like any other format.
    if len(head) > 8 and head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] < size_bytes:
        return _read_safetensors
    if head.startswith(b"SNIPPACK"):
        return _read_packed
    if head.startswith(b"PK\x03\x04"):
        return _read_torch
    if head.startswith(_LEGACY):
        return _read_legacy
    if head.startswith(b"\x80"):
        raise pickle.UnpicklingError("a pickle that was not written by torch")
    if head[:1] == b"\x08" and len(head) > 2:  # ONNX begins with its version
        return _read_onnx
    raise ValueError("its format is unknown")


def _read_safetensors(path: Path, size_bytes: int) -> Checkpoint:
    import safetensors

    with path.open("rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
    if length > _LONGEST_HEADER:
        raise ValueError("its header is implausibly long")
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        text = (file.metadata() or {}).get(_MANIFEST, "{}")
    manifest = _dictionary(json.loads(text))
    if rows := _row_names(tensors):
        return _from_rows(rows, tensors, manifest, size_bytes)
    title = "safetensors"
    if any(tensor.dtype == torch.float16 for tensor in tensors.values()):
        title = "safetensors in half precision"
    return from_tensors(title, tensors, manifest)


def _row_names(tensors: Collection[str]) -> list[str]:
    """Return the names of the matrices stored as compressed sparse rows."""
    ends = (key.removesuffix(".crow_indices") for key in tensors if key.endswith(".crow_indices"))
    return [name for name in ends if all(f"{name}.{part}" in tensors for part in _ROWS)]


def _from_rows(
    names: list[str], tensors: dict[str, Tensor], manifest: dict[str, Any], size: int
) -> Checkpoint:
    """Return the checkpoint of compressed sparse rows."""
    state, masks = dict(tensors), {}
    for name in names:
        crow, columns = (state.pop(f"{name}.{part}_indices").long() for part in ("crow", "col"))
        values = state.pop(f"{name}.values")
        num_rows, num_columns = (int(side) for side in state.pop(f"{name}.size"))
        shape = tuple(int(side) for side in state.pop(f"{name}.shape"))
        _refuse_claim(shape, values.element_size(), size)
        if min(shape) < 0 or math.prod(shape) != num_rows * num_columns:
            raise ValueError(f"the shape of “{name}” does not match its rows")
        counts = crow.diff()
        if len(crow) != num_rows + 1 or bool((counts < 0).any()) or int(crow[0]) != 0:
            raise ValueError(f"the rows of “{name}” are invalid")
        if int(crow[-1]) != len(values) or len(columns) != len(values):
            raise ValueError(f"the rows of “{name}” do not fit its values")
        places = torch.arange(num_rows).repeat_interleave(counts) * num_columns + columns
        if len(columns) and not 0 <= int(columns.min()) <= int(columns.max()) < num_columns:
            raise ValueError(f"a column of “{name}” lies outside it")
        flat, mask = torch.zeros(math.prod(shape), dtype=values.dtype), None
        flat[places] = values
        mask = torch.zeros(math.prod(shape), dtype=torch.bool)
        mask[places] = True
        state[name], masks[name] = flat.reshape(shape), mask.reshape(shape)
    return Checkpoint("compressed sparse rows", state, masks, manifest)


def _read_packed(path: Path, size_bytes: int) -> Checkpoint:
    from snip_gui.core.weight_files.packed_reader import read_packed

    with path.open("rb") as file:
        (length,) = struct.unpack("<12xI", file.read(16))
        header = _dictionary(json.loads(file.read(min(length, size_bytes))))
    for tensor in header["tensors"]:
        shape, dtype = tensor["shape"], np.dtype(tensor["dtype"])
        kept = tensor.get("kept", 0)
        if dtype.hasobject or not all(isinstance(n, int) and n >= 0 for n in (*shape, kept)):
            raise ValueError("its header is damaged")
        _refuse_claim(tuple(shape), dtype.itemsize, size_bytes)
    arrays, _ = read_packed(path)
    state = {str(name): torch.from_numpy(array) for name, array in arrays.items()}
    masks = {t["name"]: state[t["name"]] != 0 for t in header["tensors"] if "kept" in t}
    for tensor in header["tensors"]:  # a kept weight may be zero: read the bits
        name = tensor["name"]
        if name in masks and int(masks[name].sum()) != tensor["kept"]:
            masks = _packed_masks(path, header)
            break
    return Checkpoint("bit mask and values", state, masks, _dictionary(header.get("manifest", {})))


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


def _read_torch(path: Path, size_bytes: int) -> Checkpoint:
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
        if packed or sum(entry.file_size for entry in entries) > size_bytes:
            raise ValueError("it is a compressed archive, which torch does not write")
    return _from_torch(path, size_bytes)


def _read_legacy(path: Path, size_bytes: int) -> Checkpoint:
    return _from_torch(path, size_bytes)


def _from_torch(path: Path, size_bytes: int) -> Checkpoint:
    found: Any = torch.load(path, map_location="cpu", weights_only=True)
    for wrapper in _WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict):
        raise ValueError("it holds no state_dict")
    tensors: dict[str, Tensor] = {}
    for name, value in found.items():
        if not isinstance(value, torch.Tensor):
            continue
        if value.is_sparse or value.is_quantized or value.layout != torch.strided:
            raise ValueError(f"“{name}” is not an ordinary tensor")
        _refuse_claim(tuple(value.shape), value.element_size(), size_bytes)
        tensors[str(name)] = value.detach()
    return from_tensors("PyTorch state_dict", tensors, {})


def _read_onnx(path: Path, size_bytes: int) -> Checkpoint:
    refuse_missing_onnx()
    import onnx
    from onnx import numpy_helper

    model = onnx.load_model_from_string(path.read_bytes())
    state: dict[str, Tensor] = {}
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ValueError("its weights lie in another file, which is not opened")
        _refuse_claim(tuple(tensor.dims), 8, size_bytes)
        state[tensor.name] = torch.from_numpy(numpy_helper.to_array(tensor).copy())
    texts = {entry.key: entry.value for entry in model.metadata_props}
    return Checkpoint("ONNX", state, {}, _dictionary(json.loads(texts.get(_MANIFEST, "{}"))))


def _refuse_claim(shape: tuple[int, ...], item_bytes: int, size_bytes: int) -> None:
    """Raise `ValueError` if a tensor would be far larger than its file can contain."""
    claimed = item_bytes
    for side in shape:
        claimed *= max(int(side), 1)
        if claimed > max(_ALWAYS_BYTES, _MOST_TIMES * size_bytes):
            raise ValueError("it claims to hold more than fits in it")


def _dictionary(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict):
        raise ValueError("its description is damaged")
    return value


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def _unreadable(path: Path, reason: str) -> UserError:
    return UserError(
        f"“{path.name}” cannot be read as a checkpoint: {reason.rstrip('.')}.",
        "Choose a safetensors file, a state_dict saved with torch.save, or an export of this "
        "program.",
        field="model.weights",
    )
