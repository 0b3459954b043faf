"""Computes weights that a file stores in two factors, as ``weight_norm`` keeps them.

A network under ``weight_norm`` applies ``g * v / |v|``. Networks of this program have ordinary
weights (see `snip_gui.core.graph.computed_weights`), which are computed when such a file is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from torch import Tensor

# The names of torch.nn.utils.weight_norm, and of its successor in torch.nn.utils.parametrizations.
_PAIRS = (
    (re.compile(r"(?P<layer>(?:.*\.)?)(?P<tensor>[^.]+)_g$"), r"{layer}{tensor}_v"),
    (
        re.compile(r"(?P<layer>(?:.*\.)?)parametrizations\.(?P<tensor>[^.]+)\.original0$"),
        r"{layer}parametrizations.{tensor}.original1",
    ),
)


def merge_factors(tensors: Mapping[str, Tensor], own: Collection[str]) -> dict[str, Tensor]:
    """Return tensors with each pair of factors of ``weight_norm`` replaced by the weight.

    Parameters
    ----------
    own
        Names of the network's own tensors; a file may have a prefix before them. Only what is the
        weight of the network is computed, and only from what is not in the network.
    """
    merged = dict(tensors)
    for weight, norms, directions in _find_pairs(tensors):
        if _is_own(weight, own) and not _is_own(norms, own):
            merged[weight] = _multiply(merged.pop(norms), merged.pop(directions))
    return merged


def _find_pairs(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, str, str]]:
    """Yield the names of a weight, of its norms and of its directions."""
    for name, norms in tensors.items():
        for pattern, partner in _PAIRS:
            if (match := pattern.match(name)) is None:
                continue
            weight, other = match["layer"] + match["tensor"], partner.format(**match.groupdict())
            if weight not in tensors and other in tensors and _is_pair(norms, tensors[other]):
                yield weight, name, other


def _is_pair(norms: Tensor, directions: Tensor) -> bool:
    """Return whether shapes are those of norms along at most one axis, and of directions."""
    if not (norms.is_floating_point() and directions.is_floating_point()):
        return False
    if norms.dim() == 0:
        return True
    if norms.dim() != directions.dim():
        return False
    sides = list(zip(norms.shape, directions.shape, strict=True))
    return all(one in (1, whole) for one, whole in sides) and sum(n > 1 for n, _ in sides) <= 1


def _multiply(norms: Tensor, directions: Tensor) -> Tensor:
    """Return ``g * v / |v|``."""
    axes = [axis for axis in range(directions.dim()) if norms.dim() == 0 or norms.shape[axis] == 1]
    lengths = torch.linalg.vector_norm(directions, dim=axes, keepdim=True)
    weights: Tensor = directions * (norms / lengths)
    return weights


def _is_own(name: str, own: Collection[str]) -> bool:
    """Return whether a name is one of the network's, perhaps after a prefix of wrappers."""
    parts = name.split(".")
    return any(".".join(parts[start:]) in own for start in range(len(parts)))
