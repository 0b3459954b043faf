"""The contents of a weight file, and the mapping of its names to those of a network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from snip_gui.core.base.tensors import find_aliases
from snip_gui.core.weight_files.claims import claimed_bytes
from snip_gui.core.weight_files.weight_norm import merge_factors

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor

# Prefixes that wrappers add to every name: DataParallel, torch.compile, Lightning and others.
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.")
_COUNTERS = ("n_averaged",)  # of torch.optim.swa_utils.AveragedModel
_PRODUCER = "snip-gui"
_HALF = (torch.float16, torch.bfloat16)
_MASK, _ORIG = "_mask", "_orig"  # suffixes of torch.nn.utils.prune


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The contents of a file.

    Attributes
    ----------
    title
        Its kind, for display.
    state
        Weights and buffers by name, with removed weights zero; half precision is widened.
    masks
        Masks by name, True where kept; empty if the file has none, in which case zeros count as
        removed.
    manifest
        This program's description of it; empty for other files.
    stored
        The tensors by their names in the file, if masks and buffers can be distinguished only with
        a network.
    key
        Location in the file: keys of nested dictionaries, joined by dots; empty at the top level.
    """

    title: str
    state: dict[str, Tensor]
    masks: dict[str, Tensor] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    stored: dict[str, Tensor] = field(default_factory=dict)
    key: str = ""

    def fitted(self, names: Collection[str]) -> Checkpoint:
        """Return the checkpoint with the names of a network.

        Prefixes of wrappers, such as DataParallel's ``module.``, are removed only if no name
        matches with them and some do without. A tensor whose name in the file is one of the
        network's is not a mask. The two factors of a weight under ``weight_norm`` are multiplied.

        Parameters
        ----------
        names
            All names in the network's state_dict.
        """
        found = replace(self, state=merge_factors(self.state, names))
        prefix = _prefix(found.state, names)
        if prefix:
            state, masks, stored = (
                _without_prefix(part, prefix) for part in (found.state, self.masks, self.stored)
            )
            found = replace(found, state=state, masks=masks, stored=stored)
        return found._with_own(names) if found.stored else found

    def _with_own(self, names: Collection[str]) -> Checkpoint:
        """Return a checkpoint with the naming of torch's pruning, given the names of a network."""
        found = from_prune(self.stored, names)
        # If the usual name of a mask was taken, the weight was exported without a mask.
        for name, tensor in found.state.items():
            has_own_mask = f"{name}{_MASK}" in names and name not in found.masks
            if found.masks and has_own_mask and tensor.is_floating_point() and tensor.dim() > 1:
                found.masks[name] = tensor != 0
        return replace(self, state=found.state, masks=found.masks)


def prune_names(name: str) -> tuple[str, str]:
    """Return the names of torch.nn.utils.prune for a pruned weight and its mask."""
    return f"{name}{_ORIG}", f"{name}{_MASK}"


def from_prune(tensors: Mapping[str, Tensor], own: Collection[str] = ()) -> Checkpoint:
    """Return the checkpoint with the masks of torch.nn.utils.prune applied.

    Parameters
    ----------
    own
        Names of the network's own tensors, which neither are masks nor have one.
    """
    pairs = {}
    for orig in tensors:
        name = orig.removesuffix(_ORIG)
        mask = f"{name}{_MASK}"
        if orig != name and orig not in own and mask in tensors:
            if tensors[mask].shape != tensors[orig].shape:
                raise ValueError(f"“{mask}” does not have the shape of “{orig}”")
            pairs[name] = orig, mask
    masks = {name: tensors[mask] != 0 for name, (_, mask) in pairs.items()}
    names = {orig: name for name, (orig, _) in pairs.items()}
    taken = {mask for _, mask in pairs.values()}
    state = {names.get(name, name): t for name, t in tensors.items() if name not in taken}
    state = {n: t.masked_fill(~masks[n], 0) if n in masks else t for n, t in state.items()}
    return Checkpoint("torch.nn.utils.prune", state, masks, stored=dict(tensors))


def from_tensors(
    title: str, tensors: Mapping[str, Tensor], manifest: dict[str, Any], key: str = ""
) -> Checkpoint:
    """Separate tensors into weights and masks, by the manifest or the naming of torch's pruning."""
    single = {id(tensor): _single(tensor) for tensor in tensors.values()}
    tensors = {name: single[id(tensor)] for name, tensor in tensors.items()}
    if manifest.get("producer") != _PRODUCER:
        pruned = from_prune(tensors)
        if pruned.masks:
            return replace(pruned, key=key)
    keys = _mask_keys(tensors, manifest)
    masks = {name: tensors[key] != 0 for name, key in keys.items()}
    taken = set(keys.values())
    state = {n: t.masked_fill(~masks[n], 0) if n in masks else t
             for n, t in tensors.items() if n not in taken}  # fmt: skip
    return Checkpoint(title, state, masks, manifest, key=key)


def _mask_keys(tensors: Mapping[str, Tensor], manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the key of each mask by the name of its weight; empty for other files."""
    said = manifest.get("masks")
    if isinstance(said, dict):
        keys = {str(name): str(key) for name, key in said.items()}
    elif manifest.get("producer") == _PRODUCER:  # an early manifest, which does not list them
        keys = {name: f"{name}{_MASK}" for name in tensors}
    else:
        keys = {}
    return {
        name: key
        for name, key in keys.items()
        if name in tensors and key in tensors and tensors[key].shape == tensors[name].shape
    }


def distinct(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors without aliases: later names of the same memory."""
    aliases = find_aliases(tensors)
    return {name: tensor for name, tensor in tensors.items() if name not in aliases}


def _single(tensor: Tensor) -> Tensor:
    """Convert half precision to single."""
    return tensor.float() if tensor.dtype in _HALF else tensor


def single_bytes(tensor: Tensor) -> int:
    """Return the size of a tensor once expanded to single precision, in bytes."""
    size = torch.float32.itemsize if tensor.dtype in _HALF else tensor.element_size()
    return claimed_bytes(tensor.shape, size)


def _prefix(state: Collection[str], names: Collection[str]) -> str:
    """Return the prefix of all names in a file that a network lacks; empty if there is none."""
    stems = [name for name in state if name not in _COUNTERS]
    prefix = ""
    while stems and set(stems).isdisjoint(names):
        found = next((p for p in _PREFIXES if all(s.startswith(p) for s in stems)), None)
        if found is None:
            return ""
        prefix += found
        stems = [stem.removeprefix(found) for stem in stems]
    return prefix


def _without_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n not in _COUNTERS}
