"""Runs studies in other processes, one at a time, and keeps the last answer."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Progress
from snip_gui.core.base.files import write_text
from snip_gui.core.comparing.comparison import Mask
from snip_gui.core.engine.crew import Crew
from snip_gui.core.engine.processes import default_num_processes
from snip_gui.core.pruning.events import ScoringDone
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.sweeps import parse_seeds, parse_sparsities
from snip_gui.core.reports.text_tables import to_csv
from snip_gui.core.studies.budget import parse_duration
from snip_gui.core.studies.catalogue import STUDIES, StudyOptions, make_study
from snip_gui.core.studies.figures.render import save_figure
from snip_gui.core.studies.overlaps.groups import make_groups
from snip_gui.core.studies.overlaps.overlap import Group
from snip_gui.core.studies.recipes import save_recipes
from snip_gui.core.studies.report import Report, Section, save_report
from snip_gui.core.studies.study import StudyAdvanced, StudyDone
from snip_gui.core.studies.systems.cost import estimate_systems
from snip_gui.core.studies.systems.systems import make_systems
from snip_gui.session.comparing.lesson import LessonKeeper
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from snip_gui.core.base.events import Event
    from snip_gui.core.engine.work import Work
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.overlaps.overlap import Repeat
    from snip_gui.core.studies.study import Study
    from snip_gui.core.studies.systems.systems import SystemsStudy
    from snip_gui.session.comparing.pins import Pin, Pins
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import Job
    from snip_gui.session.state.session_state import SessionState

PINS = "pins"


class Studies(QObject):
    """Makes studies of the current recipe, runs them and opens pairs of their masks."""

    changed = Signal()  # started, ended, or another answer
    progressed = Signal(object)  # Progress
    compared = Signal()  # two masks were pinned and chosen

    def __init__(
        self, state: SessionState, host: JobHost, pins: Pins, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._pins = state, host, pins
        self.lesson = LessonKeeper(state, host, self)
        self._job: Job | None = None
        self._done: StudyDone | None = None
        self._latest: StudyDone | StudyAdvanced | None = None
        self._name = ""
        self._pair: list[tuple[Recipe, str]] = []
        self._numbers: list[int] = []

    @property
    def done(self) -> StudyDone | None:
        """The last answer; None if there is none yet."""
        return self._done

    @property
    def latest(self) -> StudyDone | StudyAdvanced | None:
        """The answer of the results so far, or else the last one; None if there is none yet."""
        return self._latest

    @property
    def is_running(self) -> bool:
        """Whether a study is running."""
        return self._job is not None and self._job.is_open

    # Intents

    def run(
        self,
        name: str,
        seeds: str,
        repeat: Repeat,
        what: str,
        words: Sequence[str] = (),
        *,
        is_clustered: bool = False,
    ) -> None:
        """Run a study of the current recipe; problems are reported in place.

        Parameters
        ----------
        name
            One of `snip_gui.core.studies.catalogue.STUDIES`.
        what
            What the groups of the overlap study differ in: `PINS`, or a dotted field, see
            `snip_gui.core.studies.overlaps.groups.make_groups`.
        """
        images, recipe = self._state.images, self._state.recipe
        if images is None:
            return
        try:
            groups: tuple[Group, ...] = ()
            if STUDIES[name].takes_groups:
                pinned = what == PINS
                groups = (
                    self._pinned_groups()
                    if pinned
                    else make_groups(recipe, what, words, images.classes)
                )
            options = StudyOptions(
                seeds=parse_seeds(seeds),
                read_images=lambda: images,
                repeat=repeat,
                groups=groups,
                is_clustered=is_clustered,
            )
            self._run(make_study(name, recipe, options))
            self._name = name
        except UserError as error:
            self._state.status.report(Problem.of(error))

    def compare_systems(
        self, systems: Sequence[str], sparsities: str, seeds: str, passes: int, limit: str
    ) -> None:
        """Compare systems with the current recipe; problems are reported in place.

        Parameters
        ----------
        sparsities
            In percent; empty for those of the study.
        passes
            Passes over the training images of each system; 0 for its own schedule.
        limit
            When to stop, such as ``30min``; empty for never.
        """
        try:
            study = self.make_systems(systems, sparsities, seeds, passes)
            seconds = parse_duration(limit) if limit.strip() else math.inf
        except UserError as error:
            self._state.status.report(Problem.of(error))
        else:
            self._run(study, seconds)
            self._name = "systems"

    def make_systems(
        self, systems: Sequence[str], sparsities: str, seeds: str, passes: int
    ) -> SystemsStudy:
        """Return the comparison of systems with the current recipe.

        Raises
        ------
        UserError
            If nothing is chosen, or the settings do not fit.
        """
        images = self._state.images
        if images is None or not systems:
            raise UserError("No system is chosen.", "Tick at least one system.")
        options = StudyOptions(
            seeds=parse_seeds(seeds),
            read_images=lambda: images,
            methods=tuple(systems),
            sparsities=parse_sparsities(sparsities) if sparsities.strip() else (),
            passes=passes,
        )
        return make_systems(self._state.recipe, options)

    def estimate(self, study: SystemsStudy) -> float | None:
        """Return about how many seconds a comparison takes; None if nothing is known."""
        state = self._state
        architecture, images = state.network.architecture, state.images
        if architecture is None or images is None:
            return None
        scored = None if state.is_stale else state.scored
        seconds = estimate_systems(study, architecture, images, scored)
        return None if seconds is None else seconds / default_num_processes(spare=1)

    def stop(self) -> None:
        """Stop; masks found so far are kept for the next time."""
        if self._job is not None:
            self._job.cancel()

    def open_pair(self, one: tuple[Recipe, str], other: tuple[Recipe, str]) -> None:
        """Score two recipes, given with their names, and compare them under Compare."""
        images = self._state.images
        if images is None or one[0].data != self._state.recipe.data:
            self._state.status.report(
                Problem("These masks belong to another data set.", "Switch to that data set first.")
            )
            return
        self._pair, self._numbers = [one, other], []
        self._score_next()

    def export(self, path: Path) -> None:
        """Write the shown answer in the format of the file extension.

        CSV has all numbers, PNG and SVG the figure, Markdown and HTML the whole report, and ZIP
        the recipes.
        """
        latest = self._latest
        if latest is None:
            return
        try:
            match path.suffix.lower():
                case ".csv":
                    write_text(path, to_csv(latest.answer.table))
                case ".zip":
                    save_recipes(path, self._works(latest.study))
                case ".md" | ".html":
                    save_report(path, self._report(latest))
                case _:
                    save_figure(path, latest.answer.figure)
        except UserError as error:
            self._state.status.report(Problem.of(error))
        else:
            self._state.notices.info(f"Saved the study to {path}.")

    def _report(self, latest: StudyDone | StudyAdvanced) -> Report:
        recipe, info = self._state.recipe, STUDIES[self._name]
        section = Section(info.name, info.title, latest.study.question, latest.answer)
        facts = {"network": recipe.model.name, "data set": recipe.data.name}
        return Report(info.title, facts, (section,))

    def _works(self, study: Study) -> Sequence[Work[Any]]:
        preferences = self._state.preferences
        environment = preferences.environment_for(self._state.recipe.data.name)
        return study.make_works(preferences.runs_path, environment)

    def _pinned_groups(self) -> tuple[Group, ...]:
        if not self._pins.pins:
            raise UserError("Nothing is pinned.", "Pin some masks first (Ctrl+D).")
        return tuple(Group(pin.name, _pin_recipe(pin)) for pin in self._pins.pins)

    def _run(self, study: Study, seconds: float = math.inf) -> None:
        preferences = self._state.preferences
        environment = preferences.environment_for(self._state.recipe.data.name)
        job = lazily(
            "snip_gui.core.studies.study:run_study_within",
            seconds,
            study,
            preferences.runs_path,
            # One thread each, as on the command line, so that both find the same masks.
            dataclasses.replace(environment, num_threads=1),
            Crew("processes", default_num_processes(spare=1), is_apart=True),
        )
        self._state.status.set_problem(None)
        self._done = self._latest = None
        self._job = self._host.submit("study", job, lane="waiting")
        self._job.happened.connect(self._on_event)
        self._job.ended.connect(self._on_ended)
        self.changed.emit()

    def _score_next(self) -> None:
        images = self._state.images
        assert images is not None
        environment = self._state.preferences.environment_for(images.name)
        recipe, _ = self._pair[len(self._numbers)]
        job = lazily("snip_gui.core.methods.scoring:score_steps", recipe, environment, images)
        scoring = self._host.submit("study-pair", job, short=True)
        scoring.happened.connect(self._on_scored)

    # Events

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        match event:
            case StudyDone():
                self._done = self._latest = event
            case StudyAdvanced():
                self._latest = event
                self.changed.emit()
            case Progress():
                self.progressed.emit(event)

    @Slot()
    def _on_ended(self) -> None:
        self._job = None
        self.changed.emit()

    @Slot(object)
    def _on_scored(self, event: Event) -> None:
        if not isinstance(event, ScoringDone) or len(self._numbers) >= len(self._pair):
            return
        recipe, name = self._pair[len(self._numbers)]
        mask = Mask(event.scored, event.scored.num_kept_at(recipe.pruning.sparsity))
        try:
            self._numbers.append(self._pins.add(mask, name).number)
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return
        if len(self._numbers) < len(self._pair):
            self._score_next()
            return
        self._pins.choose(*self._numbers)
        self.compared.emit()


def _pin_recipe(pin: Pin) -> Recipe:
    """Return the recipe of a pinned mask, at its sparsity."""
    return with_value(pin.mask.scored.recipe, "pruning.sparsity", pin.sparsity)
