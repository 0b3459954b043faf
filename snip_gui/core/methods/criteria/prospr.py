"""ProsPr: prospect pruning (Alizadeh et al. 2022, arXiv 2202.08132).

A factor c_j on each initial weight is followed through the first steps of training: plain gradient
descent on all parameters, one minibatch a step. The score is ``|dL/dc_j|`` of the loss after these
steps on one more minibatch, differentiated through all of them. As in the authors' code, the
factors act on the initial weights only, and BatchNorm is in training mode. They round the number
kept up; here it is rounded as in all other methods.

Shapes: N images, C channels, H rows, W columns, M prunable parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.methods.one_shot import rank, shuffled_images
from snip_gui.core.methods.second_derivatives import (
    refusing_once_differentiable,
    twice_differentiable,
)
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.scoring_pass import (
    in_single_precision,
    refuse_bad_minibatch,
    refuse_bad_weight,
)
from snip_gui.core.pruning.sensitivity import ZeroSensitivityError
from snip_gui.core.recipe.methods.criteria import ProsPr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.graph.parameters import PrunableParameters
    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.recipe.pruning import ScoringMode


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank by the effect on the loss after the first steps; ends with `Pruned`."""
    spec = bench.recipe.pruning
    assert isinstance(spec, ProsPr)
    inputs_NCHW, labels_N = shuffled_images(bench)
    yield Progress(f"Scoring {len(labels_N):,} images")
    parts = np.array_split(np.arange(len(labels_N)), spec.inner_steps + 1)
    batches = [(inputs_NCHW[part], labels_N[part]) for part in map(torch.from_numpy, parts)]
    score_M, loss = prospective_sensitivity(
        bench.model, bench.prunable, batches, rate=spec.inner_rate, mode=spec.scoring_mode
    )
    yield Pruned(rank(bench, score_M), loss=loss)


def prospective_sensitivity(
    model: nn.Module,
    prunable: PrunableParameters,
    batches: list[tuple[Tensor, Tensor]],
    *,
    rate: float = 0.1,
    mode: ScoringMode = "training",
) -> tuple[NDArray[np.float32], float]:
    """Compute ``|dL/dc|`` (M), divided by its sum, and the loss L after the inner steps.

    Parameters
    ----------
    model
        The network; left unchanged, including buffers and modes.
    batches
        Images and labels of each inner step, and of the loss that is differentiated.
    rate
        Learning rate of the inner steps.
    mode
        Mode of BatchNorm only; dropout is always off while scoring.

    Raises
    ------
    UserError
        If a minibatch cannot be scored, the network has no second derivatives, a weight is not
        finite, or every score is zero.
    """
    refuse_bad_minibatch(model, min(len(labels) for _, labels in batches), mode)
    if any(p.dtype in (torch.float16, torch.bfloat16) for p in model.parameters()):
        model, _ = in_single_precision(model, prunable)
        batches = [(inputs.float(), labels) for inputs, labels in batches]
    names = [name for name, _ in prunable.items()]
    initial = {name: parameter.detach() for name, parameter in model.named_parameters()}
    # Real factors, also of complex weights.
    factors = {name: torch.ones_like(initial[name].abs(), requires_grad=True) for name in names}
    values = {
        name: value * factors[name] if name in factors else value.clone().requires_grad_()
        for name, value in initial.items()
    }

    def compute_loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        # A copy, because an in-place first layer would overwrite the caller's images.
        outputs_BK = functional_call(model, values, (batch[0].clone(),))
        return nn.functional.cross_entropy(outputs_BK, batch[1])

    with twice_differentiable(model, mode), refusing_once_differentiable("ProsPr"):
        *inner, last = batches
        for batch in inner:
            gradients = torch.autograd.grad(
                compute_loss(batch), tuple(values.values()), create_graph=True, allow_unused=True
            )
            values = {
                name: value if gradient is None else value - rate * gradient
                for (name, value), gradient in zip(values.items(), gradients, strict=True)
            }
        loss = compute_loss(last)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    slopes = [torch.zeros_like(f) if f.grad is None else f.grad for f in factors.values()]
    magnitude_M = torch.cat([s.reshape(-1) for s in slopes]).abs().cpu().numpy()
    total = magnitude_M.sum(dtype=np.float64)
    if total == 0:
        raise ZeroSensitivityError
    if not np.isfinite(total):
        refuse_bad_weight(prunable)  # if none is found, the ranking refuses the scores
    with np.errstate(invalid="ignore"):
        return (magnitude_M / total).astype(np.float32), float(loss.detach())
