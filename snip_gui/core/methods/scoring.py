"""Runs a recipe's pruning method."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note
from snip_gui.core.base.registry import load_target
from snip_gui.core.methods.running import checked, run_checked, run_method
from snip_gui.core.pruning.edits.edited import refuse_edits, with_edits
from snip_gui.core.pruning.events import PathsFollowed, Pruned, ScoringDone
from snip_gui.core.pruning.scored import Scored
from snip_gui.core.pruning.sensitivity import flat_weights
from snip_gui.core.pruning.workbench import Workbench, build_steps
from snip_gui.core.recipe.methods import METHODS, find_method
from snip_gui.core.training.regime import Regime

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import Recipe


def score_steps(
    recipe: Recipe, environment: Environment, images: ImageSet, cancel: CancelToken
) -> Iterator[Event]:
    """Score a recipe's minibatch; ends with `ScoringDone`.

    Raises
    ------
    UserError
        If the recipe cannot be run on this machine; see `build_steps` and the method.
    """
    bench = yield from build_steps(recipe, environment, images, cancel)
    scored = yield from prune(bench, cancel)
    scored.prepare()
    yield ScoringDone(scored)
    yield Note(describe_scoring(scored))


def follow_paths(scored: Scored, num_kept: int, cancel: CancelToken) -> Iterator[Event]:
    """Find what stays connected under a mask of a large network; ends with `PathsFollowed`."""
    cancel.raise_if_cancelled()
    yield PathsFollowed(scored, num_kept, *scored.followed(num_kept))


def prune(bench: Workbench, cancel: CancelToken) -> Generator[Event, None, Scored]:
    """Run the recipe's method on a workbench and edit its masks; returns a `Scored`."""
    refuse_edits(bench.recipe.pruning)
    method = find_method(bench.recipe.pruning)
    run = run_method if METHODS.get_plugin(method.name) is None else run_checked
    started = time.perf_counter()
    try:
        with METHODS.blaming(method.name):
            pruned = yield from run(method, bench, cancel)
    except torch.cuda.OutOfMemoryError as error:
        raise out_of_memory("minibatch.size", len(bench.minibatch_indices_K)) from error
    scored = make_scored(bench, pruned, time.perf_counter() - started)
    edits = bench.recipe.pruning.edits
    return with_edits(scored, edits, bench.images) if edits else scored


def make_scored(bench: Workbench, pruned: Pruned, seconds: float = 0.0) -> Scored:
    """Return the result of a pruned workbench for the window and the run folder."""
    return Scored(
        recipe=bench.recipe,
        masks=pruned.masks,
        weight_M=flat_weights(bench.prunable),
        gradient_M=pruned.gradient_M,
        indices_K=bench.minibatch_indices_K,
        images_digest=bench.images.digest,
        architecture=bench.architecture,
        loss=pruned.loss,
        seconds=seconds,
        weights_at=pruned.weights_at,
    )


def make_regime(bench: Workbench) -> Regime:
    """Return the training regime of the recipe's method."""
    method = find_method(bench.recipe.pruning)
    if not method.regime:
        return Regime()
    with METHODS.blaming(method.name):
        regime: Regime = load_target(method.regime)(bench)
        return regime if METHODS.get_plugin(method.name) is None else checked(regime, method.name)


def describe_scoring(scored: Scored) -> str:
    """Return a line for the log on a scoring."""
    total, zeros = scored.layout.num_parameters, ""
    if scored.masks.scores is not None:
        number = scored.num_zero
        zeros = f", {number:,} of them with zero {scored.score_name} ({number / total:.1%})"
    what, loss = f"Scored {scored.model.title}", ""
    if math.isfinite(scored.loss):
        what = f"Scored {len(scored.indices_K):,} images with {scored.model.title}"
        loss = f", loss {scored.loss:.4f}"
    return f"{what}: {total:,} connections{zeros}{loss}, {scored.seconds * 1000:.0f} ms."


def out_of_memory(field: str, number: int) -> UserError:
    """Return the error for a device out of memory, which suggests half as many images."""
    torch.cuda.empty_cache()
    half = max(1, number // 2)
    return UserError(
        f"The GPU does not have enough memory for {number:,} images at once.",
        f"Try {half:,}, or choose the CPU.",
        field=field,
        proposal=half,
    )
