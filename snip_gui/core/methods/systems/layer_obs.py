"""Layer-wise optimal brain surgeon (Dong, Chen & Pan 2017; arXiv 1705.07565).

The network is first trained dense. In each round every layer is pruned for itself so that its own
squared error over the training images grows least, and the whole is retrained a little. What is
removed and how the rest is corrected is in `snip_gui.core.methods.systems.surgeon`.

The Hessian of a layer is the mean of x x^T over its inputs x, with the bias as an input of 1 and,
in a convolution, over all positions. The authors update its inverse by one image after another,
starting from 1e6 times the identity; this equals inverting H + 1e-6 / N I once, which is done here
with a damping of choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from snip_gui.core.base.errors import MethodError, UserError
from snip_gui.core.base.tensors import to_double
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.methods.systems.settings import by_layer
from snip_gui.core.methods.systems.surgeon import (
    SingularError,
    finish,
    prune_layer_as_published,
    prune_layer_steps,
)
from snip_gui.core.recipe.methods import LayerSurgeon
from snip_gui.core.training.regime import MaskChange, Moment, Regime

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from torch import Tensor

    from snip_gui.core.graph.layout import Layout
    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.workbench import Workbench

_BATCH = 500


def make_regime(bench: Workbench) -> PruneByLayer:
    """Return the regime of a recipe; raises `UserError` if it does not fit the network."""
    spec = bench.recipe.pruning
    assert isinstance(spec, LayerSurgeon)
    for layer in bench.prunable.layout.layers:
        _refuse_unsuitable(bench.model, layer, bench.prunable.layout)
    if spec.kept:
        by_layer(spec.kept, bench.prunable.layout, "pruning.kept")
    return PruneByLayer(spec, bench)


def _refuse_unsuitable(model: nn.Module, layer: str, layout: Layout) -> None:
    """Raise `UserError` if the output of a layer is not linear in each unit's own weights."""
    module = model.get_submodule(layer)
    names = {tensor.name.removeprefix(f"{layer}.") for tensor in layout.get_tensors(layer)}
    is_suitable = (
        isinstance(module, nn.Linear)
        or (
            isinstance(module, nn.Conv2d)
            and module.groups == 1
            and module.padding_mode == "zeros"
            and not isinstance(module.padding, str)
        )
    ) and names <= {"weight", "bias"}
    if not is_suitable or any(p.is_complex() for p in module.parameters()):
        raise UserError(
            f"“layer-obs” cannot prune “{layer}”: it prunes real linear layers and ordinary "
            "two-dimensional convolutions.",
            "Exclude the layer, or choose another network or method.",
            field="pruning.exclude",
        )


@dataclass(frozen=True, slots=True, eq=False)
class Pruned:
    """A layer after its removals: masks, and new values of its parameters, by name."""

    masks: Mapping[str, Tensor]
    values: Mapping[str, Tensor]


class PruneByLayer(Regime):
    """Prunes all layers at the start of each round; the first phase is dense."""

    changes_masks = True

    def __init__(self, spec: LayerSurgeon, bench: Workbench) -> None:
        self._spec, self._bench, self._layout = spec, bench, bench.prunable.layout
        self._pruned: dict[str, Pruned] = {}  # of the round that begins with the next step

    def prepare_step(self, masked: MaskedModel, moment: Moment) -> Generator[None, None, None]:
        """Find what to remove before the first step of a round, and how to correct the rest."""
        self._pruned = {}
        if not _begins_round(moment):
            return
        pruned: dict[str, Pruned] = {}
        hessians = yield from hessian_steps(self._bench, masked.model)
        for layer, num_kept in kept_by_layer(self._spec, self._layout, moment.phase).items():
            pruned[layer] = yield from self._prune(masked, layer, num_kept, hessians[layer])
        self._pruned = pruned

    @torch.no_grad()
    def before_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Prune before the first step of a round."""
        if not _begins_round(moment):
            return None
        if not self._pruned:
            for _ in self.prepare_step(masked, moment):
                pass
        kept = kept_by_layer(self._spec, self._layout, moment.phase)
        masks: dict[str, Tensor] = {}
        for pruned in self._pruned.values():
            for name, values in pruned.values.items():
                masked.model.get_parameter(name).copy_(values)
            masks |= pruned.masks
        self._pruned = {}
        number, total = sum(kept.values()), self._layout.num_parameters
        return MaskChange(
            masks,
            f"Round {moment.phase} of {self._spec.rounds}: {number:,} of {total:,} connections "
            f"are kept ({1 - number / total:.2%} removed).",
        )

    def _prune(
        self, masked: MaskedModel, layer: str, num_kept: int, hessian_II: Tensor
    ) -> Generator[None, None, Pruned]:
        """Return what pruning a layer and correcting its weights results in."""
        module: Any = masked.model.get_submodule(layer)
        weight: nn.Parameter = module.weight
        bias: nn.Parameter | None = module.bias
        masks = masked.masks()
        weight_OI = to_double(weight.detach().flatten(1))
        kept_OI = masks.get(f"{layer}.weight", torch.ones_like(weight)).flatten(1) != 0
        fixed_I = torch.zeros(weight_OI.shape[1], dtype=torch.bool)
        if bias is not None:
            bias_mask = masks.get(f"{layer}.bias")
            bias_kept = torch.ones_like(bias) if bias_mask is None else bias_mask
            weight_OI = torch.cat([weight_OI, to_double(bias.detach())[:, None]], 1)
            kept_OI = torch.cat([kept_OI, bias_kept[:, None] != 0], 1)
            fixed_I = torch.cat([fixed_I, torch.tensor([bias_mask is None])])
        size = hessian_II.shape[0]
        damped_II = hessian_II + self._spec.damping * torch.eye(size, dtype=torch.float64)
        # Numbers of removable connections only.
        num_removed = int((kept_OI.cpu() & ~fixed_I).sum()) - num_kept
        found = weight_OI.cpu(), kept_OI.cpu(), fixed_I, damped_II, num_removed
        try:
            if self._spec.downdate:
                new_OI, left_OI = yield from prune_layer_steps(*found)
            else:
                new_OI, left_OI = prune_layer_as_published(*found)
        except SingularError as error:
            raise MethodError(
                f"The Hessian of “{layer}” is singular: some of its inputs depend on one another.",
                "Raise the damping.",
                field="pruning.damping",
            ) from error
        names = {f"{layer}.weight": (new_OI, left_OI)}
        if bias is not None:
            names = {
                f"{layer}.weight": (new_OI[:, :-1], left_OI[:, :-1]),
                f"{layer}.bias": (new_OI[:, -1], left_OI[:, -1]),
            }
        values, left = {}, {}
        for name, (new, is_left) in names.items():
            shape = masked.model.get_parameter(name).shape
            values[name] = new.reshape(shape)
            if name in masks:
                left[name] = is_left.reshape(shape).to(weight.device)
        return Pruned(left, values)


def _begins_round(moment: Moment) -> bool:
    return moment.phase > 0 and moment.step_of_phase == 0


def kept_by_layer(spec: LayerSurgeon, layout: Layout, number: int) -> dict[str, int]:
    """Return how many connections each layer keeps after a round.

    Every round keeps the same fraction of a layer, so that the last one reaches the fractions of
    the recipe, or its sparsity if it has none.

    Parameters
    ----------
    number
        Number of the round, from 1.
    """
    sizes = {layer: sum(t.size for t in layout.get_tensors(layer)) for layer in layout.layers}
    if spec.kept:
        fractions = by_layer(spec.kept, layout, "pruning.kept")
        share = number / spec.rounds
        kept = {layer: round(size * fractions[layer] ** share) for layer, size in sizes.items()}
    else:
        share = (1 - spec.sparsity) ** (number / spec.rounds)
        counts = apportion(num_kept_at(1 - share, layout.num_parameters), list(sizes.values()))
        kept = dict(zip(sizes, counts, strict=True))
    return {layer: max(num_kept, min(spec.floor, sizes[layer])) for layer, num_kept in kept.items()}


def apportion(number: int, sizes: Sequence[int]) -> list[int]:
    """Divide a number in proportion to sizes; the largest remainders are rounded up."""
    exact = number * np.array(sizes, np.float64) / sum(sizes)
    counts = np.floor(exact).astype(int)
    order = np.argsort(-(exact - counts), kind="stable")
    counts[order[: number - int(counts.sum())]] += 1
    return [int(count) for count in counts]


def layer_hessians(bench: Workbench, model: nn.Module) -> dict[str, Tensor]:
    """Return what `hessian_steps` returns."""
    return finish(hessian_steps(bench, model))


def hessian_steps(bench: Workbench, model: nn.Module) -> Generator[None, None, dict[str, Tensor]]:
    """Return the Hessian of each layer over all training images, without damping, in float64.

    Yields after every batch; the network is in evaluation mode meanwhile.
    """
    layers = bench.prunable.layout.layers
    sums: dict[str, Tensor] = {}
    counts = dict.fromkeys(layers, 0)

    def listen(layer: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        @torch.no_grad()
        def add(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            rows_NI = input_rows(module, inputs[0])
            sums[layer] = sums.get(layer, 0) + rows_NI.T @ rows_NI
            counts[layer] += len(rows_NI)

        return add

    hooks = [model.get_submodule(n).register_forward_pre_hook(listen(n)) for n in layers]
    mode, images = model.training, bench.training_batches()
    batches = images.batches(None, _BATCH)
    try:
        model.eval()
        for inputs_BCHW, _ in batches:
            with torch.no_grad():  # not around the yield
                model(inputs_BCHW)
            yield
    finally:
        model.train(mode)
        for hook in hooks:
            hook.remove()
        batches.close()
        images.close()
    return {layer: (sums[layer] / counts[layer]).cpu() for layer in layers}


def input_rows(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return the inputs of a layer's units as rows (N, I), in float64; a bias adds a 1."""
    if isinstance(module, nn.Conv2d):
        assert not isinstance(module.padding, str)
        patches_BIP = nn.functional.unfold(
            inputs, module.kernel_size, module.dilation, module.padding, module.stride
        )
        rows_NI = patches_BIP.transpose(1, 2).reshape(-1, patches_BIP.shape[1])
    else:
        rows_NI = inputs.reshape(-1, inputs.shape[-1])
    rows_NI = to_double(rows_NI)
    if module.bias is None:
        return rows_NI
    return torch.cat([rows_NI, rows_NI.new_ones(len(rows_NI), 1)], 1)
