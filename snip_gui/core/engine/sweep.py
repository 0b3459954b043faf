"""Sweeps: many recipes, each in the folder named by its digest.

Finished runs are skipped and interrupted ones resumed, so a sweep can be repeated until it is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.engine.crew import share_memory
from snip_gui.core.engine.desk import open_desk
from snip_gui.core.engine.engine import work_through
from snip_gui.core.engine.events import WorkBegan, WorkEnded
from snip_gui.core.engine.training import TrainingWork
from snip_gui.core.reports.error_sparsity import error_series
from snip_gui.core.runs.listing import read_entry
from snip_gui.core.runs.placing import find_folders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.engine.crew import Crew
    from snip_gui.core.engine.desk import Desk
    from snip_gui.core.engine.work import Outcome
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.training.events import RunState


def sweep_steps(
    recipes: Sequence[Recipe],
    runs_folder: Path,
    environment: Environment,
    crew: Crew,
    cancel: CancelToken,
) -> Iterator[Event]:
    """Run recipes in a folder; ends with notes on the errors of the trained networks.

    A run that fails or diverges does not stop the others.

    Raises
    ------
    UserError
        At the end, if any failed, which the message lists; or if the crew cannot be used.
    """
    failed: list[str] = []
    is_stopped = False
    with open_desk(runs_folder) as desk:
        for event in train_all(recipes, runs_folder, environment, crew, desk, cancel):
            yield event
            if isinstance(event, WorkBegan):
                yield Note(f"Run {event.number} of {event.total}: {event.name}")
            elif isinstance(event, WorkEnded):
                yield from _describe(event)
                is_stopped |= not has_ended(event.outcome)
                if event.outcome.problem:
                    failed.append(f"{event.name}: {event.outcome.problem}")
        is_stopped |= cancel.is_cancelled or desk.is_asked_to_stop()
    if not is_stopped:
        yield from _errors(find_folders(runs_folder, recipes))
    if failed:
        raise UserError(
            f"{len(failed)} of {len(recipes)} runs failed. {' '.join(failed)}",
            "The same command again tries these once more and leaves the others alone.",
        )


def train_all(
    recipes: Sequence[Recipe],
    runs_folder: Path,
    environment: Environment,
    crew: Crew,
    desk: Desk,
    cancel: CancelToken,
) -> Iterator[Event]:
    """Train each recipe in its folder; events are those of `work_through`."""
    environment = share_memory(environment, crew)
    works = [
        TrainingWork(recipe=recipe, folder=folder, environment=environment)
        for recipe, folder in zip(recipes, find_folders(runs_folder, recipes), strict=True)
    ]
    yield from work_through(works, crew, desk, cancel)


def has_ended(outcome: Outcome[RunState]) -> bool:
    """Return whether a run has ended by itself or failed, rather than been stopped."""
    return outcome.state != "cancelled" and outcome.result != "stopped"


def _describe(ended: WorkEnded) -> Iterator[Event]:
    """Yield the log of a worker, and what went wrong."""
    outcome = ended.outcome
    for note in outcome.notes:
        yield Note(f"{ended.name}: {note}")
    if outcome.details:
        yield Note(outcome.details.rstrip())
    if outcome.problem:
        yield Note(f"{ended.name} failed: {outcome.problem}")
    elif outcome.notes:
        yield Note(f"{ended.name} is {outcome.result or outcome.state}.")


def _errors(folders: Sequence[Path]) -> Iterator[Event]:
    """Yield the test errors of finished runs, as results."""
    entries = [read_entry(folder) for folder in folders if folder.exists()]
    for series in error_series(entries):
        for level in series.levels:
            text = f"{series.label}, {sparsity_text(level.sparsity)}: test error {level.mean:.2%}"
            if len(level.errors) > 1:
                text += f" ({level.deviation:.2%}, {len(level.errors)} seeds)"
            yield Note(text, is_result=True)
