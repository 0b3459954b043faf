"""The naming of ``torch.nn.utils.prune``: ``weight_orig`` and ``weight_mask`` for each weight.

For exchange only: removed weights grow back if `prune.remove` is called before further training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snip_gui.core.export.formats import pt_format
from snip_gui.core.export.proof import prove_weights
from snip_gui.core.weight_files.checkpoint import from_prune, prune_names

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package


def encode(package: Package) -> bytes:
    """Encode weights and masks under torch's names."""
    state: dict[str, Any] = dict(package.extra)
    unnamed = _without_mask(package)
    for name, tensor in package.state.items():
        if name in package.masks and name not in unnamed:
            orig, mask = prune_names(name)
            state[orig], state[mask] = tensor, package.masks[name].to(tensor.dtype)
        else:
            state[name] = tensor
    return pt_format.encode_state(state)


def _without_mask(package: Package) -> list[str]:
    """Return the weights whose names in this format the network has given to other tensors."""
    return [
        name for name in package.masks if not package.state.keys().isdisjoint(prune_names(name))
    ]


def read_back(path: Path, own: Collection[str] = ()) -> dict[str, Tensor]:
    """Return the weights under their masks, with the safe loader only.

    Parameters
    ----------
    own
        Names that the network has itself.
    """
    return from_prune(pt_format.read_back(path), own).state


def prove(package: Package, path: Path) -> str:
    """Read the file back and compare."""
    pt_format.refuse_other_extra(package, path)
    proof = prove_weights(package, read_back(path, package.state))
    if unnamed := _without_mask(package):
        names = ", ".join(f"“{name}”" for name in unnamed)
        proof += f"; {names} without a mask, whose name the network uses itself"
    return proof
