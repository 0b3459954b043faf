"""From a recipe to a complete run folder.

The window draws the events of `run_steps` in its compute lane; the command line drains them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.execution.stages import StopAfter, drain, execute
from snip_gui.core.runs import folder as files

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
    """Run a recipe in a new folder and return its summary; raises as `run_steps`."""
    return drain(run_steps(recipe, folder, environment, cancel, stop_after=stop_after), on_event)


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
    """Run a recipe in a new folder, yielding between steps; ends in `RunDone`.

    A cancelled training is kept, with a checkpoint to resume from.

    Parameters
    ----------
    images
        The recipe's data set if it is already in memory.
    stop_after
        The last stage to execute.
    watch
        Which weights to send on while they train.

    Raises
    ------
    UserError
        If the folder already holds a run or cannot be written to, the recipe cannot be run, or,
        and then everything up to there is kept, the loss is no longer a number (`DivergedError`)
        or an image file disappeared (`ImagesLostError`).
    Cancelled
        If cancelled before training.
    """
    if (folder / files.RECIPE).exists():
        raise UserError(
            f"“{folder}” already holds a run.", "Choose another folder, or resume that run."
        )
    yield from execute(recipe, folder, environment, cancel, images, stop_after, watch)
