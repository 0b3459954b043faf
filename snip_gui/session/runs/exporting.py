"""Export of a run: the cost of each format, and writing the chosen files."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base import events as ev
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.data.sets.catalogue import dataset_title
from snip_gui.core.export.events import Costs, ExportDone, FormatMeasured, SpeedMeasured
from snip_gui.core.models.networks import network_title
from snip_gui.core.runs.events import RunDone
from snip_gui.core.runs.folder import read_recipe, read_summary
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import Job, JobEnded
    from snip_gui.session.state.session_state import SessionState


class Exporter(QObject):
    """Selects, measures and exports a run.

    Parameters
    ----------
    save_run
        Saves the current state as a run to export; returns the job.
    find_images
        Returns the data set of a recipe if it is in memory.
    """

    changed = Signal()
    exported = Signal(object)  # ExportDone

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        save_run: Callable[[], Job | None],
        find_images: Callable[[Recipe], ImageSet | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host = state, host
        self._save_run, self._find_images = save_run, find_images
        self._saving: Job | None = None
        self._measuring: Job | None = None
        self._exporting: Job | None = None
        self._forget(None)

    def _forget(self, folder: Path | None) -> None:
        self._folder = folder
        self.description = "" if folder is None else _described(folder)
        self.formats: dict[str, FormatMeasured] = {}
        self.speeds: dict[str, SpeedMeasured] = {}
        self.done: tuple[ExportDone, ...] = ()
        self.progress: ev.Progress | None = None
        self.problem: Problem | None = None

    @property
    def folder(self) -> Path | None:
        """The run to export; None until the current state has been saved as one."""
        return self._folder

    @property
    def is_measuring(self) -> bool:
        """Whether sizes or speeds are being measured."""
        return _is_open(self._saving) or _is_open(self._measuring)

    @property
    def is_exporting(self) -> bool:
        """Whether files are being written."""
        return _is_open(self._exporting)

    def choose(self, folder: Path | None = None) -> None:
        """Choose a run, the current one by default; an unsaved state is saved as a run first."""
        training = self._state.training
        if folder is None and training is not None and training.summary is not None:
            folder = training.folder
        self._forget(folder)
        if folder is None:
            self._saving = self._listen(self._save_run())
        else:
            self._measure(folder)
        self.changed.emit()

    def export(self, wanted: Sequence[tuple[str, Path]], *, allow_changes: bool = False) -> None:
        """Export the run to files, given as pairs of format and path.

        Parameters
        ----------
        allow_changes
            Whether 8-bit integers may change the classes of any number of test images.
        """
        folder = self._folder
        if folder is None:
            return
        self.done, self.problem = (), None
        self.leave()
        try:
            recipe = read_recipe(folder)
        except UserError as error:
            self.problem = Problem.of(error)
            self.changed.emit()
            return
        environment = self._state.preferences.environment_for(recipe.data.name)
        job = lazily(
            "snip_gui.core.export.export:export_all",
            folder,
            wanted,
            environment=environment,
            images=self._find_images(recipe),
            overwrite=True,  # the dialog lists the files to be replaced
            allow_changes=allow_changes,
            costs=Costs(dict(self.formats), dict(self.speeds)),
        )
        self._exporting = self._listen(self._host.submit("export", job, short=True))
        self.changed.emit()

    def cancel(self) -> None:
        """Stop writing; incomplete files are left unchanged."""
        if self._exporting is not None:
            self._exporting.cancel()

    def leave(self) -> None:
        """Stop measuring, because the dialog was closed."""
        if self._measuring is not None:
            self._measuring.cancel()

    def _measure(self, folder: Path) -> None:
        environment, images = self._state.preferences.environment, None
        with contextlib.suppress(UserError):  # which measuring reports
            recipe = read_recipe(folder)
            environment = self._state.preferences.environment_for(recipe.data.name)
            images = self._find_images(recipe)
        job = lazily(
            "snip_gui.core.export.measuring:measure_run", folder, environment, images=images
        )
        self._measuring = self._listen(self._host.submit("measure-export", job, short=True))

    def _listen(self, job: Job | None) -> Job | None:
        if job is not None:
            job.happened.connect(self._on_event)
            job.ended.connect(self._on_ended)
        return job

    @Slot(object)
    def _on_event(self, event: ev.Event) -> None:
        match event:
            case FormatMeasured() as measured if measured.folder == self._folder:
                self.formats[measured.format_name] = measured
            case SpeedMeasured() as speed if speed.folder == self._folder:
                self.speeds[speed.run_as] = speed
            case ExportDone() as done:
                self.done = (*self.done, done)
                self.exported.emit(done)
            case RunDone(folder) if self._folder is None:
                self._forget(folder)
                self._measure(folder)
            case ev.Progress() as progress:
                self.progress = progress
            case _:
                return
        self.changed.emit()

    @Slot(object)
    def _on_ended(self, ended: JobEnded) -> None:
        self.progress = None
        if ended.outcome in ("failed", "crashed"):
            self.problem = Problem(ended.message, ended.hint)
        elif ended.outcome == "cancelled" and ended.kind == "export":
            self.problem = Problem("Stopped. Files that had not been written yet are unchanged.")
        self.changed.emit()


def _is_open(job: Job | None) -> bool:
    return job is not None and job.is_open


def _described(folder: Path) -> str:
    """Return a sentence on a run; empty if it is unreadable, which measuring reports."""
    try:
        recipe, summary = read_recipe(folder), read_summary(folder)
    except UserError:
        return ""
    what = f"{network_title(recipe.model)} on {dataset_title(recipe.data.name)}"
    text = f"{what}, {sparsity_text(summary.sparsity)} of its connections removed"
    if not summary.step:
        return f"{text}. It is untrained: its weights are the initial ones."
    error = (
        f", test error {1 - summary.final['test'].accuracy:.2%}" if "test" in summary.final else ""
    )
    return f"{text}, trained for {summary.step:,} steps{error}."
