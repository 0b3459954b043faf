"""Resumes the run in a folder from its last checkpoint."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note
from snip_gui.core.base.tensors import load_tensors
from snip_gui.core.execution.stages import drain, execute, read_recipe_images
from snip_gui.core.execution.training import make_trainer, prepare_steps, train
from snip_gui.core.models.networks import without_file_weights
from snip_gui.core.models.own.source import OWN
from snip_gui.core.pruning.workbench import build_steps
from snip_gui.core.recipe.json import describe_other_versions
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.events import RunDone
from snip_gui.core.runs.extend import copy_extended
from snip_gui.core.runs.lease import holding, observe
from snip_gui.core.runs.placing import (
    is_half_made,
    make_new_folder,
    refuse_edited,
    refuse_occupied,
    run_digest,
)
from snip_gui.core.runs.tensors import load_run_weights, misfit, read_masks
from snip_gui.core.training.checkpoint import load_checkpoint
from snip_gui.core.training.events import TrainingStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.training.loop import Trainer
    from snip_gui.core.training.metrics import MetricPoint
    from snip_gui.core.training.watching import WeightWatch


def resume(
    folder: Path,
    environment: Environment,
    on_event: Callable[[Event], None],
    cancel: CancelToken,
    *,
    accept_edits: bool = False,
) -> Summary:
    """Resume the run in a folder and return its summary; raises as `resume_steps` does."""
    steps = resume_steps(folder, environment, cancel, accept_edits=accept_edits)
    return drain(steps, on_event).summary


def resume_steps(
    folder: Path,
    environment: Environment,
    cancel: CancelToken,
    *,
    images: ImageSet | None = None,
    watch: WeightWatch | None = None,
    accept_edits: bool = False,
) -> Iterator[Event]:
    """Resume a run from its last checkpoint; ends with `RunDone`, at once if it is finished.

    A run that ended before any usable result starts again. The thread count recorded with the run
    takes precedence over the environment.

    Parameters
    ----------
    accept_edits
        Whether to use the current recipe although it was edited since the run started.

    Raises
    ------
    UserError
        If the folder has no run with a mask, the run has diverged or is being trained, its recipe
        was edited, or a file is damaged.
    """
    recipe = files.read_recipe(folder, to_look=False)
    if not is_half_made(folder):
        summary = files.read_summary(folder)
        match files.get_run_state(summary):
            case "finished":
                yield Note(f"“{folder.name}” is already finished.")
                yield RunDone(folder, summary)
                return
            case "diverged" | "scored" as state:
                raise UserError(
                    f"“{folder.name}” cannot be resumed: it is {state}.", "Start a new run instead."
                )
            case "pruned" | "stopped":
                if not accept_edits:
                    refuse_edited(folder, recipe, summary)
    else:
        refuse_occupied(folder, recipe)
    other = describe_other_versions(folder / files.RECIPE)
    if other:
        yield Note(f"“{folder.name}” is resumed with another version of a package. {other}")
    seen = yield from observe(folder, cancel)
    environment = _with_kept_images(environment, folder)
    with holding(folder, seen) as lease:
        yield from lease.guard(_resume_held(folder, environment, cancel, images, watch))


def extend_new_steps(
    folder: Path,
    runs_folder: Path,
    recipe: Recipe,
    environment: Environment,
    cancel: CancelToken,
    *,
    images: ImageSet | None = None,
    watch: WeightWatch | None = None,
) -> Iterator[Event]:
    """Train a copy as `extend_steps` does, in a new subfolder of the runs folder."""
    target = make_new_folder(runs_folder, recipe)
    try:
        yield from extend_steps(
            folder, target, recipe, environment, cancel, images=images, watch=watch
        )
    finally:
        with contextlib.suppress(OSError):  # not empty
            target.rmdir()


def _resume_held(
    folder: Path,
    environment: Environment,
    cancel: CancelToken,
    images: ImageSet | None,
    watch: WeightWatch | None,
) -> Generator[Event, None, None]:
    """Resume a run once its folder is held."""
    recipe = files.read_recipe(folder, to_look=False)
    if is_half_made(folder):
        yield Note(f"“{folder.name}” ended before its training began; it starts again.")
        if (folder / files.NETWORK).exists():
            recipe = _with_kept_files(recipe, folder)
        yield from execute(recipe, folder, environment, cancel, images, "train", watch)
        return
    summary = files.read_summary(folder)
    if files.get_run_state(summary) == "finished":  # by its former holder
        yield RunDone(folder, summary)
        return
    yield from _train_on(recipe, folder, summary, environment, cancel, images, watch)


def extend_steps(
    folder: Path,
    target: Path,
    recipe: Recipe,
    environment: Environment,
    cancel: CancelToken,
    *,
    images: ImageSet | None = None,
    watch: WeightWatch | None = None,
) -> Iterator[Event]:
    """Train a copy of a finished run for more epochs; raises as `copy_extended`, `resume_steps`.

    If training does not start, no copy is left behind.

    Parameters
    ----------
    target
        Folder of the copy.
    recipe
        The run's recipe with more epochs; see `snip_gui.core.runs.extend.extended`.
    """
    copy_extended(folder, target, recipe)
    has_begun = False
    try:
        for event in resume_steps(target, environment, cancel, images=images, watch=watch):
            has_begun = has_begun or isinstance(event, TrainingStarted)
            yield event
    finally:
        if not has_begun:
            shutil.rmtree(target, ignore_errors=True)


def _train_on(
    recipe: Recipe,
    folder: Path,
    summary: Summary,
    environment: Environment,
    cancel: CancelToken,
    images: ImageSet | None,
    watch: WeightWatch | None,
) -> Iterator[Event]:
    """Train from the last checkpoint, or from the pruned network if there is none."""
    environment = replace(
        environment,
        num_threads=summary.num_threads,
        data_folder=environment.data_folder or _get_recorded_folder(summary),
    )
    if images is None:
        images = yield from read_recipe_images(recipe, environment, cancel)
    _refuse_other_images(summary, images, folder)
    bench = yield from build_steps(_with_kept_files(recipe, folder), environment, images, cancel)
    start = folder / files.START
    path = start if start.exists() else folder / files.INIT
    began, _ = load_tensors(path)
    load_run_weights(bench.model, began, path)
    if recipe.pruning.after == "redraw" and path != start:  # a run of an early version
        bench.reinitialise()
    stored = read_masks(folder, dict(bench.prunable.items()))
    if len(stored) != len(bench.prunable.layout.tensors):
        raise misfit(folder / files.MASKS, "some of its weights have no mask")
    trainer = make_trainer(bench, {name: mask.bool().numpy() for name, mask in stored.items()})
    prepared = yield from prepare_steps(trainer)
    if (folder / files.CHECKPOINT).exists():
        load_checkpoint(folder / files.CHECKPOINT, trainer)
    points = _read_points_before(folder, trainer)
    yield Note(f"Resuming from step {trainer.step:,} of {trainer.num_steps:,}.")
    summary = msgspec.structs.replace(summary, recipe_digest=run_digest(recipe))
    yield from train(folder, summary, bench, trainer, prepared, cancel, points, watch)


def _read_points_before(folder: Path, trainer: Trainer) -> list[MetricPoint]:
    """Return the metric points up to the trainer's step, and set its last evaluation."""
    points = [point for point in files.read_metrics(folder) if point.step <= trainer.step]
    if trainer.step == 0:
        points = []  # repeat the first evaluation
    trainer.evaluated_at = max((p.step for p in points if p.split != "train"), default=-1)
    return points


def _with_kept_images(environment: Environment, folder: Path) -> Environment:
    """Return the environment with the run's own copies of images searched first."""
    return replace(environment, image_folders=(folder / files.IMAGES, *environment.image_folders))


def _with_kept_files(recipe: Recipe, folder: Path) -> Recipe:
    """Return the recipe of a run with paths of the run's own copies of files."""
    model = without_file_weights(recipe.model)
    if model.name == OWN:
        model = msgspec.structs.replace(model, file=str(folder / files.NETWORK))
    return msgspec.structs.replace(recipe, model=model)


def _get_recorded_folder(summary: Summary) -> Path | None:
    """Return the data folder that a run used."""
    return Path(summary.data_folder) if summary.data_folder else None


def _refuse_other_images(summary: Summary, images: ImageSet, folder: Path) -> None:
    """Raise `UserError` if a run was trained on other images."""
    if summary.data_digest and summary.data_digest != images.digest:
        raise UserError(
            f"The images are not those that “{folder.name}” was trained on.",
            "Choose the data folder that the run was trained with.",
            field="data.name",
        )
