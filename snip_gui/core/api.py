"""Five functions for scripts and notebooks: build, score, mask, apply, load.

Everything else of `core` may be used as well; these are what stays as it is.

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
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.methods.scoring import prune
from snip_gui.core.models.own.source import digest_file
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.sensitivity import connection_sensitivity
from snip_gui.core.pruning.workbench import build
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
    """What a recipe starts from: the network as drawn, and the minibatch as it sees it.

    Attributes
    ----------
    ranking
        The masks of the recipe's method: of most a `Ranking` with the score of each connection.
    """

    model: nn.Module
    images_NCHW: Tensor
    labels_N: Tensor
    ranking: MaskSource


@dataclass(frozen=True, eq=False)
class LoadedRun:
    """A run's network in evaluation mode, its masks (1 where kept) and what is known of it."""

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
    """Rank all connections of any network by their sensitivity (paper, equation 6).

    Parameters
    ----------
    model
        Left as it was.
    images_NCHW, labels_N
        The minibatch, as the network is to see it, and its classes.
    biases
        Whether biases compete too, as in the paper.
    exclude
        Layers that stay dense, by module name.

    Raises
    ------
    UserError
        If there is nothing to prune, no image, or every sensitivity is zero.
    """
    prunable = prunable_parameters(model, biases=biases, exclude=exclude)
    found = connection_sensitivity(model, prunable, images_NCHW, labels_N)
    return rank_scores(found.sensitivity_M, prunable.layout)


def mask_at(ranking: MaskSource, sparsity: float) -> dict[str, Tensor]:
    """Return by parameter name a mask, True where kept.

    Of a ranking exactly ``round(m (1 - sparsity))`` connections are kept, of a method that cannot
    keep so many the nearest number.

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
    """Set removed weights to zero, and keep them there while the network trains.

    Gradients of removed weights are zero from now on, so that momentum and coupled weight decay
    leave them at zero. Returns the network; its state_dict keeps its names.

    Raises
    ------
    ValueError
        If a mask has no parameter of its name and shape.
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
            hold: Any = parameter.register_hook  # torch leaves it untyped
            hold(lambda g, removed=removed: g.masked_fill(removed, 0))
    return model


def build_recipe(recipe: Recipe | Mapping[str, Any], data_folder: str | Path = "") -> Built:
    """Build what a recipe describes and rank it as the recipe says: what the window shows.

    Parameters
    ----------
    recipe
        A recipe, or the parts of its JSON that differ from the defaults.
    data_folder
        The folder that contains torchvision's folders, or the file of arrays; for data sets that
        need one.

    Raises
    ------
    UserError
        If the recipe cannot be worked out here. A network file that it names is run.
    """
    if not isinstance(recipe, Recipe):
        recipe = from_builtins(_merged(msgspec.to_builtins(Recipe()), recipe))
    trusted = {digest_file(Path(recipe.model.file))} if recipe.model.file else set()
    environment = Environment(
        data_folder=Path(data_folder) if data_folder else None, trusted_code=frozenset(trusted)
    )
    options = read_options_for(recipe.data, environment)
    images = load_images(recipe.data.name, environment.data_folder, options)
    bench = build(recipe, environment, images)
    scored = run_to_end(prune(bench, CancelToken()))
    _, images_NCHW, labels_N = bench.minibatch
    return Built(bench.model, images_NCHW, labels_N, scored.masks)


def load_run(folder: str | Path) -> LoadedRun:
    """Load the network of a run folder with its newest weights, removed ones zero.

    Raises
    ------
    UserError
        If it is no run with a mask, or damaged. The network file that a run has kept is run.
    """
    folder = Path(folder)
    recipe = read_recipe(folder)
    trusted = {recipe.model.file_digest} if recipe.model.file_digest else set()
    package = read_network(folder, trusted)
    return LoadedRun(package.network, package.masks, recipe, package.manifest)


def _merged(whole: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested defaults with changes; another kind of part replaces it."""
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
