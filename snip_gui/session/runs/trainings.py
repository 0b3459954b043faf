"""The current training run: starts, stops, resumes and extends it, and updates the state."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.errors import EditedError, UserError
from snip_gui.core.runs.events import RunDone
from snip_gui.core.runs.extend import extended, refuse_extending
from snip_gui.core.runs.folder import read_recipe, read_summary
from snip_gui.core.runs.placing import is_half_made, refuse_edited
from snip_gui.core.training.events import (
    MasksChanged,
    PointsMeasured,
    TrainingPaused,
    TrainingStarted,
)
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.values import Problem, TrainingState

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.training.watching import WeightWatch
    from snip_gui.session.choosing.data_chooser import DataChooser
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import Job, JobEnded, JobFactory
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.session.state.values import TrainingPhase


class Trainings(QObject):
    """Runs training in the compute lane, one run at a time."""

    happened = Signal(object)  # Event of training, after the state was updated
    ended = Signal()  # after the state was updated
    edited = Signal(object, str)  # folder (Path) of a run with an edited recipe, question to ask

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        data: DataChooser,
        watch: WeightWatch,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._data, self._watch = state, host, data, watch
        self._job: Job | None = None
        self._failure = ""

    @property
    def failure(self) -> str:
        """Why the last training run failed, if the user can fix it; otherwise empty."""
        return self._failure

    # Intents

    def train(self, recipe: Recipe, *, again: bool = False) -> None:
        """Train a recipe, not necessarily the current one.

        If it was trained before, by whatever program, that run is resumed, or shown if it is done.

        Parameters
        ----------
        again
            Whether to make a new run in any case.
        """
        environment = self._state.preferences.environment_for(recipe.data.name)
        images = self._data.find_images(recipe)
        runs_path = self._state.preferences.runs_path
        if again:
            job = lazily(
                "snip_gui.core.execution.run:run_new_steps",
                recipe,
                runs_path,
                environment,
                images=images,
                watch=self._watch,
            )
        else:
            job = lazily(
                "snip_gui.core.execution.complete:complete_listed_steps",
                recipe,
                runs_path,
                environment,
                images=images,
                watch=self._watch,
            )
        self._begin(recipe, None, job)

    def stop(self) -> None:
        """Ask training to stop; its progress is kept."""
        training = self._state.training
        if training is not None and training.is_active:
            self._state.set_training(dataclasses.replace(training, phase="stopping"))
            if self._job is not None:
                self._job.cancel()

    def resume(self, folder: Path, *, accept_edits: bool = False) -> None:
        """Resume training of any run.

        Parameters
        ----------
        accept_edits
            Whether to resume although its recipe was edited; otherwise `edited` is emitted.
        """
        if self._is_busy:
            return
        self._state.status.set_problem(None)
        try:
            recipe = read_recipe(folder)
            if not accept_edits and not is_half_made(folder):
                refuse_edited(folder, recipe, read_summary(folder))
        except EditedError as error:
            self.edited.emit(folder, error.message)
            return
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return
        environment = self._state.preferences.environment_for(recipe.data.name)
        job = lazily(
            "snip_gui.core.execution.resume:resume_steps",
            folder,
            environment,
            images=self._data.find_images(recipe),
            watch=self._watch,
            accept_edits=accept_edits,
        )
        self._begin(recipe, folder, job)

    def extend(self, folder: Path, epochs: int, rate: float = 0.0) -> None:
        """Train a copy of a finished run for more epochs; a rate of 0 stands for its last one."""
        if self._is_busy:
            return
        self._state.status.set_problem(None)
        try:
            refuse_extending(folder)
            recipe = extended(read_recipe(folder), epochs, rate)
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return
        environment = self._state.preferences.environment_for(recipe.data.name)
        images = self._data.find_images(recipe)
        job = lazily(
            "snip_gui.core.execution.resume:extend_new_steps",
            folder,
            self._state.preferences.runs_path,
            recipe,
            environment,
            images=images,
            watch=self._watch,
        )
        self._begin(recipe, None, job)

    @property
    def _is_busy(self) -> bool:
        training = self._state.training
        return training is not None and training.is_active

    def _begin(self, recipe: Recipe, folder: Path | None, job: JobFactory) -> None:
        self._state.status.set_problem(None)
        self._state.set_training(TrainingState(recipe, "preparing", folder))
        self._job = self._host.submit("train", job)
        self._job.happened.connect(self._on_event)
        self._job.ended.connect(self._on_ended)

    # Events

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        match event:
            case TrainingStarted() as started:
                self._started(started)
            case TrainingPaused(text) if self._state.training is not None:
                self._state.notices.info(text or "Training resumed.")
                training = dataclasses.replace(self._state.training, waits_for=text)
                self._state.set_training(training)
            case MasksChanged(num_kept) if self._state.training is not None:
                training = dataclasses.replace(self._state.training, num_kept=num_kept)
                self._state.set_training(training)
            case PointsMeasured(points):
                self._state.add_points(points)
            case RunDone(folder, summary):
                self._done(folder, summary)
        self.happened.emit(event)

    @Slot(object)
    def _on_ended(self, ended: JobEnded) -> None:
        """Close a training run that ended without a result: there is nothing to resume."""
        self._failure = ended.message if ended.outcome == "failed" else ""
        training = self._state.training
        if training is not None and training.is_active:
            is_gone = ended.outcome == "cancelled" and not training.points
            failed = None if is_gone else dataclasses.replace(training, phase="failed")
            self._state.set_training(failed)
        self.ended.emit()

    def _started(self, started: TrainingStarted) -> None:
        training = self._state.training
        assert training is not None
        phase: TrainingPhase = "stopping" if training.phase == "stopping" else "running"
        self._state.set_training(
            dataclasses.replace(
                training,
                phase=phase,
                folder=started.folder,
                num_kept=started.num_kept,
                num_parameters=started.num_parameters,
                step=started.first_step,
                num_steps=started.num_steps,
                rates=started.rates,
            )
        )

    def _done(self, folder: Path, summary: Summary) -> None:
        self._state.notices.info(f"Saved the run in {folder}.")
        training = self._state.training
        if training is not None:
            phases: dict[str, TrainingPhase] = {"finished": "finished", "diverged": "failed"}
            phase = phases.get(summary.state, "stopped")
            self._state.set_training(
                dataclasses.replace(
                    training,
                    phase=phase,
                    folder=folder,
                    num_kept=summary.num_kept,
                    num_parameters=summary.num_parameters,
                    step=summary.step,
                    num_steps=summary.num_steps,
                    summary=summary,
                    waits_for="",
                )
            )
