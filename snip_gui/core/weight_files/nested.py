"""Finds state_dicts among the other entries of a training checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

# Entries of the state that torch's optimizers keep for each parameter; moments have its shape.
_MOMENTS = frozenset({"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg"})
_SLOTS = _MOMENTS | {"acc_delta", "ax", "eta", "exp_inf", "mu", "prev", "step", "step_size", "sum"}
_OPTIMIZER = "param_groups"
_DEEPEST, _MOST_PARTS = 8, 10_000


def find_states(loaded: object) -> dict[str, dict[str, Tensor]]:
    """Return every state_dict in the result of `torch.load`, except the state of optimizers.

    The key is the path of nested keys, joined by dots; it is empty at the top level. A dictionary
    of tensors without a matrix is returned only if there is no other.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for path, part in _parts(loaded):
        tensors = {str(k): v for k, v in part.items() if isinstance(v, torch.Tensor)}
        if not tensors.keys() <= _SLOTS:
            found.setdefault(".".join(path), tensors)
    with_matrix = {
        key: tensors for key, tensors in found.items() if any(t.dim() > 1 for t in tensors.values())
    }
    return with_matrix or found


def _parts(loaded: object) -> Iterator[tuple[tuple[str, ...], Mapping[object, object]]]:
    """Yield every dictionary with the path of keys that leads to it, outermost first."""
    seen: set[int] = set()
    waiting: list[tuple[tuple[str, ...], object]] = [((), loaded)]
    for path, part in waiting:  # which grows in the loop
        if id(part) in seen or len(seen) > _MOST_PARTS or len(path) > _DEEPEST:
            continue
        seen.add(id(part))
        if isinstance(part, Mapping):
            if _OPTIMIZER in part:
                continue
            yield path, part
            inner: list[tuple[object, object]] = list(part.items())
        elif isinstance(part, list | tuple):
            inner = list(enumerate(part))
        else:
            continue
        waiting += [
            ((*path, str(key)), value)
            for key, value in inner
            if isinstance(value, Mapping | list | tuple) and not _is_optimizer(key)
        ]


def _is_optimizer(key: object) -> bool:
    """Return whether a key is that of an optimizer, whose moments have the shapes of weights."""
    words = str(key).lower().replace("-", "_").split("_")
    return key in _MOMENTS or any(word.startswith("optim") or word == "opt" for word in words)
