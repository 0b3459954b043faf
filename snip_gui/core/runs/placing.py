"""Which folder the run of a recipe belongs in, and whether a folder can be used for it.

A run folder is named by the digest of everything that determines its result, so the same recipe
always finds its run, whoever started it, and different ones never collide. The display name is
independent of it: see `snip_gui.core.runs.edits`.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import EditedError, UserError
from snip_gui.core.base.files import read_bytes, write_error
from snip_gui.core.recipe.stages import Stage, stage_keys
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.lease import is_lease

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.folder import Summary

_NUM_DIGITS = 12
_MOST_LETTERS = 60

# States of runs that need not start again, from the end back.
_FURTHEST = ("finished", "diverged", "stopped", "pruned")

# Files that a run writes before its first checkpoint.
_EARLY = frozenset(
    (files.RECIPE, files.SUMMARY, files.NETWORK, files.IMAGES, files.INIT, files.START,
     files.BATCH, files.SCORES, files.MASKS, files.METRICS, *files.PICTURES, files.NOTES)
)  # fmt: skip


def run_digest(recipe: Recipe) -> str:
    """Return the digest of everything that determines the result of a run."""
    return stage_keys(recipe)[Stage.TRAIN]


def run_name(recipe: Recipe) -> str:
    """Return the folder name for a recipe: a readable part, and its digest."""
    network = recipe.model.symbol if recipe.model.name == "own" else recipe.model.name
    method = recipe.pruning.method
    words = f"{network}-{recipe.data.name}-{method}-{recipe.pruning.sparsity:.2%}".rstrip("%")
    # Names in a recipe may contain anything; keep only what every system allows in file names.
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", words)[:_MOST_LETTERS].strip("-.")
    return f"{plain}-{run_digest(recipe)[:_NUM_DIGITS]}"


def find_folders(runs_folder: Path, recipes: Sequence[Recipe]) -> list[Path]:
    """Return the folder of the run of each recipe, whether or not it exists.

    It is named by the recipe. If there is none of this name, but a run of the recipe in a folder of
    any other name, as older versions chose, it is that one.
    """
    folders = [runs_folder / run_name(recipe) for recipe in recipes]
    if all(folder.exists() for folder in folders):
        return folders
    known = _known_runs(runs_folder)
    return [
        folder if folder.exists() else known.get(run_digest(recipe), folder)
        for folder, recipe in zip(folders, recipes, strict=True)
    ]


def _known_runs(runs_folder: Path) -> dict[str, Path]:
    """Return the runs with a mask in a folder by their digests; the furthest of equal ones."""
    known: dict[str, tuple[int, Path]] = {}
    for folder in sorted(runs_folder.glob("*/")):
        if folder.name.startswith("."):
            continue
        try:
            digest = run_digest(files.read_recipe(folder))
            summary = files.read_summary(folder)
        except UserError:
            continue
        is_edited = summary.recipe_digest not in ("", digest)
        if summary.state in _FURTHEST and not is_edited:
            found = (_FURTHEST.index(summary.state), folder)
            known[digest] = min(found, known.get(digest, found))
    return {digest: folder for digest, (_, folder) in known.items()}


def make_new_folder(runs_folder: Path, recipe: Recipe) -> Path:
    """Create and return an empty folder for a recipe that may have been run before.

    It is created exclusively: the first of ``NAME``, ``NAME-2`` and so on that is free, or contains
    only an incomplete attempt at this run.

    Raises
    ------
    UserError
        If it cannot be created.
    """
    name = run_name(recipe)
    for number in itertools.count(1):
        folder = runs_folder / (name if number == 1 else f"{name}-{number}")
        try:
            runs_folder.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            if is_half_made(folder) and is_vacant(folder, recipe):
                return folder
        except OSError as error:
            raise write_error(folder, error) from error
        else:
            return folder
    raise AssertionError("there is always a next number")


def is_half_made(folder: Path) -> bool:
    """Return whether a run ended before any usable result: it can only be started again."""
    has_recipe, has_weights = (
        (folder / name).exists() for name in (files.RECIPE, files.CHECKPOINT)
    )
    return has_recipe and not has_weights and not _has_summary(folder)


def is_vacant(folder: Path, recipe: Recipe) -> bool:
    """Return whether a folder can be used for the run of a recipe.

    It can if it does not exist, is empty, or contains an incomplete attempt at this very run.

    Raises
    ------
    UserError
        If it exists and cannot be read.
    """
    try:
        names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    except NotADirectoryError:
        return False
    except OSError as error:
        raise write_error(folder, error) from error
    names = {name for name in names if not (is_lease(name) or _is_part(name))}
    if not names:
        return True
    return names <= _EARLY and is_half_made(folder) and _has_run(folder, recipe)


def refuse_occupied(folder: Path, recipe: Recipe) -> None:
    """Raise `UserError` unless a folder `is_vacant` for a recipe."""
    if is_vacant(folder, recipe):
        return
    if (folder / files.RECIPE).exists() and (folder / files.SUMMARY).exists():
        raise UserError(
            f"“{folder}” already holds a run.", "Choose another folder, or resume that run."
        )
    raise UserError(f"“{folder}” is not empty.", "Choose another folder: nothing is overwritten.")


def refuse_edited(folder: Path, recipe: Recipe, summary: Summary) -> None:
    """Raise `EditedError` if a recipe differs from the one that its run started with.

    Runs of older versions do not record it.
    """
    if summary.recipe_digest and summary.recipe_digest != run_digest(recipe):
        raise EditedError(
            f"The recipe of “{folder.name}” was edited after the run had begun.",
            "Undo the change, or run the edited recipe as a run of its own; --accept-edits resumes "
            "this run with it.",
        )


def is_same_run(one: Recipe, other: Recipe) -> bool:
    """Return whether two recipes give the same result, wherever their files are."""
    return run_digest(one) == run_digest(other)


def _has_run(folder: Path, recipe: Recipe) -> bool:
    try:
        return is_same_run(files.read_recipe(folder), recipe)
    except UserError:
        return False


def _has_summary(folder: Path) -> bool:
    """Return whether there is a summary; a truncated one does not count."""
    path = folder / files.SUMMARY
    if not path.exists():
        return False
    try:
        data = read_bytes(path, max_bytes=files.MOST_BYTES).strip()
    except UserError:  # a file that another program may read
        return True
    return data.startswith(b"{") and data.endswith(b"}")


def _is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")
