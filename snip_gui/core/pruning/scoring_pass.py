"""The forward and backward pass of the scored images, shared by all methods that need one.

Shapes: N scored images, C channels, H rows, W columns.
"""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING

import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.images.batches import batch_slices
from snip_gui.core.graph.single_image import keeping_buffers, refuses_single_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from snip_gui.core.graph.parameters import PrunableParameters
    from snip_gui.core.recipe.pruning import ScoringMode


def refuse_bad_minibatch(model: nn.Module, num_images: int, mode: ScoringMode) -> None:
    """Raise `UserError` for a minibatch that cannot be scored."""
    if num_images == 0:
        raise UserError(
            "The minibatch is empty.", "Add at least one image to score.", field="minibatch"
        )
    has_norm = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())
    if mode == "training" and has_norm and num_images == 1:
        raise UserError(
            "A single image provides no statistics for BatchNorm in training mode.",
            "Score at least two images, or score in evaluation mode.",
            field="pruning.scoring_mode",
        )


def refuse_bad_weight(prunable: PrunableParameters) -> None:
    """Raise `UserError` naming the tensor if a weight is not finite.

    One such weight makes every score NaN, so the scores do not reveal where it is.
    """
    for name, parameter in prunable.items():
        if not bool(parameter.isfinite().all()):
            raise UserError(f"A weight in “{name}” is not finite.", "Try another initialisation.")


def in_single_precision(
    model: nn.Module, prunable: PrunableParameters
) -> tuple[nn.Module, tuple[nn.Parameter, ...]]:
    """Return a copy of a network in float32, and the copies of its prunable parameters."""
    whole = copy.deepcopy(model).float()
    by_name = dict(whole.named_parameters())
    return whole, tuple(by_name[name] for name, _ in prunable.items())


@contextlib.contextmanager
def scoring_mode(model: nn.Module, mode: ScoringMode) -> Iterator[None]:
    """Set the modes for scoring; restore modes and buffers on exit."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    if mode == "training":
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.train()
    # cuDNN's recurrent kernels do not support a backward pass in evaluation mode.
    recurrent = any(isinstance(module, nn.RNNBase) for module in model.modules())
    without_cudnn = torch.backends.cudnn.flags(enabled=False)
    cudnn = without_cudnn if recurrent else contextlib.nullcontext()
    try:
        with keeping_buffers(model), cudnn, torch.enable_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def split_passes(model: nn.Module, inputs_NCHW: Tensor, size: int) -> list[slice]:
    """Return the images of each pass; none has a single image if the network refuses that."""
    number = len(inputs_NCHW)
    if not (size == 1 or number % size == 1) or not refuses_single_image(model, inputs_NCHW[:1]):
        return batch_slices(number, size)
    return batch_slices(number, max(2, size), join_single=True)


def add_gradients(gradient: Tensor | None, part: Tensor | None) -> Tensor | None:
    """Return the sum of two gradients, either of which may be missing."""
    if gradient is None or part is None:
        return part if gradient is None else gradient
    return gradient + part


def real_gradient(parameter: Tensor, gradient: Tensor) -> Tensor:
    """Return the derivative of the loss with respect to real weights, or to moduli of complex ones.

    If a connection is scaled by a real factor c, ``dL/dc`` at 1 is ``Re(conj(w) g)``.
    """
    flat = gradient.reshape(-1)
    if flat.is_complex():
        directions = torch.sgn(parameter.detach().reshape(-1))  # w / |w|, zero at zero
        flat = (directions.conj() * flat).real
    return flat.float()
