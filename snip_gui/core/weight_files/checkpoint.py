"""What a file of weights holds, and how the names in it become those of a network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor

# What wrappers put before every name: DataParallel, torch.compile, Lightning and hand-written ones.
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.")
_COUNTERS = ("n_averaged",)  # of torch.optim.swa_utils.AveragedModel, beside its module
_PRODUCER = "snip-gui"
_MASK, _ORIG = "_mask", "_orig"  # as torch.nn.utils.prune names a pruned weight


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a file holds.

    Attributes
    ----------
    title
        Its kind, in words.
    state
        Weights and buffers by name, removed weights zero, in single precision if they were in half.
    masks
        By name, True where a weight is kept; none if the file has none and zeros speak for
        themselves.
    manifest
        What this program wrote about it; empty for files of others.
    stored
        The tensors by the names in the file, if only a network can tell masks from buffers.
    """

    title: str
    state: dict[str, Tensor]
    masks: dict[str, Tensor] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    stored: dict[str, Tensor] = field(default_factory=dict)

    def fitted(self, names: Collection[str]) -> Checkpoint:
        """Return the checkpoint as that of a network.

        Prefixes of wrappers, such as DataParallel's ``module.``, are removed only if no name fits
        as it is and some fit without them. A tensor that the network has by its name in the file
        is not a mask.

        Parameters
        ----------
        names
            All names in the network's state_dict.
        """
        found, prefix = self, _prefix(self.state, names)
        if prefix:
            state, masks, stored = (
                _without_prefix(part, prefix) for part in (self.state, self.masks, self.stored)
            )
            found = replace(self, state=state, masks=masks, stored=stored)
        return found._with_own(names) if found.stored else found

    def _with_own(self, names: Collection[str]) -> Checkpoint:
        """Return a checkpoint in the naming of torch's pruning, read by the names of a network."""
        found = from_prune(self.stored, names)
        # A weight whose mask could not have its usual name was exported without one.
        for name, tensor in found.state.items():
            has_own_mask = f"{name}{_MASK}" in names and name not in found.masks
            if found.masks and has_own_mask and tensor.is_floating_point() and tensor.dim() > 1:
                found.masks[name] = tensor != 0
        return replace(self, state=found.state, masks=found.masks)


def prune_names(name: str) -> tuple[str, str]:
    """Return how torch.nn.utils.prune names a pruned weight and its mask."""
    return f"{name}{_ORIG}", f"{name}{_MASK}"


def from_prune(tensors: Mapping[str, Tensor], own: Collection[str] = ()) -> Checkpoint:
    """Return the weights under their masks of torch.nn.utils.prune.

    Parameters
    ----------
    own
        Names that the network has itself: what is called so is not a mask, nor has one.
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


def from_tensors(title: str, tensors: Mapping[str, Tensor], manifest: dict[str, Any]) -> Checkpoint:
    """Return tensors as weights, and as masks if the manifest or torch's pruning names them so."""
    tensors = {name: _single(tensor) for name, tensor in tensors.items()}
    if manifest.get("producer") != _PRODUCER:
        pruned = from_prune(tensors)
        if pruned.masks:
            return pruned
    keys = _mask_keys(tensors, manifest)
    masks = {name: tensors[key] != 0 for name, key in keys.items()}
    taken = set(keys.values())
    state = {n: t.masked_fill(~masks[n], 0) if n in masks else t
             for n, t in tensors.items() if n not in taken}  # fmt: skip
    return Checkpoint(title, state, masks, manifest)


def _mask_keys(tensors: Mapping[str, Tensor], manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the key of each mask by the name of its weight; none in files of others."""
    said = manifest.get("masks")
    if isinstance(said, dict):
        keys = {str(name): str(key) for name, key in said.items()}
    elif manifest.get("producer") == _PRODUCER:  # before manifests listed them
        keys = {name: f"{name}{_MASK}" for name in tensors}
    else:
        keys = {}
    return {
        name: key
        for name, key in keys.items()
        if name in tensors and key in tensors and tensors[key].shape == tensors[name].shape
    }


def _single(tensor: Tensor) -> Tensor:
    """Return half precision as single, which is what it stands for."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def _prefix(state: Collection[str], names: Collection[str]) -> str:
    """Return what stands before every name in a file but not in a network; empty if nothing."""
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
