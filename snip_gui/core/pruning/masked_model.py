"""A mask on a network that holds during training.

Weights are set to zero once, and their gradients are masked before every step. A removed weight
then stays exactly zero under momentum and coupled weight decay, because its gradient, decay and
velocity are all zero. Names in the state_dict do not change; nothing is wrapped or parametrised.

A mask may change between two steps. With ``zero`` the value of a removed weight is forgotten; with
``shadow`` a hidden copy of it is trained on, with which the weight returns if it is kept again (as
in dynamic network surgery: Guo, Yao & Chen 2016, equation 3). Between steps removed weights are
zero in both cases.

A network that is trained whole, and pruned only by its method's outcome, can show that outcome
between two steps: `show_outcome` replaces its weights and masks, and `hide_outcome` restores those
that are trained.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch

from snip_gui.core.base.tensors import to_real

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from snip_gui.core.graph.parameters import PrunableParameters


Hold: TypeAlias = Literal["zero", "shadow"]


class MaskedModel:
    """A network with a mask on its prunable parameters.

    Parameters
    ----------
    model
        The network; removed weights are set to zero.
    prunable
        Its prunable parameters.
    masks
        Masks by parameter name, each of the parameter's shape, True where kept.
    hold
        How removed weights are treated.

    Raises
    ------
    ValueError
        If the names or shapes of the masks do not match the prunable parameters.
    """

    def __init__(
        self,
        model: nn.Module,
        prunable: PrunableParameters,
        masks: Mapping[str, NDArray[np.bool_]],
        hold: Hold = "zero",
    ) -> None:
        self.model = model
        self.prunable = prunable
        self._pairs: list[tuple[nn.Parameter, Tensor]] = []
        # Values of all weights under ``shadow``, removed or not.
        self._shadows: list[Tensor] = []
        # The weights that are trained, while an outcome is shown.
        self._trained: dict[str, Tensor] = {}
        self.set_masks({name: torch.from_numpy(mask.copy()) for name, mask in masks.items()}, hold)

    @torch.no_grad()
    def set_masks(self, masks: Mapping[str, Tensor], hold: Hold = "zero") -> None:
        """Replace the masks; raises `ValueError` as the constructor does.

        Weights that are kept again start at zero, or at their hidden value under ``shadow``.

        Parameters
        ----------
        masks
            Masks by parameter name, nonzero where kept.
        """
        names = [tensor.name for tensor in self.prunable.layout.tensors]
        if set(masks) != set(names):
            raise ValueError(f"masks for {sorted(masks)}, parameters {names}")
        pairs = []
        for name, parameter in self.prunable.items():
            if masks[name].shape != parameter.shape:
                raise ValueError(f"{name}: mask {masks[name].shape}, weight {parameter.shape}")
            # In the parameter's type and memory format, which may be channels last.
            mask = torch.empty_like(parameter, requires_grad=False)
            if masks[name].dtype == mask.dtype and not mask.is_complex():
                torch.ne(masks[name], 0, out=mask)  # without booleans, which are slow on the CPU
            else:
                mask.copy_(masks[name] != 0)
            pairs.append((parameter, mask))
        self._pairs = pairs
        if hold == "shadow":
            self._shadows = self._shadows or [p.detach().clone() for p, _ in pairs]
            self._hide_removed()
        else:
            self._shadows = []
            self.zero_removed()

    @property
    def hold(self) -> Hold:
        """How removed weights are treated."""
        return "shadow" if self._shadows else "zero"

    def shadows(self) -> dict[str, Tensor]:
        """Return the values of all weights, removed or not, by name; empty under ``zero``."""
        names = [tensor.name for tensor in self.prunable.layout.tensors]
        return dict(zip(names, self._shadows, strict=True)) if self._shadows else {}

    @torch.no_grad()
    def load_shadows(self, shadows: Mapping[str, Tensor]) -> None:
        """Restore the values that `shadows` returned; raises `KeyError` if one is missing."""
        for name, values in self.shadows().items():
            values.copy_(shadows[name])

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """Take an optimizer step under the mask; call after the backward pass."""
        if not self._shadows:
            self.mask_gradients()
            optimizer.step()
            return
        shown = [parameter.data for parameter, _ in self._pairs]
        self._set_storage(self._shadows)
        optimizer.step()
        self._set_storage(shown)
        self._hide_removed()

    def _set_storage(self, values: list[Tensor]) -> None:
        """Let the parameters use other storage, without copying."""
        for (parameter, _), tensor in zip(self._pairs, values, strict=True):
            parameter.data = tensor

    @torch.no_grad()
    def _hide_removed(self) -> None:
        """Set the parameters to their hidden values, and removed ones to zero.

        Products, because they are fast, and a hidden value that is not finite becomes visible.
        """
        for (parameter, mask), shadow in zip(self._pairs, self._shadows, strict=True):
            parameter.zero_().addcmul_(shadow, mask)

    @torch.no_grad()
    def show_outcome(self, masks: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
        """Show an outcome: replace masks, and the values of some parameters by name.

        Parameters
        ----------
        masks
            Masks of all prunable parameters by name, nonzero where kept.
        weights
            New values of parameters by state_dict key. Removed ones become zero in any case.
        """
        names = {tensor.name for tensor in self.prunable.layout.tensors}
        self._trained = {
            name: self.model.get_parameter(name).detach().clone() for name in {**weights, **masks}
        }
        if set(masks) != names:
            raise ValueError(f"masks for {sorted(masks)}, parameters {sorted(names)}")
        for name, values in weights.items():
            self.model.get_parameter(name).copy_(values)
        self.set_masks(masks)

    @torch.no_grad()
    def hide_outcome(self) -> None:
        """Restore the weights that `show_outcome` hid, if any; none of them is removed."""
        if self._trained:
            self._pairs = [(parameter, torch.ones_like(mask)) for parameter, mask in self._pairs]
            for name, values in self._trained.items():
                self.model.get_parameter(name).copy_(values)
            self._trained = {}

    def trained(self) -> dict[str, Tensor]:
        """Return the hidden weights that are trained by name; empty unless an outcome is shown."""
        return dict(self._trained)

    @torch.no_grad()
    def load_trained(self, trained: Mapping[str, Tensor]) -> None:
        """Restore what `trained` returned, while the network shows the outcome.

        Raises
        ------
        KeyError, RuntimeError
            If a prunable parameter is missing, or a shape is wrong.
        """
        if trained:
            names = {*trained, *(tensor.name for tensor in self.prunable.layout.tensors)}
            self._trained = {
                name: self.model.get_parameter(name).detach().clone().copy_(trained[name])
                for name in names
            }

    @torch.no_grad()
    def zero_removed(self) -> None:
        """Set removed weights to zero, at the start and after loading weights."""
        for parameter, mask in self._pairs:
            # Not a product, because 0 * nan is nan.
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
        """Use the channels-last memory format for feature maps and kernels."""
        self.model.to(memory_format=torch.channels_last)
        self._pairs = [
            (p, mask.to(memory_format=torch.channels_last) if mask.dim() == 4 else mask)
            for p, mask in self._pairs
        ]
        self._shadows = [
            shadow.to(memory_format=torch.channels_last) if shadow.dim() == 4 else shadow
            for shadow in self._shadows
        ]

    def unmasked(self) -> MaskedModel:
        """Return the same network without a mask."""
        other = copy.copy(self)
        other._pairs, other._shadows, other._trained = [], [], {}
        return other

    def counts(self) -> dict[str, int]:
        """Return the number of kept connections of each tensor by name."""
        return {name: int(torch.count_nonzero(mask)) for name, mask in self.masks().items()}

    @torch.no_grad()
    def layer_norms(self) -> tuple[float, ...]:
        """Return the Euclidean norm of each layer's prunable parameters; waits for the device.

        In layer order. In a shrunk network only remaining parameters count.
        """
        squares: dict[str, list[Tensor]] = {}
        for tensor, parameter in zip(
            self.prunable.layout.tensors, self.prunable.parameters, strict=True
        ):
            squares.setdefault(tensor.layer, []).append(to_real(parameter).square().sum())
        sums = torch.stack([torch.stack(parts).sum() for parts in squares.values()])
        return tuple(sums.sqrt().tolist())

    def num_nonzero(self) -> int:
        """Return the number of nonzero prunable parameters."""
        return sum(int(torch.count_nonzero(parameter)) for parameter, _ in self._pairs)
