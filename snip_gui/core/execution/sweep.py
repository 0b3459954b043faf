"""Runs recipes one after another, each in the folder named by its digest.

Finished runs are skipped and interrupted ones resumed, so a sweep can be repeated until it is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import DivergedError, UserError
from snip_gui.core.base.events import Event, Note
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.execution.complete import complete_steps
from snip_gui.core.reports.error_sparsity import error_series
from snip_gui.core.runs.listing import read_entry
from snip_gui.core.runs.placing import run_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.recipe.recipe import Recipe


def sweep_steps(
    recipes: Sequence[Recipe], runs_folder: Path, environment: Environment, cancel: CancelToken
) -> Iterator[Event]:
    """Run recipes in a folder; ends with notes on the errors of the trained networks.

    A run that fails or diverges does not stop the others.

    Raises
    ------
    UserError
        At the end, if any failed; the message says which, and why.
    Cancelled
        If cancelled before training starts.
    """
    folders = [find_folder(runs_folder, recipe) for recipe in recipes]
    failed: list[str] = []
    for number, (recipe, folder) in enumerate(zip(recipes, folders, strict=True), 1):
        yield Note(f"Run {number} of {len(recipes)}: {folder.name}")
        try:
            yield from complete_steps(recipe, folder, environment, cancel)
        except DivergedError as error:
            yield Note(str(error))
        except UserError as error:
            yield Note(f"It failed: {error}")
            failed.append(f"{folder.name}: {error.message}")
        if cancel.is_cancelled:
            return
    entries = [read_entry(folder) for folder in folders if folder.exists()]
    for series in error_series(entries):
        for level in series.levels:
            text = f"{series.label}, {sparsity_text(level.sparsity)}: test error {level.mean:.2%}"
            if len(level.errors) > 1:
                text += f" ({level.deviation:.2%}, {len(level.errors)} seeds)"
            yield Note(text, is_result=True)
    if failed:
        raise UserError(
            f"{len(failed)} of {len(recipes)} runs failed. {' '.join(failed)}",
            "The same command again tries these once more and leaves the others alone.",
        )


def find_folder(runs_folder: Path, recipe: Recipe) -> Path:
    """Return the folder of a recipe's run, which an older version may have named differently."""
    network = recipe.model.symbol if recipe.model.name == "own" else recipe.model.name
    method = recipe.pruning.method
    sparsity, seed = f"{recipe.pruning.sparsity:.4%}", recipe.seed
    older = f"{network}-{recipe.data.name}-{method}-{sparsity}-seed{seed}".replace(":", "-")
    name = run_name(recipe)
    is_older = "/" not in older and not (runs_folder / name).exists()
    return runs_folder / (older if is_older and (runs_folder / older).exists() else name)
