"""Runs a recipe idempotently: repeated calls resume it, and never repeat finished work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note
from snip_gui.core.execution.resume import resume_steps
from snip_gui.core.execution.run import run_steps
from snip_gui.core.recipe.json import describe_other_versions
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.events import RunDone
from snip_gui.core.runs.placing import find_folders, is_same_run, is_vacant
from snip_gui.core.training.events import PointsMeasured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.execution.stages import StopAfter
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.training.watching import WeightWatch


def complete_steps(
    recipe: Recipe,
    folder: Path,
    environment: Environment,
    cancel: CancelToken,
    *,
    images: ImageSet | None = None,
    stop_after: StopAfter = "train",
    watch: WeightWatch | None = None,
) -> Iterator[Event]:
    """Start the run of a recipe in a folder, resume it, or do nothing if it is done.

    Raises
    ------
    UserError
        If the folder contains another run, or one that ended after scoring and is now to go
        further; and as `run_steps` and `resume_steps` do.
    Cancelled
        If cancelled before training.
    """
    if is_vacant(folder, recipe):
        yield from run_steps(
            recipe, folder, environment, cancel, images=images, stop_after=stop_after, watch=watch
        )
        return
    if not is_same_run(files.read_recipe(folder), recipe):
        raise UserError(
            f"“{folder}” holds a run of another recipe.", "Choose another folder with --out."
        )
    summary = files.read_summary(folder)
    state = files.get_run_state(summary)
    if state in ("pruned", "stopped") and stop_after == "train":
        yield from resume_steps(folder, environment, cancel, images=images, watch=watch)
    elif state == "scored" and stop_after != "score":
        raise UserError(
            f"“{folder}” already holds this run, which was to end with scoring.",
            "Run it again as a run of its own (--again), or delete that one.",
        )
    else:
        yield Note(f"It is {state} already.")
        other = describe_other_versions(folder / files.RECIPE)
        if other:
            yield Note(f"{other} To run the recipe again use --again.")
        yield RunDone(folder, summary)


def complete_listed_steps(
    recipe: Recipe,
    runs_folder: Path,
    environment: Environment,
    cancel: CancelToken,
    *,
    images: ImageSet | None = None,
    watch: WeightWatch | None = None,
) -> Iterator[Event]:
    """Complete the run of a recipe in a folder of runs, whatever its own folder is called.

    If it is done, its points are reported as well. Raises as `complete_steps` does.
    """
    (folder,) = find_folders(runs_folder, [recipe])
    steps = complete_steps(recipe, folder, environment, cancel, images=images, watch=watch)
    has_points = False
    for event in steps:
        if isinstance(event, RunDone) and not has_points:
            yield PointsMeasured(tuple(files.read_metrics(folder)))
        has_points = has_points or isinstance(event, PointsMeasured)
        yield event
