"""Connection sensitivity (paper, section 4.1, equations 3 to 6).

The effect of removing connection j is approximated by the derivative of the loss with respect to a
factor c_j on its weight, at c = 1. By the chain rule this is ``w_j * dL/dw_j``, so a single forward
and backward pass yields all of them, without changing the network's layers.

Shapes: B images per pass, N scored images, C channels, H rows, W columns, M prunable parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine.spilling import spilled
from snip_gui.core.base.tensors import sum_double, to_real
from snip_gui.core.pruning.scoring_pass import (
    add_gradients,
    in_single_precision,
    real_gradient,
    refuse_bad_minibatch,
    refuse_bad_weight,
    scoring_mode,
    split_passes,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.graph.parameters import PrunableParameters
    from snip_gui.core.recipe.pruning import ScoringMode


class ZeroSensitivityError(UserError):
    """No connection has any effect on the loss."""

    def __init__(self) -> None:
        super().__init__(
            "Every sensitivity is zero: no connection has any effect on the loss.",
            "Choose other images, or another initialisation.",
        )


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """The result of scoring.

    Attributes
    ----------
    sensitivity_M
        float32, ``s_j``; sums to 1.
    gradient_M
        float32, ``dL/dw_j`` of the mean loss over all scored images.
    loss
        Mean loss over all scored images.
    """

    sensitivity_M: NDArray[np.float32]
    gradient_M: NDArray[np.float32]
    loss: float


def connection_sensitivity(
    model: nn.Module,
    prunable: PrunableParameters,
    inputs_NCHW: Tensor,
    labels_N: Tensor,
    *,
    mode: ScoringMode = "evaluation",
    pass_size: int | None = None,
) -> Sensitivity:
    """Compute the sensitivity of every prunable parameter.

    Parameters
    ----------
    model
        The network; left unchanged, including buffers and modes.
    inputs_NCHW, labels_N
        All scored images, preprocessed, and their labels; left unchanged. A half-precision network
        is scored in single precision with the same weights, because most of the products would
        underflow.
    mode
        Mode of BatchNorm only; dropout is always off while scoring.
    pass_size
        Images per pass; None for all at once. The signed gradients of several passes are added,
        weighted by size, before the absolute value is taken.

    Raises
    ------
    UserError
        If there is no image, a single image is to be scored with BatchNorm in training mode, a
        weight is not finite, or every sensitivity is zero.
    """
    gradient_M, loss = loss_gradient(
        model, prunable, inputs_NCHW, labels_N, mode=mode, pass_size=pass_size
    )
    return _normalised(prunable, gradient_M, loss)


def loss_gradient(
    model: nn.Module,
    prunable: PrunableParameters,
    inputs_NCHW: Tensor,
    labels_N: Tensor,
    *,
    mode: ScoringMode = "evaluation",
    pass_size: int | None = None,
) -> tuple[Tensor, float]:
    """Compute the gradient ``dL/dw`` (M) of the mean loss over all scored images, and that loss.

    Parameters are those of `connection_sensitivity`.

    Raises
    ------
    UserError
        If there is no image, or a single image is to be scored with BatchNorm in training mode.
    """
    num_images = len(inputs_NCHW)
    refuse_bad_minibatch(model, num_images, mode)
    parameters = prunable.parameters
    if any(p.dtype in (torch.float16, torch.bfloat16) for p in model.parameters()):
        model, parameters = in_single_precision(model, prunable)
        inputs_NCHW = inputs_NCHW.float()
    gradients: list[Tensor | None] = [None] * len(parameters)
    total_loss = 0.0
    with scoring_mode(model, mode):
        for part in split_passes(model, inputs_NCHW, pass_size or num_images):
            inputs_BCHW, labels_B = inputs_NCHW[part], labels_N[part]
            # A copy, because an in-place first layer would overwrite the caller's images.
            outputs_BK = model(inputs_BCHW.clone())
            loss = nn.functional.cross_entropy(outputs_BK, labels_B, reduction="sum")
            loss = loss / num_images
            passes = torch.autograd.grad(loss, parameters, allow_unused=True)
            # Usually there is a single pass, whose gradients need no copy.
            gradients = [add_gradients(*both) for both in zip(gradients, passes, strict=True)]
            total_loss += float(loss.detach())
    whole = [
        torch.zeros_like(parameter) if gradient is None else gradient
        for parameter, gradient in zip(parameters, gradients, strict=True)
    ]
    with torch.no_grad():
        pairs = zip(prunable.parameters, whole, strict=True)
        return torch.cat([real_gradient(*pair) for pair in pairs]), total_loss


def _normalised(prunable: PrunableParameters, gradient_M: Tensor, loss: float) -> Sensitivity:
    """Return ``|w g|`` divided by its sum over the whole network (equation 6)."""
    with torch.no_grad():
        weight_M = torch.cat([to_real(p.detach().reshape(-1)) for p in prunable.parameters])
        magnitude_M = weight_M.mul_(gradient_M).abs_()  # in place: there may be 600 million
        total = sum_double(magnitude_M)
        if total == 0:
            raise ZeroSensitivityError
        if not math.isfinite(total):
            refuse_bad_weight(prunable)  # if none is found, the ranking refuses the scores
        sensitivity_M = magnitude_M.cpu().numpy()
        with np.errstate(invalid="ignore"):
            # Accumulates in double precision without a copy of twice the size.
            np.divide(sensitivity_M, total, sensitivity_M, dtype=np.float64, casting="unsafe")
    return Sensitivity(sensitivity_M, spilled(gradient_M.cpu().numpy()), loss)


def flat_weights(prunable: PrunableParameters) -> NDArray[np.float32]:
    """Return a read-only float32 copy of all prunable parameters, length M.

    Complex parameters are replaced by their moduli.
    """
    with torch.no_grad():
        flat = torch.cat([to_real(p.detach().reshape(-1)).cpu() for p in prunable.parameters])
    weight_M = spilled(flat.numpy())
    weight_M.flags.writeable = False
    return weight_M
