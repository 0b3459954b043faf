"""NTK-SAP: foresight pruning by the spectrum of the neural tangent kernel (Wang, Li & Sun 2023).

In each round a score estimates how much removing a connection changes the nuclear norm of the
kernel: ``|d/dc sum ||f(z; w c) - f(z; (w + e) c)||^2|`` for Gaussian images z and a small Gaussian
change e of the weights. The sum is over several draws of z, e and of the initial weights w
themselves, so no image and no particular initialisation is scored. As in the authors' code,
BatchNorm normalises by the statistics of z.

Shapes: B images, C channels, H rows, W columns, M prunable parameters.
"""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from snip_gui.core.base.seeding import stream_seed
from snip_gui.core.graph.layout import split_flat
from snip_gui.core.methods.one_shot import images_per_pass
from snip_gui.core.methods.rounds import eliminate, exponential, target_count, without_effect
from snip_gui.core.models.networks import reinitialise
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.scoring_pass import refuse_bad_minibatch, scoring_mode
from snip_gui.core.recipe.methods.iterative import NtkSap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.base.events import Event
    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank by order of removal; ends with `Pruned`."""
    spec, layout = bench.recipe.pruning, bench.prunable.layout
    assert isinstance(spec, NtkSap)
    schedule = exponential(layout.num_parameters, target_count(bench), spec.score_rounds)
    rounds = itertools.count()

    def score(kept_M: NDArray[np.bool_]) -> NDArray[np.float32]:
        number = next(rounds)
        slope_M = sum(_slope(bench, kept_M, (number, draw)) for draw in range(spec.draws))
        score_M = np.abs(slope_M).astype(np.float32)
        if not score_M[kept_M].any():
            raise without_effect(kept_M, "no remaining connection", "the outputs")
        return score_M

    yield Pruned((yield from eliminate(layout, score, schedule, floor=spec.floor)))


def _slope(
    bench: Workbench, kept_M: NDArray[np.bool_], place: tuple[int, int]
) -> NDArray[np.float64]:
    """Return the signed derivative (M) of one draw of images, weights and their change."""
    spec, recipe = bench.recipe.pruning, bench.recipe
    assert isinstance(spec, NtkSap)
    architecture = bench.architecture
    model = copy.deepcopy(bench.model)
    reinitialise(
        model,
        recipe.model,
        architecture.input_shape,
        architecture.num_classes,
        seed=stream_seed(recipe.seed, "ntk-sap", *place, "weights"),
        trusted=bench.trusted_code,
    )
    if any(parameter.dtype in (torch.float16, torch.bfloat16) for parameter in model.parameters()):
        model = model.float()
    generator = torch.Generator().manual_seed(stream_seed(recipe.seed, "ntk-sap", *place))
    number = min(len(bench.minibatch_indices_K), images_per_pass(2 * architecture.activation_bytes))
    refuse_bad_minibatch(model, number, "training")
    inputs_BCHW = torch.randn(number, *architecture.input_shape, generator=generator)
    weights = dict(model.named_parameters())
    changes = {
        tensor.name: spec.perturbation
        * torch.randn(tensor.shape, generator=generator).to(weights[tensor.name])
        for tensor in bench.prunable.layout.tensors
    }
    masks = {
        name: torch.from_numpy(np.array(part)).to(weights[name])
        for name, part in split_flat(kept_M, bench.prunable.layout).items()
    }
    slopes = output_change_slopes(model, masks, changes, inputs_BCHW.to(bench.device))
    parts = [slopes[tensor.name].reshape(-1) for tensor in bench.prunable.layout.tensors]
    return torch.cat(parts).double().cpu().numpy()


def output_change_slopes(
    model: nn.Module,
    masks: Mapping[str, Tensor],
    changes: Mapping[str, Tensor],
    inputs_BCHW: Tensor,
) -> dict[str, Tensor]:
    """Return ``d/dc sum ||f(z; w c) - f(z; (w + e) c)||^2`` at c = mask, by parameter name.

    By the chain rule this is ``w dS/d(w c) + (w + e) dS/d((w + e) c)``.

    Parameters
    ----------
    model
        The network with the weights w; changed by this function.
    masks, changes
        Mask c and change e of each prunable parameter, by name.
    inputs_BCHW
        The images z.
    """
    weights = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    others = {name: weights[name] + changes[name] for name in masks}
    _set_weights(model, {name: weights[name] * mask for name, mask in masks.items()})
    _take_statistics(model, inputs_BCHW)
    other = copy.deepcopy(model)
    _set_weights(other, {name: others[name] * mask for name, mask in masks.items()})
    with scoring_mode(model, "evaluation"), scoring_mode(other, "evaluation"):
        # Copies, because an in-place first layer would overwrite the images.
        change_BK = model(inputs_BCHW.clone()) - other(inputs_BCHW.clone())
        total = change_BK.abs().square().sum()
        pairs = [dict(network.named_parameters()) for network in (model, other)]
        leaves = [network[name] for network in pairs for name in masks]
        found = torch.autograd.grad(total, leaves, allow_unused=True)
    slopes = {}
    for number, name in enumerate(masks):
        one, two = found[number], found[number + len(masks)]
        slope = torch.zeros_like(weights[name].abs())
        for values, gradient in ((weights[name], one), (others[name], two)):
            if gradient is not None:
                product = values.conj() * gradient
                slope += product.real if product.is_complex() else product
        slopes[name] = slope
    return slopes


@torch.no_grad()
def _set_weights(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Set parameters by name."""
    parameters = dict(model.named_parameters())
    for name, value in values.items():
        parameters[name].copy_(value)


@torch.no_grad()
def _take_statistics(model: nn.Module, inputs_BCHW: Tensor) -> None:
    """Set the running statistics of BatchNorm to those of some images."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    model(inputs_BCHW.clone())
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval()
        norm.momentum = momentum
