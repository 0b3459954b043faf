"""A study: a question, the recipes that it needs, and how their masks answer it.

Studies differ in their recipes and in what they make of the masks; `run_study` does the rest with
the engine. `STUDIES` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note
from snip_gui.core.base.registry import Registry
from snip_gui.core.engine.desk import open_desk
from snip_gui.core.engine.engine import work_through
from snip_gui.core.engine.events import WorkEnded
from snip_gui.core.studies.overlaps.masks import MaskWork

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.comparing.packed import PackedMask
    from snip_gui.core.engine.crew import Crew
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.reports.text_tables import Table

T = TypeVar("T")

MOST_RECIPES = 5000


@dataclass(frozen=True, slots=True)
class StudyInfo:
    """An entry of the list of studies."""

    name: str
    title: str
    question: str


STUDIES = Registry(
    "study",
    "study",
    (
        StudyInfo(
            "overlap",
            "Overlap",
            "Do masks of different classes, methods or settings overlap more than chance, and is "
            "that so over several seeds?",
        ),
        StudyInfo(
            "stability",
            "Stability",
            "How much do masks overlap that differ only in the seed, or in the images drawn?",
        ),
        StudyInfo(
            "leave-one-out",
            "Leave one out",
            "Which image of the minibatch moves the mask most?",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Item:
    """A recipe of a study, and what it is called."""

    label: str
    recipe: Recipe


class Answer(Protocol):
    """The answer of a study."""

    @property
    def sentence(self) -> str:
        """The answer in words."""
        ...

    @property
    def overview(self) -> Table:
        """A short table."""
        ...

    @property
    def parts(self) -> Sequence[tuple[str, Table]]:
        """Further tables with their titles, such as those of the layers."""
        ...

    @property
    def table(self) -> Table:
        """All numbers."""
        ...


class Study(Protocol):
    """A question with its settings: a value."""

    @property
    def question(self) -> str:
        """The question."""
        ...

    @property
    def items(self) -> Sequence[Item]:
        """The recipes whose masks it needs."""
        ...

    def answer(self, masks: Sequence[PackedMask | None]) -> Answer:
        """Return the answer from the mask of each item; None for those that could not be found.

        Raises
        ------
        UserError
            If there are too few masks for an answer.
        """
        ...


@dataclass(frozen=True)
class StudyDone(Event):
    """A study has been answered.

    Attributes
    ----------
    masks
        The mask of each item of the study; None for those that could not be found.
    """

    study: Study
    answer: Answer
    masks: tuple[PackedMask | None, ...]


def run_study(
    study: Study, runs_folder: Path, environment: Environment, crew: Crew, cancel: CancelToken
) -> Iterator[Event]:
    """Find the masks of a study, and answer it; ends with `StudyDone` unless it was stopped.

    Masks found before are used again. What goes wrong with a recipe is noted, and the others are
    used.

    Raises
    ------
    UserError
        If there are too many recipes, or too few masks could be found.
    """
    if len(study.items) > MOST_RECIPES:
        raise UserError(
            f"This study would need {len(study.items):,} masks.",
            f"Choose fewer seeds or groups: at most {MOST_RECIPES:,} masks.",
        )
    works = [
        MaskWork(
            recipe=item.recipe, label=item.label, runs_folder=runs_folder, environment=environment
        )
        for item in study.items
    ]
    with open_desk(runs_folder) as desk:
        outcomes = yield from _with_notes(work_through(works, crew, desk, cancel))
        is_stopped = cancel.is_cancelled or desk.is_asked_to_stop()
    if is_stopped:
        return
    masks = tuple(outcome.result if outcome is not None else None for outcome in outcomes)
    if not any(masks) and (problem := next((o.problem for o in outcomes if o is not None), "")):
        raise UserError(f"No mask could be found. {problem}")
    yield StudyDone(study, study.answer(masks), masks)


def _with_notes(steps: Generator[Event, None, T]) -> Generator[Event, None, T]:
    """Pass on events, and note what goes wrong with an item."""
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        yield event
        if isinstance(event, WorkEnded) and event.outcome.problem:
            yield Note(f"{event.name} failed: {event.outcome.problem}")
