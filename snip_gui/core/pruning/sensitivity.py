"""Connection sensitivity (paper, section 4.1, equations 3 to 6).

The effect of removing connection j is relaxed to the derivative of the loss with respect to a
factor c_j on its weight, at c = 1. By the chain rule it is ``w_j * dL/dw_j``, so one forward and
one backward pass give all of them, without touching the network's layers.

Shapes: B images of a pass, N scored images, C channels, H rows, W columns, M prunable parameters.
"""

from __future__ import annotations

import contextlib
import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.tensors import to_real
from snip_gui.core.data.images.batches import batch_slices
from snip_gui.core.graph.single_image import keeping_buffers, refuses_single_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.graph.parameters import PrunableParameters
    from snip_gui.core.recipe.pruning import ScoringMode


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What one scoring pass found.

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
        The network; left as it was, buffers and modes included.
    inputs_NCHW, labels_N
        All scored images, as the network is to see them, and their classes; left as they were. A
        network of half precision is scored as one of single precision with the same weights: most
        of the products would be too small for it.
    mode
        Mode of BatchNorm alone; dropout is always off while scoring.
    pass_size
        Images per pass; all at once if None. The signed gradients of several passes are added,
        weighted by their size, before the absolute value is taken once.

    Raises
    ------
    UserError
        If there is no image, if one image is to be scored with BatchNorm in training mode, if a
        weight is not a finite number, or if every sensitivity is zero.
    """
    num_images = len(inputs_NCHW)
    _refuse_bad_minibatch(model, num_images, mode)
    parameters = prunable.parameters
    if any(p.dtype in (torch.float16, torch.bfloat16) for p in model.parameters()):
        model, parameters = _in_single_precision(model, prunable)
        inputs_NCHW = inputs_NCHW.float()
    gradients: list[Tensor | None] = [None] * len(parameters)
    total_loss = 0.0
    with _scoring_mode(model, mode):
        for part in _passes(model, inputs_NCHW, pass_size or num_images):
            inputs_BCHW, labels_B = inputs_NCHW[part], labels_N[part]
            # A copy: a first layer that works in place would write into the caller's images.
            outputs_BK = model(inputs_BCHW.clone())
            loss = nn.functional.cross_entropy(outputs_BK, labels_B, reduction="sum")
            loss = loss / num_images
            passes = torch.autograd.grad(loss, parameters, allow_unused=True)
            # Most often there is one pass, whose gradients need no copy.
            gradients = [_sum(*both) for both in zip(gradients, passes, strict=True)]
            total_loss += float(loss.detach())
    whole = [
        torch.zeros_like(parameter) if gradient is None else gradient
        for parameter, gradient in zip(parameters, gradients, strict=True)
    ]
    return _normalised(prunable, whole, total_loss)


def _passes(model: nn.Module, inputs_NCHW: Tensor, size: int) -> list[slice]:
    """Return which images pass at once: none alone if the network refuses a single image."""
    number = len(inputs_NCHW)
    if not (size == 1 or number % size == 1) or not refuses_single_image(model, inputs_NCHW[:1]):
        return batch_slices(number, size)
    return batch_slices(number, max(2, size), join_single=True)


def _in_single_precision(
    model: nn.Module, prunable: PrunableParameters
) -> tuple[nn.Module, tuple[nn.Parameter, ...]]:
    """Return a copy of a network in float32, and the copies of its prunable parameters."""
    whole = copy.deepcopy(model).float()
    by_name = dict(whole.named_parameters())
    return whole, tuple(by_name[name] for name, _ in prunable.items())


def _sum(gradient: Tensor | None, part: Tensor | None) -> Tensor | None:
    """Return the sum of two gradients, of which either may be missing."""
    if gradient is None or part is None:
        return part if gradient is None else gradient
    return gradient + part


def _normalised(prunable: PrunableParameters, gradients: list[Tensor], loss: float) -> Sensitivity:
    """Return ``|w g|`` divided by its sum over the whole network (equation 6)."""
    with torch.no_grad():
        weight_M = torch.cat([to_real(p.detach().reshape(-1)) for p in prunable.parameters])
        pairs = zip(prunable.parameters, gradients, strict=True)
        gradient_M = torch.cat([_real_gradient(*pair) for pair in pairs])
        magnitude_M = (weight_M * gradient_M).abs()
        total = float(magnitude_M.sum(dtype=torch.float64))
        if total == 0:
            raise UserError(
                "Every sensitivity is zero: no connection has any effect on the loss.",
                "Choose other images, or another initialisation.",
            )
        if not math.isfinite(total):
            _refuse_bad_weight(prunable)  # otherwise the ranking refuses the scores
        sensitivity_M = magnitude_M.cpu().numpy()
        with np.errstate(invalid="ignore"):
            # In double precision as it goes, without a copy of twice the size.
            np.divide(sensitivity_M, total, sensitivity_M, dtype=np.float64, casting="unsafe")
    return Sensitivity(sensitivity_M, gradient_M.cpu().numpy(), loss)


def _real_gradient(parameter: Tensor, gradient: Tensor) -> Tensor:
    """Return the derivative of the loss with respect to a weight, of a complex one its modulus.

    A connection is scaled by a real factor c, and ``dL/dc`` at 1 is ``Re(conj(w) g)``.
    """
    flat = gradient.reshape(-1)
    if flat.is_complex():
        directions = torch.sgn(parameter.detach().reshape(-1))  # w / |w|, zero at zero
        flat = (directions.conj() * flat).real
    return flat.float()


def _refuse_bad_weight(prunable: PrunableParameters) -> None:
    """Raise a `UserError` that names the tensor if a weight is not a finite number.

    One such weight makes every score a number no more, so the scores cannot say where it is.
    """
    for name, parameter in prunable.items():
        if not bool(parameter.isfinite().all()):
            raise UserError(
                f"A weight in “{name}” is not a finite number.", "Try another initialisation."
            )


def _refuse_bad_minibatch(model: nn.Module, num_images: int, mode: ScoringMode) -> None:
    """Raise a `UserError` for a minibatch that cannot be scored."""
    if num_images == 0:
        raise UserError(
            "The minibatch is empty.", "Add at least one image to score.", field="minibatch"
        )
    has_norm = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())
    if mode == "training" and has_norm and num_images == 1:
        raise UserError(
            "One image has no statistics for BatchNorm in training mode.",
            "Score at least two images, or score in evaluation mode.",
            field="pruning.scoring_mode",
        )


@contextlib.contextmanager
def _scoring_mode(model: nn.Module, mode: ScoringMode) -> Iterator[None]:
    """Set the modes for scoring; restore modes and buffers afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    if mode == "training":
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.train()
    # cuDNN's recurrent kernels refuse a backward pass in evaluation mode.
    recurrent = any(isinstance(module, nn.RNNBase) for module in model.modules())
    without_cudnn = torch.backends.cudnn.flags(enabled=False)
    cudnn = without_cudnn if recurrent else contextlib.nullcontext()
    try:
        with keeping_buffers(model), cudnn, torch.enable_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def flat_weights(prunable: PrunableParameters) -> NDArray[np.float32]:
    """Return a read-only float32 copy of all prunable parameters, length M.

    Of complex ones the moduli.
    """
    with torch.no_grad():
        flat = torch.cat([to_real(p.detach().reshape(-1)).cpu() for p in prunable.parameters])
    weight_M = flat.numpy().copy()
    weight_M.flags.writeable = False
    return weight_M
