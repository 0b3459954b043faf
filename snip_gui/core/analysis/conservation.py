"""Conservation of signed scores in each hidden unit.

In a unit with ReLU, the sum of weight times gradient over its incoming connections, its bias
included, equals that over its outgoing ones: both are the unit's activation times its gradient
(Tanaka, Kunin, Yamins & Ganguli 2020, theorem 1). What it says about SNIP is that a layer of few
connections has large scores.

Shapes: U hidden units of a layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from snip_gui.core.analysis.chain import find_chain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Conservation:
    """Sums of signed scores into and out of the hidden units (U) of a layer."""

    layer: str
    incoming_U: NDArray[np.float64]
    outgoing_U: NDArray[np.float64]

    @property
    def deviation(self) -> float:
        """Largest difference of a unit, relative to the largest sum of the layer."""
        largest = max(abs(self.incoming_U).max(), abs(self.outgoing_U).max())
        return float(abs(self.incoming_U - self.outgoing_U).max() / largest) if largest else 0.0


def measure_conservation(
    model: nn.Module, images_KCHW: Tensor, labels_K: Tensor
) -> tuple[Conservation, ...]:
    """Return the sums of every hidden layer, in double precision.

    Raises
    ------
    UserError
        If the network is not a chain of fully connected layers with ReLU between them.
    """
    chain = find_chain(model, images_KCHW)
    parts = [part for layer in chain.layers for part in (layer.weight_OI, layer.bias_O)]
    for part in parts:
        part.requires_grad_()
    _, scores_KC = chain.forward(images_KCHW.double().cpu().flatten(1))
    loss = functional.cross_entropy(scores_KC, labels_K.cpu())
    gradients = torch.autograd.grad(loss, parts)
    signed = [(part * gradient).detach() for part, gradient in zip(parts, gradients, strict=True)]
    found = []
    for number, layer in enumerate(chain.layers[:-1]):
        weight_OI, bias_O, next_OI = signed[2 * number : 2 * number + 3]
        incoming_U, outgoing_U = weight_OI.sum(1) + bias_O, next_OI.sum(0)
        found.append(Conservation(layer.name, incoming_U.numpy(), outgoing_U.numpy()))
    return tuple(found)
