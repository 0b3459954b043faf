"""Runs a recipe into a complete run folder.

The window runs `run_steps` in its compute lane and draws its events; the command line prints them.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from snip_gui.core.execution.stages import StopAfter, drain, execute
from snip_gui.core.runs.lease import holding, observe
from snip_gui.core.runs.placing import make_new_folder, refuse_occupied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.base.events import Event
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.training.watching import WeightWatch


def run(
    recipe: Recipe,
    folder: Path,
    environment: Environment,
    on_event: Callable[[Event], None],
    cancel: CancelToken,
    *,
    stop_after: StopAfter = "train",
) -> Summary:
    """Run a recipe in a new folder and return its summary; raises as `run_steps` does."""
    steps = run_steps(recipe, folder, environment, cancel, stop_after=stop_after)
    return drain(steps, on_event).summary


def run_steps(
    recipe: Recipe,
    folder: Path,
    environment: Environment,
    cancel: CancelToken,
    *,
    images: ImageSet | None = None,
    stop_after: StopAfter = "train",
    watch: WeightWatch | None = None,
) -> Iterator[Event]:
    """Run a recipe in a new folder, yielding between steps; ends with `RunDone`.

    A cancelled training run is kept, with a checkpoint to resume from. If an earlier attempt failed
    before any usable result, the run starts again.

    Parameters
    ----------
    images
        The recipe's data set if it is already in memory.
    stop_after
        The last stage to execute.
    watch
        Which weights to report during training.

    Raises
    ------
    UserError
        If the folder contains anything else, is not writable or is in use, or the recipe cannot be
        run; or if the loss is not finite (`DivergedError`) or an image file is gone
        (`ImagesLostError`), in which cases all results so far are kept.
    Cancelled
        If cancelled before training.
    """
    refuse_occupied(folder, recipe)
    seen = yield from observe(folder, cancel)
    with holding(folder, seen) as lease:
        refuse_occupied(folder, recipe)  # another process may have run it meanwhile
        steps = execute(recipe, folder, environment, cancel, images, stop_after, watch)
        yield from lease.guard(steps)


def run_new_steps(
    recipe: Recipe,
    runs_folder: Path,
    environment: Environment,
    cancel: CancelToken,
    *,
    images: ImageSet | None = None,
    stop_after: StopAfter = "train",
    watch: WeightWatch | None = None,
) -> Iterator[Event]:
    """Run a recipe in a new folder, even if it was run before; raises as `run_steps` does."""
    folder = make_new_folder(runs_folder, recipe)
    try:
        yield from run_steps(
            recipe, folder, environment, cancel, images=images, stop_after=stop_after, watch=watch
        )
    finally:
        with contextlib.suppress(OSError):  # not empty
            folder.rmdir()
