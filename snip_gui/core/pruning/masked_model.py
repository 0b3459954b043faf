"""Putting a mask on a network, and keeping it there while it trains.

Weights are set to zero once and their gradients are masked before every step. A removed weight then
stays exactly zero under momentum and coupled weight decay: its gradient, decay and velocity are all
zero. The state_dict keeps its names; nothing is wrapped or parametrised.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.tensors import to_real

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from snip_gui.core.graph.parameters import PrunableParameters


class MaskedModel:
    """A network with a mask on its prunable parameters.

    Parameters
    ----------
    model
        The network; its removed weights are set to zero.
    prunable
        Its prunable parameters.
    masks
        For each of them by name a mask of its shape, True where kept.

    Raises
    ------
    ValueError
        If the names or shapes of the masks are not those of the prunable parameters.
    """

    def __init__(
        self,
        model: nn.Module,
        prunable: PrunableParameters,
        masks: Mapping[str, NDArray[np.bool_]],
    ) -> None:
        names = [tensor.name for tensor in prunable.layout.tensors]
        if set(masks) != set(names):
            raise ValueError(f"masks for {sorted(masks)}, parameters {names}")
        self.model = model
        self.prunable = prunable
        self._pairs: list[tuple[nn.Parameter, Tensor]] = []
        for name, parameter in prunable.items():
            if masks[name].shape != tuple(parameter.shape):
                raise ValueError(f"{name}: mask {masks[name].shape}, weight {parameter.shape}")
            mask = torch.from_numpy(masks[name].copy()).to(parameter.device, parameter.dtype)
            self._pairs.append((parameter, mask))
        self.zero_removed()

    @torch.no_grad()
    def zero_removed(self) -> None:
        """Set removed weights to zero: at the start, and after weights were loaded."""
        for parameter, mask in self._pairs:
            # Not a product: 0 * nan is nan, and a removed weight is zero whatever it was.
            parameter.masked_fill_(mask == 0, 0)

    @torch.no_grad()
    def mask_gradients(self) -> None:
        """Set the gradients of removed weights to zero; call between backward and step."""
        for parameter, mask in self._pairs:
            if parameter.grad is not None:
                parameter.grad.mul_(mask)

    def masks(self) -> dict[str, Tensor]:
        """Return the mask of each prunable parameter by name, 1 where kept."""
        names = [tensor.name for tensor in self.prunable.layout.tensors]
        return dict(zip(names, (mask for _, mask in self._pairs), strict=True))

    def to_channels_last(self) -> None:
        """Lay out maps and kernels channel by channel at each place: same values, other order."""
        self.model.to(memory_format=torch.channels_last)
        self._pairs = [
            (p, mask.to(memory_format=torch.channels_last) if mask.dim() == 4 else mask)
            for p, mask in self._pairs
        ]

    def unmasked(self) -> MaskedModel:
        """Return the same network, to be trained without its mask."""
        other = copy.copy(self)
        other._pairs = []
        return other

    @torch.no_grad()
    def layer_norms(self) -> tuple[float, ...]:
        """Return the Euclidean norm of the prunable parameters of each layer; waits for the device.

        In the order of the layers; of a small network, of what is trained.
        """
        squares: dict[str, list[Tensor]] = {}
        for tensor, parameter in zip(
            self.prunable.layout.tensors, self.prunable.parameters, strict=True
        ):
            squares.setdefault(tensor.layer, []).append(to_real(parameter).square().sum())
        sums = torch.stack([torch.stack(parts).sum() for parts in squares.values()])
        return tuple(sums.sqrt().tolist())

    def num_nonzero(self) -> int:
        """Return how many prunable parameters are not zero."""
        return sum(int(torch.count_nonzero(parameter)) for parameter, _ in self._pairs)
