"""A single training step: the optimizer, and its update of a network under a mask.

Shapes: B images per batch, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import nn

from snip_gui.core.base.tensors import to_real
from snip_gui.core.graph.parameters import own_prunable
from snip_gui.core.training.regime import Regime

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor

    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.recipe.recipe import Training

Optimizer: TypeAlias = torch.optim.SGD | torch.optim.Adam | torch.optim.AdamW

STATIC = Regime()

STEP = "step"
"""Name of Adam's step counter, which exists for each parameter."""


def descend(
    masked: MaskedModel,
    optimizer: Optimizer,
    inputs_BCHW: Tensor,
    labels_B: Tensor,
    *,
    regime: Regime = STATIC,
    half_width: bool = False,
) -> tuple[Tensor, Tensor]:
    """Take one training step; return the loss before it and the class scores (B, K).

    Parameters
    ----------
    regime
        May replace the forward pass and add a penalty, which is not part of the returned loss.
    half_width
        Whether to compute the passes, but not the loss, in bfloat16 where that is safe.
    """
    if not masked.model.training:
        masked.model.train()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
    if half_width:
        with torch.autocast(inputs_BCHW.device.type, torch.bfloat16):
            scores_BK = regime.forward(masked.model, inputs_BCHW)
        scores_BK = scores_BK.float()
    else:
        scores_BK = regime.forward(masked.model, inputs_BCHW)
    loss = nn.functional.cross_entropy(scores_BK, labels_B)
    penalty = regime.penalty(masked)
    whole = loss if penalty is None else loss + penalty
    if whole.requires_grad:  # not if no kept connection reaches the output
        whole.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    regime.change_gradients(masked)
    masked.update(optimizer)
    return loss.detach(), scores_BK.detach()


def make_optimizer(
    masked: MaskedModel, training: Training, added: Collection[nn.Parameter] = ()
) -> Optimizer:
    """Return the optimizer of a recipe, with decay of weights and biases but not of BatchNorm.

    As in the official code, all weights and biases decay, even those that the recipe does not
    prune.

    Parameters
    ----------
    added
        Further parameters to train, without decay.
    """
    modules = masked.model.modules()
    trained = {id(p) for module in modules for p in own_prunable(module) if p.requires_grad}
    decayed = [p for p in masked.model.parameters() if id(p) in trained]
    known = {id(parameter) for parameter in decayed}
    others = [p for p in (*masked.model.parameters(), *added) if id(p) not in known]
    groups = [{"params": decayed, "weight_decay": training.weight_decay}]
    if others:
        groups.append({"params": others, "weight_decay": 0.0})
    optimizer = _made(groups, training, fused=_can_fuse(masked.model))
    for parameter in (*masked.model.parameters(), *added):
        if parameter.requires_grad:  # including any that get their first gradient later
            for name in state_names(training):
                optimizer.state[parameter][name] = torch.zeros_like(parameter, requires_grad=False)
            if training.optimizer != "sgd":
                optimizer.state[parameter][STEP] = torch.zeros((), device=parameter.device)
    return optimizer


def state_names(training: Training) -> tuple[str, ...]:
    """Return the names of the optimizer's state tensors that have the shape of a parameter."""
    if training.optimizer == "sgd":
        return ("momentum_buffer",) if training.momentum else ()
    return ("exp_avg", "exp_avg_sq")


def gradient_norm(masked: MaskedModel) -> Tensor:
    """Return the norm of the last step's masked gradient, still on the device."""
    gradients = [to_real(p.grad) for p in masked.model.parameters() if p.grad is not None]
    return nn.utils.get_total_norm(gradients)


def _made(groups: list[dict[str, object]], training: Training, *, fused: bool) -> Optimizer:
    """Return the optimizer with empty state."""
    # A fused kernel, without which the update takes a quarter of a small network's step. It needs
    # parameters without gaps in memory.
    match training.optimizer:
        case "adam":
            return torch.optim.Adam(groups, lr=training.learning_rate, fused=fused)
        case "adamw":
            return torch.optim.AdamW(groups, lr=training.learning_rate, fused=fused)
    return torch.optim.SGD(
        groups, lr=training.learning_rate, momentum=training.momentum, fused=fused
    )


def _can_fuse(model: nn.Module) -> bool:
    """Return whether a fused kernel can update all parameters."""
    return all(_is_dense(p) and p.is_floating_point() for p in model.parameters())


def _is_dense(tensor: Tensor) -> bool:
    """Return whether a tensor is dense in one of the usual memory formats."""
    in_maps = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return tensor.is_contiguous() or in_maps
