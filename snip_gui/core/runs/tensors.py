"""The tensors of a run folder, validated against their network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.network_state import get_weights, is_extra, load_state
from snip_gui.core.base.tensors import load_tensors
from snip_gui.core.runs import folder as files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn


def read_masks(folder: Path, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read the masks of a run: uint8, 1 where kept; raises as `check_masks` does."""
    masks, _ = load_tensors(folder / files.MASKS)
    check_masks(masks, weights, folder / files.MASKS)
    return masks


def check_masks(masks: Mapping[str, Tensor], weights: Mapping[str, Tensor], path: Path) -> None:
    """Raise `UserError` unless masks from a file match weights.

    Parameters
    ----------
    weights
        Tensors by name, which include the masked ones.
    """
    for name, mask in masks.items():
        if name not in weights or weights[name].shape != mask.shape:
            raise misfit(path, f"there are no weights for its mask “{name}”")
        if mask.is_complex() or bool(((mask != 0) & (mask != 1)).any()):
            raise misfit(path, f"its mask “{name}” holds other values than 0 and 1")


def load_run_weights(model: nn.Module, weights: Mapping[str, Any], path: Path) -> None:
    """Load weights from a file into a network.

    Raises
    ------
    UserError
        If names, shapes or types do not match the network.
    """
    own = get_weights(model)
    for name in own.keys() ^ {name for name in weights if not is_extra(name)}:
        raise misfit(path, f"“{name}” is in only one of them")
    for name, tensor in own.items():
        given = weights[name]
        if (given.shape, given.dtype) != (tensor.shape, tensor.dtype):
            kinds = [f"{tuple(t.shape)} of {t.dtype}" for t in (given, tensor)]
            raise misfit(path, f"“{name}” is {kinds[0]}, not {kinds[1]}")
    try:
        load_state(model, weights)
    except ValueError as error:
        raise misfit(path, str(error)) from error


def misfit(path: Path, reason: str) -> UserError:
    """Return the error for a file of a run that does not match its network."""
    return UserError(
        f"“{path}” does not fit the network of its run: {reason}.",
        "The file is damaged, or the recipe beside it was changed.",
    )
