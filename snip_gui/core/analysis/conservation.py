"""Conservation of signed scores in each hidden unit.

In a unit with ReLU, the sum of weight times gradient over its incoming connections, its bias
included, equals that over its outgoing ones: both are the unit's activation times its gradient
(Tanaka, Kunin, Yamins & Ganguli 2020, theorem 1).

Shapes: U units of a layer.
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
class LayerSums:
    """Signed scores of a layer of a fully connected network, biases included.

    Attributes
    ----------
    incoming_U
        Sum of the signed scores of the connections into each unit.
    outgoing_U
        Sum of those out of each unit; None for the last layer.
    mean_size
        Mean absolute score.
    """

    layer: str
    incoming_U: NDArray[np.float64]
    outgoing_U: NDArray[np.float64] | None
    mean_size: float
    num_connections: int

    @property
    def total(self) -> float:
        """Sum of all signed scores."""
        return float(self.incoming_U.sum())

    @property
    def deviation(self) -> float | None:
        """Largest difference of a unit, relative to the largest sum; None for the last layer."""
        if self.outgoing_U is None:
            return None
        largest = max(abs(self.incoming_U).max(), abs(self.outgoing_U).max())
        return float(abs(self.incoming_U - self.outgoing_U).max() / largest) if largest else 0.0


def measure_conservation(
    model: nn.Module, images_KCHW: Tensor, labels_K: Tensor
) -> tuple[LayerSums, ...]:
    """Return the sums of every layer, in double precision.

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
    for number, layer in enumerate(chain.layers):
        weight_OI, bias_O, *following = signed[2 * number : 2 * number + 3]
        num_connections = weight_OI.numel() + (bias_O.numel() if layer.has_bias else 0)
        size = float(weight_OI.abs().sum() + bias_O.abs().sum())
        found.append(
            LayerSums(
                layer.name,
                (weight_OI.sum(1) + bias_O).numpy(),
                following[0].sum(0).numpy() if following else None,
                size / num_connections,
                num_connections,
            )
        )
    return tuple(found)
