"""GraSP: gradient signal preservation (Wang, Zhang & Grosse 2020, arXiv 2002.07376).

Removing weight j changes the squared norm of the gradient, to first order, by ``-2 w_j (H g)_j``,
where g is the gradient of the loss and H its Hessian. The connections whose removal would decrease
it most are kept, so the score is ``w * (H g)``, and the lowest signed scores are removed first. As
in the authors' code, class scores are divided by a temperature, and scores by the absolute value of
their sum plus 1e-10.

Their code processes the images in two halves to save memory, with the same result: gradients of
several passes are added, so g and H are those of the mean loss over all images. It also
reinitialises linear layers (Xavier) before scoring; here the recipe's initial weights are scored.

Shapes: N scored images, C channels, H rows, W columns, M prunable parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.tensors import to_real
from snip_gui.core.methods.one_shot import images_per_pass, rank
from snip_gui.core.methods.second_derivatives import (
    refusing_once_differentiable,
    twice_differentiable,
)
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.scoring_pass import (
    add_gradients,
    in_single_precision,
    real_gradient,
    refuse_bad_minibatch,
    refuse_bad_weight,
    split_passes,
)
from snip_gui.core.recipe.methods import Grasp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.graph.parameters import PrunableParameters
    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.recipe.pruning import ScoringMode

# The second derivative also needs the intermediate values of the first backward pass.
_COPIES = 3
_EPSILON = 1e-10


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank by gradient flow; ends with `Pruned`."""
    spec = bench.recipe.pruning
    assert isinstance(spec, Grasp)
    inputs_NCHW, labels_N = bench.minibatch[1:]
    yield Progress(f"Scoring {len(labels_N):,} images")
    size = images_per_pass(_COPIES * bench.architecture.activation_bytes)
    if size < len(labels_N):
        yield Note(f"Scored in passes of {size:,} images; their gradients are summed.")
    found = gradient_flow(
        bench.model,
        bench.prunable,
        inputs_NCHW,
        labels_N,
        temperature=spec.temperature,
        mode=spec.scoring_mode,
        pass_size=size,
    )
    yield Pruned(rank(bench, found.score_M), gradient_M=found.gradient_M, loss=found.loss)


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """The result of scoring.

    Attributes
    ----------
    score_M
        float32, ``w * (H g)`` divided by the absolute value of its sum.
    gradient_M
        float32, the gradient g.
    loss
        Mean loss over all scored images, with class scores divided by the temperature.
    """

    score_M: NDArray[np.float32]
    gradient_M: NDArray[np.float32]
    loss: float


def gradient_flow(
    model: nn.Module,
    prunable: PrunableParameters,
    inputs_NCHW: Tensor,
    labels_N: Tensor,
    *,
    temperature: float = 200.0,
    mode: ScoringMode = "training",
    pass_size: int | None = None,
) -> GradientFlow:
    """Compute the score of every prunable parameter by double backward.

    Gradient and Hessian are with respect to the prunable parameters only.

    Parameters
    ----------
    model
        The network; left unchanged, including buffers and modes.
    inputs_NCHW, labels_N
        All scored images, preprocessed, and their labels; left unchanged.
    mode
        Mode of BatchNorm only; dropout is always off while scoring.
    pass_size
        Images per pass; None for all at once.

    Raises
    ------
    UserError
        If the minibatch cannot be scored, the network has no second derivatives, a weight is not
        finite, or every score is zero.
    """
    num_images = len(inputs_NCHW)
    refuse_bad_minibatch(model, num_images, mode)
    parameters = prunable.parameters
    if any(p.dtype in (torch.float16, torch.bfloat16) for p in model.parameters()):
        model, parameters = in_single_precision(model, prunable)
        inputs_NCHW = inputs_NCHW.float()
    gradients: list[Tensor | None] = [None] * len(parameters)
    products: list[Tensor | None] = [None] * len(parameters)
    total_loss = 0.0
    with twice_differentiable(model, mode):
        passes = split_passes(model, inputs_NCHW, pass_size or num_images)

        def compute_loss(part: slice) -> Tensor:
            # A copy, because an in-place first layer would overwrite the caller's images.
            outputs_BK = model(inputs_NCHW[part].clone()) / temperature
            loss = nn.functional.cross_entropy(outputs_BK, labels_N[part], reduction="sum")
            return loss / num_images

        for part in passes:
            loss = compute_loss(part)
            total_loss += float(loss.detach())
            found = torch.autograd.grad(loss, parameters, allow_unused=True)
            gradients = [add_gradients(*both) for both in zip(gradients, found, strict=True)]
        for part in passes:
            product = _hessian_product(compute_loss(part), model, parameters, gradients)
            products = [add_gradients(*both) for both in zip(products, product, strict=True)]
    return _scored(prunable, parameters, gradients, products, total_loss)


def _hessian_product(
    loss: Tensor,
    model: nn.Module,
    parameters: tuple[nn.Parameter, ...],
    vectors: list[Tensor | None],
) -> tuple[Tensor | None, ...]:
    """Return the Hessian-vector product of a loss, as the gradient of gradient times vector."""
    with refusing_once_differentiable("GraSP"):
        first = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
        dot = torch.zeros((), device=loss.device, dtype=loss.dtype)
        for gradient, vector in zip(first, vectors, strict=True):
            if gradient is not None and vector is not None:
                dot = dot + _real_inner(gradient, vector)
        return _compute_gradients(dot, model, parameters)


def _compute_gradients(
    value: Tensor, model: nn.Module, parameters: tuple[nn.Parameter, ...]
) -> tuple[Tensor | None, ...]:
    """Return the gradient of a value, without changing the gradients stored in the network.

    Through the whole graph, because `torch.autograd.grad` silently skips functions that can be
    differentiated only once.
    """
    leaves = tuple(model.parameters())
    before = [parameter.grad for parameter in leaves]
    try:
        for parameter in leaves:
            parameter.grad = None
        if value.requires_grad:
            value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return tuple(parameter.grad for parameter in parameters)
    finally:
        for parameter, gradient in zip(leaves, before, strict=True):
            parameter.grad = gradient


def _real_inner(one: Tensor, other: Tensor) -> Tensor:
    """Return the inner product of two tensors; its real part if they are complex."""
    product = one.conj() * other
    return product.real.sum() if product.is_complex() else product.sum()


def _scored(
    prunable: PrunableParameters,
    parameters: tuple[nn.Parameter, ...],
    gradients: list[Tensor | None],
    products: list[Tensor | None],
    loss: float,
) -> GradientFlow:
    """Return ``w (H g)`` divided by the absolute value of its sum."""
    with torch.no_grad():
        weight_M = torch.cat([to_real(p.detach().reshape(-1)) for p in parameters])
        gradient_M, product_M = (_flat(parameters, values) for values in (gradients, products))
        score_M = (weight_M * product_M).cpu().numpy().astype(np.float64)
    if not np.isfinite(score_M).all():
        refuse_bad_weight(prunable)  # if none is found, the ranking refuses the scores
    elif not score_M.any():
        raise UserError(
            "Every score is zero: no connection has any effect on the gradient.",
            "Choose other images, or another initialisation.",
        )
    score_M /= abs(score_M.sum()) + _EPSILON
    return GradientFlow(score_M.astype(np.float32), gradient_M.cpu().numpy(), loss)


def _flat(parameters: tuple[nn.Parameter, ...], values: list[Tensor | None]) -> Tensor:
    """Return derivatives in flat order; zero for parameters that the loss does not depend on."""
    pairs = zip(parameters, values, strict=True)
    return torch.cat([real_gradient(p, torch.zeros_like(p) if v is None else v) for p, v in pairs])
