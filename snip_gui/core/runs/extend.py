"""Extending a finished run: a copy of it with a recipe of more epochs, to be taken up.

The recipe says all: worked out from the start it gives the same weights (loads no torch).
"""

from __future__ import annotations

import datetime
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import write_error, write_text
from snip_gui.core.recipe.json import encode_recipe, with_value
from snip_gui.core.runs import folder as files

if TYPE_CHECKING:
    from snip_gui.core.recipe.recipe import Recipe

_TAKEN = (
    files.NETWORK,
    files.INIT,
    files.START,
    files.BATCH,
    files.SCORES,
    files.MASKS,
    files.METRICS,
    files.CHECKPOINT,
    "input_map.png",
    "layers.png",
)


def extended(recipe: Recipe, epochs: int, rate: float = 0.0) -> Recipe:
    """Return the recipe with epochs after those it has.

    Parameters
    ----------
    rate
        Learning rate of all added epochs; 0 for that of the schedule's last step.

    Raises
    ------
    UserError
        If none or too many are added, or the epochs added before had another rate.
    """
    training = recipe.training
    if epochs < 1:
        raise UserError("No epochs are added.", "Add at least one.", field="training.added_epochs")
    if training.added_epochs and rate != training.added_rate:
        raise UserError(
            f"The {training.added_epochs} epochs added before had another learning rate.",
            "Keep it, or extend the run that was extended then.",
            field="training.added_rate",
        )
    more = with_value(recipe, "training.added_epochs", training.added_epochs + epochs)
    return with_value(more, "training.added_rate", rate)


def refuse_extending(folder: Path) -> None:
    """Raise a `UserError` unless a folder holds a run that was trained to its end."""
    state = files.get_run_state(files.read_summary(folder))
    if state != "finished" or not (folder / files.CHECKPOINT).exists():
        raise UserError(
            f"“{folder.name}” cannot be extended: it is {state}.",
            "Only a finished training can; go on with a stopped one instead.",
        )


def copy_extended(folder: Path, target: Path, recipe: Recipe) -> None:
    """Make a run folder that goes on where another ended, in one piece.

    Parameters
    ----------
    recipe
        That of the run, `extended`.

    Raises
    ------
    UserError
        If the run cannot be extended or the copy cannot be made; then there is none.
    """
    refuse_extending(folder)
    summary = msgspec.structs.replace(
        files.read_summary(folder),
        state="stopped",
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    if target.exists() and any(target.iterdir()):
        raise UserError(f"“{target}” is not empty.", "Choose another folder.")
    part: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Its name begins with a dot: while it is not whole it is not among the runs.
        part = Path(tempfile.mkdtemp(prefix=".extending-", dir=target.parent))
        for name in _TAKEN:
            if (folder / name).exists():
                shutil.copyfile(folder / name, part / name)
        if (folder / files.IMAGES).exists():
            shutil.copytree(folder / files.IMAGES, part / files.IMAGES)
        write_text(part / files.RECIPE, encode_recipe(recipe))
        write_text(part / files.SUMMARY, msgspec.json.encode(summary).decode() + "\n")
        part.chmod(folder.stat().st_mode)
        part.replace(target)
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
