"""How often each weight of a network is used on one image: what a multiply-accumulate count needs.

A fully connected weight is used once, a convolution's at every position of its output, a recurrent
one at every step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from snip_gui.core.pruning.parameters import layer_kind

if TYPE_CHECKING:
    from torch import Tensor


@torch.no_grad()
def weight_uses(model: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, int]:
    """Return by layer how many times each of its weights is used on one image.

    One pass of an empty image, in evaluation mode; the network is left as it was.
    """
    uses: dict[str, int] = {}
    handles = []
    for name, module in model.named_modules():
        if layer_kind(module) is not None:
            handles.append(module.register_forward_hook(_counter(name, uses)))
    training = model.training
    model.eval()
    try:
        device = next(model.parameters()).device
        model(torch.zeros(1, *image_shape, device=device))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return uses


def _counter(name: str, uses: dict[str, int]) -> Any:  # noqa: ANN401 - torch's kind of hook
    """Return a hook that counts the positions of a layer's output."""

    def count(module: nn.Module, _inputs: Any, output: Any) -> None:  # noqa: ANN401 - any layer
        values: Tensor = output[0] if isinstance(module, nn.RNNBase) else output
        channels = values.shape[1] if layer_kind(module) == "convolution" else values.shape[-1]
        uses[name] = uses.get(name, 0) + values.numel() // channels

    return count
