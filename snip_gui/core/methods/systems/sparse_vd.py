"""Sparse variational dropout (Molchanov, Ashukha & Vetrov 2017; arXiv 1701.05369).

Each weight has a Gaussian posterior N(theta, sigma^2) and the log-uniform prior. Training maximises
the expected log-likelihood minus the divergence KL of the posterior from the prior, which drives
weights that are not needed to noise: alpha = sigma^2 / theta^2 grows. Weights with log alpha of at
least 3 are removed, and theta is what remains.

* Outputs of a layer are sampled rather than its weights (local reparameterisation): their mean is
  the layer's output, their variance that of independent weights.
* sigma^2 is learnt as its logarithm (additive noise), starting at -10.
* -KL = k1 sigmoid(k2 + k3 log alpha) - log(1 + 1 / alpha) / 2 - k1, with |log alpha| clipped at 8.

Shapes: B images, I inputs, O outputs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.base.errors import UserError
from snip_gui.core.methods.systems.changed_layers import (
    OutputChange,
    forward_changed,
    refuse_unusual_layers,
)
from snip_gui.core.methods.systems.settings import refuse_sgd, refuse_sparsity
from snip_gui.core.recipe.methods import SparseVariational
from snip_gui.core.training.regime import MaskChange, Moment, Outcome, Regime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.workbench import Workbench

K1, K2, K3 = 0.63576, 1.8732, 1.48695
_CLIP = 8.0
_START = -10.0
_TINY = 1e-8  # under roots and logarithms


def make_regime(bench: Workbench) -> VariationalDropout:
    """Return the regime of a recipe; raises `UserError` if it does not fit the network."""
    recipe, spec = bench.recipe, bench.recipe.pruning
    assert isinstance(spec, SparseVariational)
    refuse_sparsity(spec, "the threshold or the weight of the divergence")
    refuse_sgd(recipe)
    refuse_unusual_layers(bench)
    if any(not tensor.is_weight for tensor in bench.prunable.layout.tensors):
        raise UserError(
            "“sparse-vd” prunes weights, not biases.",
            "Choose to prune weights only.",
            field="pruning.prunable",
        )
    num_images = len(bench.split.train_indices)
    steps = math.ceil(num_images / recipe.training.batch_size)
    return VariationalDropout(spec, bench, num_images, steps)


class VariationalDropout(Regime):
    """Adds noise to the outputs of layers and the divergence to the loss."""

    changes_masks = True

    def __init__(
        self, spec: SparseVariational, bench: Workbench, num_images: int, steps_per_epoch: int
    ) -> None:
        self._spec, self._num_images, self._steps = spec, num_images, steps_per_epoch
        self._layers = {t.name: t.layer for t in bench.prunable.layout.tensors}
        self._log_variances = {
            name: nn.Parameter(torch.full_like(weight, _START))
            for name, weight in bench.prunable.items()
        }
        self._share = 0.0  # of the divergence, at this step
        self._variances: dict[str, Tensor] = {}  # at this step

    def before_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Set the weight of the divergence, which may grow over some epochs."""
        epoch = moment.step / self._steps
        share = ramp(epoch, self._spec.ramp_start, self._spec.ramp_epochs)
        self._share = share * self._spec.kl_weight
        return None

    def forward(self, model: nn.Module, inputs_BCHW: Tensor) -> Tensor:
        """Return the class scores (B, K), with noise on the output of every layer."""
        self._variances = {name: log.exp() for name, log in self._log_variances.items()}
        changes = {layer: self._noise(name) for name, layer in self._layers.items()}
        return forward_changed(model, inputs_BCHW, {}, changes)

    def _noise(self, name: str) -> OutputChange:
        """Return a function that adds noise to the output of a layer."""
        variance = self._variances[name]

        def add(module: nn.Module, inputs: Tensor, mean: Tensor) -> Tensor:
            spread = output_variance(module, inputs, variance)
            return torch.addcmul(mean, torch.randn_like(mean), spread.add(_TINY).sqrt())

        return add

    @torch.no_grad()
    def change_gradients(self, masked: MaskedModel) -> None:
        """Add the gradient of the divergence, for the mean loss of an image."""
        if not self._share:
            return
        scale = self._share / self._num_images
        for name, weight in masked.prunable.items():
            log_variance = self._log_variances[name]
            slope = divergence_slope(weight, log_variance, self._variances[name]).mul_(scale)
            if log_variance.grad is not None:
                log_variance.grad.add_(slope)
            if weight.grad is not None:  # log alpha = log sigma^2 - log theta^2
                square = weight.square().add_(_TINY)
                weight.grad.addcdiv_(slope.mul_(weight), square, value=-2.0)

    def outcome(self, masked: MaskedModel) -> Outcome:
        """Return the network of means without the connections that are mostly noise."""
        return Outcome(
            {
                name: log_alpha(weight.detach(), self._log_variances[name].detach())
                < self._spec.log_alpha
                for name, weight in masked.prunable.items()
            }
        )

    def parameters(self) -> Mapping[str, nn.Parameter]:
        """Return the logarithms of the variances."""
        return {f"log_variance.{name}": log for name, log in self._log_variances.items()}

    def state(self) -> dict[str, Tensor]:
        """Return the logarithms of the variances."""
        return {name: values.detach() for name, values in self.parameters().items()}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the logarithms of the variances."""
        for name, values in self.parameters().items():
            values.copy_(state[name])


def ramp(epoch: float, start: int, length: int) -> float:
    """Return a share that rises from 0 after `start` epochs to 1 within `length` epochs."""
    if epoch < start:
        return 0.0
    return min(1.0, (epoch - start) / length) if length else 1.0


def output_variance(module: nn.Module, inputs: Tensor, variance: Tensor) -> Tensor:
    """Return the variance of a layer's outputs, given those of its weights."""
    if isinstance(module, nn.Linear):
        return functional.linear(inputs.square(), variance)
    convolve: Any = module
    return convolve._conv_forward(inputs.square(), variance, None)  # type: ignore[no-any-return]  # a tensor


def log_alpha(theta: Tensor, log_variance: Tensor) -> Tensor:
    """Return log(sigma^2 / theta^2), clipped at 8 either way."""
    return (log_variance - (theta.square() + _TINY).log()).clamp(-_CLIP, _CLIP)


def divergence(theta: Tensor, log_variance: Tensor) -> Tensor:
    """Return the approximate KL divergence of each weight, up to a constant (eq. 14)."""
    log = log_alpha(theta, log_variance)
    return K1 - K1 * torch.sigmoid(K2 + K3 * log) + functional.softplus(-log) / 2


def divergence_slope(theta: Tensor, log_variance: Tensor, variance: Tensor) -> Tensor:
    """Return the derivative of `divergence` by log alpha; 0 where that is clipped.

    Parameters
    ----------
    variance
        exp(log_variance), which saves two more transcendental functions.
    """
    square = theta.square().add_(_TINY)
    log = log_variance - square.log()
    inside = torch.le(log.abs(), _CLIP, out=torch.empty_like(log))
    gate = torch.sigmoid(log.mul_(K3).add_(K2))
    slope = gate.mul(gate - 1).mul_(K1 * K3)
    slope.addcdiv_(square, square + variance, value=-0.5)
    return slope.mul_(inside)
