"""Extension of a finished run: a copy of it with more epochs in its recipe, to be resumed.

The extended recipe is complete: run from the start, it gives the same weights. No torch.
"""

from __future__ import annotations

import datetime
import shutil
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.environment import available_memory
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import (
    new_part_folder,
    open_regular,
    read_error,
    write_error,
    write_text,
)
from snip_gui.core.recipe.json import encode_recipe, load_plugins, with_value
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.placing import refuse_edited, refuse_occupied, run_digest
from snip_gui.core.weight_files.header import read_header

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.recipe.recipe import Recipe

OPTIMIZER = "optimizer."
"""Prefix of the optimizer's state in a checkpoint, and what a slim one is ``without``."""

_TAKEN = (
    files.NETWORK,
    files.INIT,
    files.START,
    files.BATCH,
    files.SCORES,
    files.MASKS,
    files.METRICS,
    files.CHECKPOINT,
    *files.PICTURES,
)


def extended(recipe: Recipe, epochs: int, rate: float = 0.0) -> Recipe:
    """Return the recipe with extra epochs.

    Parameters
    ----------
    rate
        Learning rate of all extra epochs; 0 for that of the schedule's last step.

    Raises
    ------
    UserError
        If none or too many are added, or earlier extra epochs had another rate.
    """
    training = recipe.training
    if epochs < 1:
        raise UserError(
            "There are no extra epochs.", "Add at least one.", field="training.added_epochs"
        )
    if training.added_epochs and rate != training.added_rate:
        raise UserError(
            f"The {training.added_epochs} extra epochs of this run had another learning rate.",
            "Keep that rate, or extend the original run.",
            field="training.added_rate",
        )
    more = with_value(recipe, "training.added_epochs", training.added_epochs + epochs)
    return with_value(more, "training.added_rate", rate)


def refuse_extending(folder: Path) -> None:
    """Raise `UserError` unless a folder contains a run that has finished training."""
    summary = files.read_summary(folder)
    refuse_edited(folder, files.read_recipe(folder), summary)
    state = files.get_run_state(summary)
    if state != "finished" or not (folder / files.CHECKPOINT).exists():
        raise UserError(
            f"“{folder.name}” cannot be extended: it is {state}.",
            "Only a finished training can; resume a stopped one instead.",
        )
    if OPTIMIZER in read_header(folder / files.CHECKPOINT).metadata.get("without", ()):
        raise UserError(
            f"“{folder.name}” cannot be extended: its optimizer state was removed to free disk "
            "space.",
            "Run its recipe again with the additional epochs.",
        )


def copy_extended(folder: Path, target: Path, recipe: Recipe) -> None:
    """Create, atomically, a run folder that continues where another one ended.

    Parameters
    ----------
    recipe
        The `extended` recipe of the run.

    Raises
    ------
    UserError
        If the run cannot be extended or copied; no copy is left behind.
    """
    refuse_extending(folder)
    made_with = load_plugins(folder / files.RECIPE)  # its masks, whichever versions are installed
    summary = msgspec.structs.replace(
        files.read_summary(folder),
        state="stopped",
        recipe_digest=run_digest(recipe),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    refuse_occupied(target, recipe)
    part: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = new_part_folder(target)  # hidden, and removed later if this process is killed
        for name in _TAKEN:
            if (folder / name).exists():
                _copy(folder / name, part / name)
        if (folder / files.IMAGES).is_dir():
            (part / files.IMAGES).mkdir()
            for image in (folder / files.IMAGES).iterdir():
                _copy(image, part / files.IMAGES / image.name)
        write_text(part / files.RECIPE, encode_recipe(recipe, made_with))
        write_text(part / files.SUMMARY, msgspec.json.encode(summary).decode() + "\n")
        part.chmod(folder.stat().st_mode)
        part.replace(target)
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _copy(source: Path, path: Path) -> None:
    """Copy a file of a run without following links, because the run may be untrusted.

    A file larger than memory cannot belong to a trained network, but might fill the disk.
    """
    try:
        old = open_regular(source, max_bytes=available_memory(), follow_links=False)
    except OSError as error:
        raise read_error(source, error) from error
    with old, path.open("xb") as new:
        shutil.copyfileobj(old, new)
