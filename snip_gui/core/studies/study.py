"""A study: a question, the work that it needs, and how the results answer it.

Studies differ in their work and in what they make of the results; `run_study` does the rest with
the engine. `snip_gui.core.studies.catalogue` lists them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note
from snip_gui.core.engine.crew import share_memory
from snip_gui.core.engine.desk import open_desk
from snip_gui.core.engine.engine import work_through
from snip_gui.core.engine.events import WorkEnded
from snip_gui.core.studies.budget import Budget

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.engine.crew import Crew
    from snip_gui.core.engine.work import Work
    from snip_gui.core.reports.text_tables import Table
    from snip_gui.core.studies.figures.figure import Figure

T = TypeVar("T")

MOST_WORKS = 5000
_NUM_ADVANCES = 20


@dataclass(frozen=True, slots=True)
class Beside:
    """A result of ours beside published ones, as text.

    Attributes
    ----------
    what
        What was measured.
    paper, reproduced
        What the authors printed, and what others measured who repeated it; empty for none.
    """

    what: str
    ours: str
    paper: str
    reproduced: str


class Answer(ABC):
    """The answer of a study."""

    @property
    @abstractmethod
    def sentence(self) -> str:
        """The answer in words."""

    @property
    @abstractmethod
    def overview(self) -> Table:
        """A short table."""

    @property
    def parts(self) -> Sequence[tuple[str, Table]]:
        """Further tables with their titles, such as those of the layers."""
        return ()

    @property
    @abstractmethod
    def table(self) -> Table:
        """All numbers."""

    @property
    @abstractmethod
    def figure(self) -> Figure:
        """The answer as a picture."""

    @property
    def beside(self) -> Sequence[Beside]:
        """Results that others published as well."""
        return ()


class Study(Protocol):
    """A question with its settings: a value."""

    @property
    def question(self) -> str:
        """The question."""
        ...

    @property
    def unit(self) -> str:
        """What its results are called: ``masks``, ``runs``."""
        ...

    @property
    def num_works(self) -> int:
        """Number of items of work."""
        ...

    def make_works(self, runs_folder: Path, environment: Environment) -> Sequence[Work[Any]]:
        """Return the items of work."""
        ...

    def answer(self, results: Sequence[Any]) -> Answer:
        """Return the answer from the result of each item; None for those that have none.

        Raises
        ------
        UserError
            If there are too few results for an answer.
        """
        ...


@dataclass(frozen=True)
class StudyDone(Event):
    """A study has been answered.

    Attributes
    ----------
    results
        The result of each item of work; None for those that have none.
    """

    study: Study
    answer: Answer
    results: tuple[Any, ...]


@dataclass(frozen=True)
class StudyAdvanced(Event):
    """A study has the answer of its results so far."""

    study: Study
    answer: Answer
    num_done: int


def run_study_within(
    seconds: float,
    study: Study,
    runs_folder: Path,
    environment: Environment,
    crew: Crew,
    cancel: CancelToken,
) -> Iterator[Event]:
    """Run a study as `run_study` does, for at most so many seconds."""
    yield from run_study(study, runs_folder, environment, crew, Budget(cancel, seconds))


def run_study(
    study: Study, runs_folder: Path, environment: Environment, crew: Crew, cancel: CancelToken
) -> Iterator[Event]:
    """Do the work of a study, and answer it; ends with `StudyDone` unless it was stopped.

    Earlier results are used again. What goes wrong with an item is noted, and the others are used.
    Meanwhile, `StudyAdvanced` has the answer of the results so far.
    When a `Budget` is over, the answer is that of the results so far, if there are enough.

    Raises
    ------
    UserError
        If there is too much to do, or there are too few results.
    """
    if study.num_works > MOST_WORKS:
        raise UserError(
            f"This study would need {study.num_works:,} {study.unit}.",
            f"Choose fewer seeds or groups: at most {MOST_WORKS:,} {study.unit}.",
        )
    works = study.make_works(runs_folder, share_memory(environment, crew))
    with open_desk(runs_folder) as desk:
        steps = work_through(works, crew, desk, cancel)
        outcomes = yield from _advancing(study, _with_notes(steps))
        is_stopped = cancel.is_cancelled or desk.is_asked_to_stop()
    if is_stopped and not (isinstance(cancel, Budget) and cancel.is_over):
        return
    results = tuple(outcome.result if outcome is not None else None for outcome in outcomes)
    is_empty = all(result is None for result in results)
    if is_empty and (problem := next((o.problem for o in outcomes if o is not None), "")):
        raise UserError(f"There are no {study.unit} to answer with. {problem}")
    yield StudyDone(study, study.answer(results), results)


def _advancing(study: Study, steps: Generator[Event, None, T]) -> Generator[Event, None, T]:
    """Pass on events, and answer with the results so far at each twentieth of the work."""
    results: list[Any] = [None] * study.num_works
    interval, answered_at = max(1, study.num_works // _NUM_ADVANCES), 0
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            value: T = end.value
            return value
        yield event
        if not isinstance(event, WorkEnded) or event.outcome.result is None:
            continue
        results[event.number - 1] = event.outcome.result
        num_done = sum(result is not None for result in results)
        if answered_at + interval <= num_done < study.num_works:
            answered_at = num_done
            try:
                answer = study.answer(results)
            except UserError:  # too few results yet
                continue
            yield StudyAdvanced(study, answer, num_done)


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
