"""The state_dict of a network whose modules may have extra state.

The result of `torch.nn.Module.get_extra_state` is in the state_dict under a key that ends with
``_extra_state``, and may be of any type. A tensor is stored like any other. A value that torch's
safe loader can read is stored as the bytes of `torch.save`, under ``_extra_state.saved``. Anything
else would need unsafe unpickling, and is not stored.
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
    """Return whether a key is that of extra state, in a state_dict or in a file."""
    return _EXTRA in name.split(".")


def get_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and buffers of the state_dict, without extra state; not copied."""
    return {name: value for name, value in model.state_dict().items() if not is_extra(name)}


def find_infinite(model: nn.Module) -> list[str]:
    """Return the names of parameters and buffers that hold values that are not finite."""
    return [name for name, v in get_weights(model).items() if not bool(v.isfinite().all())]


def stored_state(model: nn.Module) -> dict[str, Tensor]:
    """Return the state_dict as tensors, including extra state as far as it can be stored."""
    return get_weights(model) | stored_extra(model)


def stored_extra(model: nn.Module) -> dict[str, Tensor]:
    """Return only extra state as tensors, as far as it can be stored."""
    stored: dict[str, Tensor] = {}
    for name, value in _get_extra(model).items():
        if is_plain(value):
            stored[name] = value.detach().clone()
        elif (data := saved_bytes(value)) is not None:
            stored[name + _SAVED] = torch.from_numpy(np.frombuffer(data, np.uint8).copy())
    return stored


def unstorable_state(model: nn.Module) -> tuple[str, ...]:
    """Return the keys of extra state that cannot be stored."""
    extra = _get_extra(model).items()
    return tuple(n for n, v in extra if not is_plain(v) and saved_bytes(v) is None)


def split_stored(stored: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Split the result of `stored_state` into tensors and extra state of other types.

    Raises
    ------
    ValueError
        If the bytes of extra state are damaged or refused by the safe loader.
    """
    tensors = {name: value for name, value in stored.items() if not _is_saved(name)}
    extra = {n.removesuffix(_SAVED): _read(n, v) for n, v in stored.items() if _is_saved(n)}
    return tensors, extra


def load_state(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Load a state_dict, in stored form or not; extra state that it lacks is not changed.

    Raises
    ------
    RuntimeError
        If names or shapes of the rest do not match the network.
    ValueError
        As `split_stored` does.
    """
    tensors, extra = split_stored(state)
    found = model.load_state_dict(tensors | extra, strict=False)
    for name in (*found.missing_keys, *found.unexpected_keys):
        if not is_extra(name):
            raise RuntimeError(f"“{name}” is in only one of file and network")


def load_extra(model: nn.Module, stored: Mapping[str, Tensor]) -> None:
    """Load the result of `stored_extra`."""
    tensors, extra = split_stored(stored)
    model.load_state_dict(tensors | extra, strict=False)


def saved_bytes(value: Any) -> bytes | None:  # noqa: ANN401 - extra state may be anything
    """Return the bytes of `torch.save` for a value; None if the safe loader refuses them."""
    written = io.BytesIO()
    try:
        torch.save(value, written)
        torch.load(io.BytesIO(written.getvalue()), weights_only=True)
    except Exception:  # noqa: BLE001 - user-supplied objects may raise anything
        return None
    return written.getvalue()


def _get_extra(model: nn.Module) -> dict[str, Any]:
    return {name: value for name, value in model.state_dict().items() if is_extra(name)}


def is_plain(value: Any) -> bool:  # noqa: ANN401 - extra state may be anything
    """Return whether a value is a tensor that can be stored like a parameter."""
    return (
        isinstance(value, torch.Tensor) and value.layout == torch.strided and not value.is_quantized
    )


def _is_saved(name: str) -> bool:
    return is_extra(name) and name.endswith(_SAVED)


def _read(name: str, stored: Tensor) -> Any:  # noqa: ANN401 - extra state may be anything
    """Return extra state from its bytes, with torch's safe loader only."""
    data = io.BytesIO(stored.to(torch.uint8).cpu().numpy().tobytes())
    try:
        with zipfile.ZipFile(data) as archive:  # torch never compresses
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
