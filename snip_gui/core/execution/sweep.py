"""Many recipes worked out one after another into folders with names of their own.

What is finished is left alone and what was stopped or killed goes on, so the same sweep can be
asked for again until it is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import DivergedError, UserError
from snip_gui.core.base.events import Event, Note
from snip_gui.core.execution.resume import resume_steps
from snip_gui.core.execution.run import run_steps
from snip_gui.core.reports.error_sparsity import error_series
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.listing import read_entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.recipe.recipe import Recipe


def folder_name(recipe: Recipe) -> str:
    """Return the name of the run folder of one recipe of a sweep."""
    network = recipe.model.symbol if recipe.model.name == "own" else recipe.model.name
    network = network.replace(":", "-")  # no part of a file's name on every system
    method = recipe.pruning.method
    return f"{network}-{recipe.data.name}-{method}-{recipe.pruning.sparsity:.4%}-seed{recipe.seed}"


def sweep_steps(
    recipes: Sequence[Recipe], folder: Path, environment: Environment, cancel: CancelToken
) -> Iterator[Event]:
    """Work recipes out below a folder; ends in lines on the errors of what was trained.

    A training that diverges does not hold the others.

    Raises
    ------
    UserError
        If a folder holds another run, or as `run_steps`.
    """
    for number, recipe in enumerate(recipes, 1):
        place = folder / folder_name(recipe)
        yield Note(f"Run {number} of {len(recipes)}: {place.name}")
        try:
            yield from _one(recipe, place, environment, cancel)
        except DivergedError as error:
            yield Note(str(error))
        if cancel.is_cancelled:
            return
    entries = [read_entry(folder / folder_name(recipe)) for recipe in recipes]
    for series in error_series(entries):
        for level in series.levels:
            text = f"{series.label}, {level.sparsity:.4g}: test error {level.mean:.2%}"
            if len(level.errors) > 1:
                text += f" ({level.deviation:.2%}, {len(level.errors)} seeds)"
            yield Note(text, is_result=True)


def _one(
    recipe: Recipe, folder: Path, environment: Environment, cancel: CancelToken
) -> Iterator[Event]:
    """Work one recipe out, or go on with it."""
    if not (folder / files.RECIPE).exists():
        yield from run_steps(recipe, folder, environment, cancel)
        return
    if files.read_recipe(folder) != recipe:
        raise UserError(
            f"“{folder}” holds a run of another recipe.", "Choose another folder with --out."
        )
    entry = read_entry(folder)
    if entry.can_continue:
        yield from resume_steps(folder, environment, cancel)
    else:
        yield Note(f"It is {entry.state} already.")
