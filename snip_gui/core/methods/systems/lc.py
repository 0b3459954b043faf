"""Learning-compression (Carreira-Perpinan & Idelbayev 2018; arXiv 1707.01209).

The loss L(w) is minimised over networks with at most kappa connections, with an augmented
Lagrangian: w is trained, theta has at most kappa nonzero values, and w = theta in the end.

* L-step: gradient descent on L(w) + mu / 2 ||w - theta - lambda / mu||^2.
* C-step: theta is w - lambda / mu with all but its kappa largest magnitudes, over all layers, set
  to zero, which is the nearest such vector; then lambda becomes lambda - mu (w - theta).

mu grows from one L-step to the next. The first C-step, of the network as it was trained before, has
mu = 0: it is magnitude pruning ("direct compression").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.recipe.methods import LearningCompression
from snip_gui.core.training.regime import MaskChange, Moment, Outcome, Regime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from snip_gui.core.graph.layout import Layout
    from snip_gui.core.graph.parameters import PrunableParameters
    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.workbench import Workbench


def make_regime(bench: Workbench) -> Alternation:
    """Return the regime of a recipe."""
    spec = bench.recipe.pruning
    assert isinstance(spec, LearningCompression)
    return Alternation(spec, bench.prunable)


def project(
    values: Mapping[str, Tensor], layout: Layout, num_kept: int, floor: int = 0
) -> dict[str, Tensor]:
    """Return the masks of the values with the largest magnitudes over all tensors.

    Exactly `num_kept` are kept; ties go to the lower flat index.

    Parameters
    ----------
    values
        Values by name, in the shapes of the layout.
    floor
        Weights kept in every layer in any case.
    """
    size_M = [values[tensor.name].abs().reshape(-1).cpu().numpy() for tensor in layout.tensors]
    ranking = rank_scores(np.concatenate(size_M), layout, floor=floor)
    masks = ranking.mask_at(num_kept)
    return {
        name: torch.from_numpy(mask).to(values[name].device, copy=True)
        for name, mask in masks.items()
    }


class Alternation(Regime):
    """Alternates L-steps, which are phases of training, and C-steps between them."""

    changes_masks = True

    def __init__(self, spec: LearningCompression, prunable: PrunableParameters) -> None:
        self._spec, self._layout = spec, prunable.layout
        self._num_kept = num_kept_at(spec.sparsity, prunable.layout.num_parameters)
        self._device = prunable.parameters[0].device
        self._mu = 0.0  # of the current L-step; 0 before the first
        self._theta: dict[str, Tensor] = {}
        self._lambda: dict[str, Tensor] = {}
        self._pull: dict[str, Tensor] = {}  # mu theta + lambda

    @torch.no_grad()
    def before_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Take a C-step before the first step of an L-step; the first phase is dense."""
        if moment.phase == 0 or moment.step_of_phase > 0:
            return None
        weights = {name: parameter.detach() for name, parameter in masked.prunable.items()}
        shifted = self._shift(weights)
        masks = project(shifted, self._layout, self._num_kept, self._spec.floor)
        for name, values in weights.items():
            theta = shifted[name] * masks[name]
            if self._mu:
                self._lambda[name] -= self._mu * (values - theta)
            else:
                self._lambda[name] = torch.zeros_like(theta)
            self._theta[name] = theta
        self._mu = self._spec.mu * self._spec.mu_growth ** (moment.phase - 1)
        self._set_pull()
        return None

    @torch.no_grad()
    def change_gradients(self, masked: MaskedModel) -> None:
        """Add the gradient of the penalty, mu (w - theta) - lambda."""
        if self._mu:
            for name, parameter in masked.prunable.items():
                if parameter.grad is not None:
                    parameter.grad.add_(parameter, alpha=self._mu).sub_(self._pull[name])

    def outcome(self, masked: MaskedModel) -> Outcome | None:
        """Return what a C-step would keep; None before the first."""
        if not self._mu:
            return None
        shifted = self._shift({name: p.detach() for name, p in masked.prunable.items()})
        masks = project(shifted, self._layout, self._num_kept, self._spec.floor)
        return Outcome(masks, shifted)

    def state(self) -> dict[str, Tensor]:
        """Return theta, lambda and mu; nothing before the first C-step."""
        if not self._mu:
            return {}
        named = {f"theta.{name}": values for name, values in self._theta.items()}
        named |= {f"lambda.{name}": values for name, values in self._lambda.items()}
        return named | {"mu": torch.tensor(self._mu, dtype=torch.float64)}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore theta, lambda and mu."""
        if not state:
            return
        for tensor in self._layout.tensors:
            self._theta[tensor.name] = state[f"theta.{tensor.name}"].to(self._device)
            self._lambda[tensor.name] = state[f"lambda.{tensor.name}"].to(self._device)
        self._mu = float(state["mu"])
        self._set_pull()

    def _shift(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return w - lambda / mu; w itself if mu is 0."""
        if not self._mu:
            return dict(weights)
        return {name: w - self._lambda[name] / self._mu for name, w in weights.items()}

    def _set_pull(self) -> None:
        for name, theta in self._theta.items():
            self._pull[name] = self._mu * theta + self._lambda[name]
