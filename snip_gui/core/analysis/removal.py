"""What the removal of each connection changes, exactly.

SNIP estimates the effect of a removal by a derivative (Lee, Ajanthan & Torr 2019, equations 2 and
3). Here every connection of a fully connected network is removed in turn, and the loss computed
again, in double precision: the differences of single connections are far below the rounding of
single precision.

A removed connection changes one sum of its layer. The change of that unit is a multiple of one
column of the next layer's weights, so that most of the network need not be computed again.

Shapes: M prunable parameters in the flat order of `Layout`, K images, I inputs and O outputs of a
layer, C classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from snip_gui.core.analysis.chain import find_chain
from snip_gui.core.base.events import Event, Progress

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from snip_gui.core.analysis.chain import Chain
    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.graph.layout import Layout

# Values computed at once: more would not be faster, and take more memory.
_MOST_VALUES = 4_000_000


@torch.no_grad()
def removal_effects(
    model: nn.Module, layout: Layout, images_KCHW: Tensor, labels_K: Tensor, cancel: CancelToken
) -> Generator[Event, None, NDArray[np.float64]]:
    """Return by how much the mean loss rises if each connection alone is removed (M).

    Yields progress.

    Raises
    ------
    UserError
        If the network is not a chain of fully connected layers with ReLU between them.
    Cancelled
        If cancelled meanwhile.
    """
    chain = find_chain(model, images_KCHW)
    inputs, scores_KC = chain.forward(images_KCHW.double().cpu().flatten(1))
    labels_K = labels_K.cpu()
    loss = float(_mean_losses(scores_KC, labels_K))
    effects: dict[str, NDArray[np.float64]] = {}
    for number, layer in enumerate(chain.layers):
        # A bias is the weight of an input that is always one.
        ones = inputs[number].new_ones(len(labels_K), 1)
        inputs_KI = torch.cat([inputs[number], ones], dim=1)
        weight_OI = torch.cat([layer.weight_OI, layer.bias_O[:, None]], dim=1)
        effect_OI = np.empty(tuple(weight_OI.shape))
        for unit in range(len(weight_OI)):
            cancel.raise_if_cancelled()
            yield Progress(f"Removing the connections of {layer.name}", unit, len(weight_OI))
            changes_IK = -(weight_OI[unit][:, None] * inputs_KI.T)
            losses_I = _losses_without(chain, number, unit, inputs, changes_IK, labels_K)
            effect_OI[unit] = losses_I.numpy() - loss
        effects[f"{layer.name}.weight"] = effect_OI[:, :-1]
        effects[f"{layer.name}.bias"] = effect_OI[:, -1]
    return np.concatenate([effects[tensor.name].ravel() for tensor in layout.tensors])


def _losses_without(
    chain: Chain,
    number: int,
    unit: int,
    inputs: list[Tensor],
    changes_IK: Tensor,
    labels_K: Tensor,
) -> Tensor:
    """Return the mean losses (I) after each of several changes (I, K) of one unit's sum."""
    layer = chain.layers[number]
    sums_KO = inputs[number] @ layer.weight_OI.T + layer.bias_O
    sum_K = sums_KO[:, unit]
    is_last = number == len(chain.layers) - 1
    if is_last:
        start_KO = sums_KO
        column_O = torch.zeros_like(layer.bias_O)
        column_O[unit] = 1
    else:
        changes_IK = (sum_K + changes_IK).relu() - sum_K.relu()
        following = chain.layers[number + 1]
        start_KO = inputs[number + 1] @ following.weight_OI.T + following.bias_O
        column_O = following.weight_OI[:, unit]
    at_once = max(1, _MOST_VALUES // max(1, start_KO.numel()))
    losses = []
    for part_IK in torch.split(changes_IK, at_once):
        sums_IKO = start_KO + part_IK[:, :, None] * column_O
        scores_IKC = sums_IKO if is_last else chain.after(number + 1, sums_IKO)
        losses.append(_mean_losses(scores_IKC, labels_K))
    return torch.cat(losses)


def _mean_losses(scores: Tensor, labels_K: Tensor) -> Tensor:
    """Return the mean cross-entropy of class scores (..., K, C) over K images."""
    log_probabilities = functional.log_softmax(scores, dim=-1)
    labels = labels_K.expand(scores.shape[:-1])[..., None]
    return -log_probabilities.gather(-1, labels).squeeze(-1).mean(-1)


def rank_correlation(one_M: NDArray[np.floating], other_M: NDArray[np.floating]) -> float:
    """Return Spearman's rank correlation; equal values have the mean of their ranks.

    NaN if all values of one of them are equal.
    """
    ranks = [_mean_ranks(values) for values in (one_M, other_M)]
    one, other = (rank - rank.mean() for rank in ranks)
    scale = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / scale if scale else float("nan")


def _mean_ranks(values_M: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the rank of each value, from 0; equal values have the mean of their ranks."""
    _, which_M, counts = np.unique(values_M, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks_M: NDArray[np.float64] = (last - (counts + 1) / 2)[which_M]
    return ranks_M
