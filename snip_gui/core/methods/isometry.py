"""Approximate isometry of a pruned network (Lee et al. 2020, arXiv 1906.06307, section 5).

An orthogonal layer keeps the length of signals, which pruning destroys. Without any data, the kept
weights of each layer are moved so that the pruned matrix is as orthogonal as its mask allows:
``||(C W)^T (C W) - I||^2`` is minimised by gradient descent (Frobenius norm, over the smaller side
of the matrix).

Shapes: O outputs, J inputs times window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.graph.parameters import PrunableParameters

_MOST_STEPS, _ENOUGH = 200, 1e-6
_FIRST_RATE, _LEAST_RATE = 0.25, 1e-6


@torch.no_grad()
def make_isometric(prunable: PrunableParameters, masks: Mapping[str, NDArray[np.bool_]]) -> None:
    """Move the kept weights of every layer toward an isometry; biases stay as they are.

    Removed weights become zero.
    """
    for name, parameter in prunable.items():
        if parameter.dim() > 1:
            mask_OJ = torch.from_numpy(masks[name].copy()).to(parameter.device).flatten(1)
            weight_OJ = nearly_orthogonal(parameter.detach().flatten(1), mask_OJ)
            parameter.copy_(weight_OJ.view(parameter.shape))


def nearly_orthogonal(weight_OJ: Tensor, mask_OJ: Tensor) -> Tensor:
    """Return the masked matrix nearest to orthogonal that gradient descent finds from a given one.

    The rate is halved whenever a step would not lower the distance, so every step lowers it.
    """
    is_tall = weight_OJ.shape[0] > weight_OJ.shape[1]
    values = weight_OJ * mask_OJ
    if is_tall:
        values, mask_OJ = values.mT, mask_OJ.mT
    # Nearest in scale first: the step is safe for singular values near one.
    largest = torch.linalg.matrix_norm(values, 2)
    if largest > 1:
        values = values / largest
    rate, distance, excess = _FIRST_RATE, *_distance(values)
    for _ in range(_MOST_STEPS):
        moved = values - rate * (excess @ values) * mask_OJ
        other, its_excess = _distance(moved)
        if other >= distance:
            rate /= 2
            if rate < _LEAST_RATE:
                break
            continue
        is_enough = distance - other <= _ENOUGH * distance
        values, distance, excess = moved, other, its_excess
        if is_enough:
            break
    return values.mT if is_tall else values


def _distance(values: Tensor) -> tuple[float, Tensor]:
    """Return ``||W W^T - I||^2``, and the matrix itself."""
    excess = values @ values.mT.conj()
    excess.diagonal().sub_(1)
    return float(excess.abs().square().sum()), excess
