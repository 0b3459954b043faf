"""The state_dict of a network whose modules may add state of their own.

What `torch.nn.Module.get_extra_state` returns stands in the state_dict under a key that ends in
``_extra_state``, and may be anything. A tensor is stored as every other. What torch's safe loader
can read back is stored as the bytes that torch writes of it, under ``_extra_state.saved``. All else
would have to be unpickled freely, and is not stored.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

_EXTRA, _SAVED = "_extra_state", ".saved"


def is_extra(name: str) -> bool:
    """Return whether a key is that of extra state, as in a state_dict or as stored."""
    return _EXTRA in name.split(".")


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Return the state_dict without extra state: parameters and buffers, not copied."""
    return {name: value for name, value in model.state_dict().items() if not is_extra(name)}


def stored_state(model: nn.Module) -> dict[str, Tensor]:
    """Return the state_dict as tensors, extra state among them as far as it can be stored."""
    return weights_of(model) | stored_extra(model)


def stored_extra(model: nn.Module) -> dict[str, Tensor]:
    """Return extra state alone as tensors of its own, as far as it can be stored."""
    stored: dict[str, Tensor] = {}
    for name, value in _extra_of(model).items():
        if is_plain(value):
            stored[name] = value.detach().clone()
        elif (data := saved_bytes(value)) is not None:
            stored[name + _SAVED] = torch.from_numpy(np.frombuffer(data, np.uint8).copy())
    return stored


def unstorable_state(model: nn.Module) -> tuple[str, ...]:
    """Return the keys of extra state that cannot be stored."""
    extra = _extra_of(model).items()
    return tuple(n for n, v in extra if not is_plain(v) and saved_bytes(v) is None)


def split_stored(stored: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return what `stored_state` returned as tensors, and extra state that is anything else.

    Raises
    ------
    ValueError
        If the bytes of extra state are damaged, or not what the safe loader reads.
    """
    tensors = {name: value for name, value in stored.items() if not _is_saved(name)}
    extra = {n.removesuffix(_SAVED): _read(n, v) for n, v in stored.items() if _is_saved(n)}
    return tensors, extra


def load_state(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Load a state_dict, stored or not; extra state that it lacks stays as the network has it.

    Raises
    ------
    RuntimeError
        If names or shapes of the rest are not those of the network.
    ValueError
        As `split_stored`.
    """
    tensors, extra = split_stored(state)
    found = model.load_state_dict(tensors | extra, strict=False)
    for name in (*found.missing_keys, *found.unexpected_keys):
        if not is_extra(name):
            raise RuntimeError(f"“{name}” is in only one of file and network")


def load_extra(model: nn.Module, stored: Mapping[str, Tensor]) -> None:
    """Load what `stored_extra` returned."""
    tensors, extra = split_stored(stored)
    model.load_state_dict(tensors | extra, strict=False)


def saved_bytes(value: Any) -> bytes | None:  # noqa: ANN401 - extra state may be anything
    """Return what torch writes of a value; None if its safe loader does not read that."""
    written = io.BytesIO()
    try:
        torch.save(value, written)
        torch.load(io.BytesIO(written.getvalue()), weights_only=True)
    except Exception:  # noqa: BLE001 - objects of the user's own may raise anything
        return None
    return written.getvalue()


def _extra_of(model: nn.Module) -> dict[str, Any]:
    return {name: value for name, value in model.state_dict().items() if is_extra(name)}


def is_plain(value: Any) -> bool:  # noqa: ANN401 - extra state may be anything
    """Return whether a value is a tensor that is stored as parameters are."""
    return (
        isinstance(value, torch.Tensor) and value.layout == torch.strided and not value.is_quantized
    )


def _is_saved(name: str) -> bool:
    return is_extra(name) and name.endswith(_SAVED)


def _read(name: str, stored: Tensor) -> Any:  # noqa: ANN401 - extra state may be anything
    """Return extra state from its bytes, by torch's safe loader alone."""
    data = io.BytesIO(stored.to(torch.uint8).cpu().numpy().tobytes())
    try:
        with zipfile.ZipFile(data) as archive:  # torch compresses nothing: what does is no such
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("it is compressed")
        data.seek(0)
        return torch.load(data, weights_only=True, map_location="cpu")
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        RuntimeError,
        ValueError,
        EOFError,
    ) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"the extra state “{name}” cannot be read: {first}") from error
