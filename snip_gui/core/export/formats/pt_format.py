"""A plain state_dict, read with ``torch.load(path, weights_only=True)``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.network_state import is_plain, saved_bytes
from snip_gui.core.export.proof import prove_weights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package


def encode(package: Package) -> bytes:
    """Encode the masked weights, contiguous and on the CPU."""
    return encode_state(package.state | package.extra)


def encode_state(state: Mapping[str, Any]) -> bytes:
    """Return tensors, and extra state of other types, in torch's file format."""
    written = io.BytesIO()
    torch.save({name: _ready(value) for name, value in state.items()}, written)
    return written.getvalue()


def _ready(value: Any) -> Any:  # noqa: ANN401 - extra state may be anything
    return value.detach().cpu().contiguous() if is_plain(value) else value


def read_back(path: Path) -> dict[str, Tensor]:
    """Return the weights, with the safe loader only."""
    return {n: value for n, value in _read_all(path).items() if is_plain(value)}


def _read_all(path: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", torch.load(path, weights_only=True, map_location="cpu"))


def prove(package: Package, path: Path) -> str:
    """Read the file back and compare."""
    refuse_other_extra(package, path)
    return prove_weights(package, read_back(path))


def refuse_other_extra(package: Package, path: Path) -> None:
    """Raise `UserError` unless a file contains the extra state of a package."""
    read = _read_all(path)
    for name, value in package.extra.items():
        if name not in read or saved_bytes(read[name]) != saved_bytes(value):
            raise UserError(
                f"The extra state “{name}” does not read back as it was written.",
                "Export as safetensors, which leaves it out.",
            )
