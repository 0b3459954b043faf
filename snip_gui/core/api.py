"""Five functions for scripts and notebooks: build, score, mask, apply, load.

The rest of `core` may be used as well, but only these functions are a stable interface.

Shapes: N images, C channels, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.events import run_to_end
from snip_gui.core.data.sets.loading import load_images, read_options_for
from snip_gui.core.graph.computed_weights import refuse_computed
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.methods.scoring import prune
from snip_gui.core.models.own.source import digest_file
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.sensitivity import connection_sensitivity
from snip_gui.core.pruning.workbench import build_workbench
from snip_gui.core.recipe.json import from_builtins
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.core.runs.folder import read_recipe
from snip_gui.core.runs.network import read_network

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor, nn

    from snip_gui.core.pruning.mask_source import MaskSource
    from snip_gui.core.pruning.ranking import Ranking

__all__ = ["Built", "LoadedRun", "apply_mask", "build_recipe", "load_run", "mask_at", "score"]


@dataclass(frozen=True, eq=False)
class Built:
    """What a recipe starts from: the initialised network and the preprocessed minibatch.

    Attributes
    ----------
    ranking
        The masks of the recipe's method; for most methods a `Ranking` with all connections' scores.
    """

    model: nn.Module
    images_NCHW: Tensor
    labels_N: Tensor
    ranking: MaskSource


@dataclass(frozen=True, eq=False)
class LoadedRun:
    """A run's network in evaluation mode, its masks (1 where kept) and its metadata."""

    model: nn.Module
    masks: dict[str, Tensor]
    recipe: Recipe
    description: dict[str, Any]


def score(
    model: nn.Module,
    images_NCHW: Tensor,
    labels_N: Tensor,
    *,
    biases: bool = True,
    exclude: Collection[str] = (),
) -> Ranking:
    """Rank all connections of a network by their sensitivity (paper, equation 6).

    Parameters
    ----------
    model
        The network; left unchanged.
    images_NCHW, labels_N
        The preprocessed minibatch and its labels.
    biases
        Whether biases are ranked too, as in the paper.
    exclude
        Module names of layers that stay dense.

    Raises
    ------
    UserError
        If there is nothing to prune or no image, or if every sensitivity is zero.
    """
    refuse_computed(model)
    prunable = prunable_parameters(model, biases=biases, exclude=exclude)
    found = connection_sensitivity(model, prunable, images_NCHW, labels_N)
    return rank_scores(found.sensitivity_M, prunable.layout)


def mask_at(ranking: MaskSource, sparsity: float) -> dict[str, Tensor]:
    """Return the mask of each parameter by name, True where kept.

    A ranking keeps exactly ``round(m (1 - sparsity))`` connections; a method that cannot keep this
    number keeps the nearest one it can.

    Raises
    ------
    ValueError
        If the sparsity is not at least 0 and below 1.
    """
    if not 0 <= sparsity < 1:
        raise ValueError(f"sparsity must be at least 0 and below 1, not {sparsity}")
    num_kept = ranking.nearest(num_kept_at(sparsity, ranking.layout.num_parameters))
    masks = ranking.mask_at(num_kept)
    return {name: torch.from_numpy(mask.copy()) for name, mask in masks.items()}


@torch.no_grad()
def apply_mask(model: nn.Module, masks: Mapping[str, Tensor]) -> nn.Module:
    """Set removed weights to zero, and hold them at zero while the network trains.

    A hook zeroes their gradients, so that momentum and coupled weight decay leave them at zero.
    Returns the network itself; the names in its state_dict are unchanged.

    Raises
    ------
    ValueError
        If there is no parameter with the name and shape of a mask.
    """
    parameters = dict(model.named_parameters())
    for name, mask in masks.items():
        if name not in parameters or parameters[name].shape != mask.shape:
            raise ValueError(f"the network has no parameter “{name}” of shape {tuple(mask.shape)}")
    for name, mask in masks.items():
        parameter = parameters[name]
        removed = ~mask.bool().to(parameter.device)
        parameter.masked_fill_(removed, 0)
        if parameter.requires_grad:
            hold: Any = parameter.register_hook  # untyped in torch
            hold(lambda g, removed=removed: g.masked_fill(removed, 0))
    return model


def build_recipe(recipe: Recipe | Mapping[str, Any], data_folder: str | Path = "") -> Built:
    """Build the network and minibatch of a recipe and rank its connections, as the window does.

    Parameters
    ----------
    recipe
        A recipe, or those parts of its JSON that differ from the defaults.
    data_folder
        The folder that contains torchvision's folders, or the file of arrays, for data sets that
        need one.

    Raises
    ------
    UserError
        If the recipe cannot be run on this machine. Note that a network file it names is executed.
    """
    if not isinstance(recipe, Recipe):
        recipe = from_builtins(_merged(msgspec.to_builtins(Recipe()), recipe))
    trusted = {digest_file(Path(recipe.model.file))} if recipe.model.file else set()
    environment = Environment(
        data_folder=Path(data_folder) if data_folder else None, trusted_code=frozenset(trusted)
    )
    options = read_options_for(recipe.data, environment)
    images = load_images(recipe.data.name, environment.data_folder, options)
    bench = build_workbench(recipe, environment, images)
    scored = run_to_end(prune(bench, CancelToken()))
    _, images_NCHW, labels_N = bench.minibatch
    return Built(bench.model, images_NCHW, labels_N, scored.masks)


def load_run(folder: str | Path) -> LoadedRun:
    """Load the network of a run folder with its latest weights; removed ones are zero.

    Raises
    ------
    UserError
        If the folder is damaged or is not a run with a mask. Note that the network file stored with
        the run is executed.
    """
    folder = Path(folder)
    recipe = read_recipe(folder)
    trusted = {recipe.model.file_digest} if recipe.model.file_digest else set()
    package = read_network(folder, trusted)
    return LoadedRun(package.network, package.masks, recipe, package.manifest)


def _merged(whole: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested defaults with changes merged in; a part with another tag is replaced."""
    merged = dict(whole)
    for name, value in changes.items():
        before = merged.get(name)
        kinds = ("method", "kind")
        if (
            isinstance(value, dict)
            and isinstance(before, dict)
            and all(value.get(kind, before.get(kind)) == before.get(kind) for kind in kinds)
        ):
            merged[name] = _merged(before, value)
        else:
            merged[name] = value
    return merged
