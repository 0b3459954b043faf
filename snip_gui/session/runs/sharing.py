"""Shares runs as bundles, and opens those of others read-only."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.minibatch.own_images import copy_images
from snip_gui.core.runs.events import RunDone
from snip_gui.core.runs.folder import IMAGES
from snip_gui.core.sharing.bundle import Bundled
from snip_gui.core.sharing.events import Verified
from snip_gui.core.sharing.opening import BundleOpened, recipe_in
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.jobs.host import JobHost, Lane
    from snip_gui.session.jobs.job import Job, JobEnded, JobFactory
    from snip_gui.session.state.session_state import SessionState


class Sharing(QObject):
    """Writes bundles, and opens them.

    Parameters
    ----------
    save_run
        Saves the current state as a run; returns the job.
    refresh
        Lists the runs again.
    """

    opened = Signal(object)  # OpenedBundle
    written = Signal(object)  # Bundled

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        save_run: Callable[[], Job | None],
        refresh: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host = state, host
        self._save_run, self._refresh = save_run, refresh
        self._path: Path | None = None

    @property
    def can_share(self) -> bool:
        """Whether there is a current run, or a state that can be saved as one."""
        return self._current_run() is not None or self._state.can_train

    def _current_run(self) -> Path | None:
        training = self._state.training
        if training is None or training.summary is None or training.is_active:
            return None
        return training.folder

    def share(self, path: Path, folder: Path | None = None) -> None:
        """Write a bundle of a run, or of the current one; an unsaved state is saved first."""
        self._state.status.set_problem(None)
        folder = folder or self._current_run()
        if folder is not None:
            self._write(folder, path)
            return
        saving = self._save_run()
        if saving is not None:
            self._path = path
            saving.happened.connect(self._on_saved)

    def open(self, path: Path) -> None:
        """Check a bundle and unpack it into a temporary folder; emits `opened`."""
        self._state.status.set_problem(None)
        place = _TemporaryPlace()
        job = lazily("snip_gui.core.sharing.opening:open_bundle", path, place.folder)
        opening = self._host.submit("open_bundle", job, lane="io", short=True, replaces=False)

        def show(event: Event) -> None:
            if isinstance(event, BundleOpened):
                self.opened.emit(OpenedBundle(event, place, self._state, self._host, self._refresh))

        opening.happened.connect(show)

    def _write(self, folder: Path, path: Path) -> None:
        job = lazily("snip_gui.core.sharing.bundle:write_bundle", folder, path)
        writing = self._host.submit("bundle", job, lane="io", short=True, replaces=False)
        writing.happened.connect(self._on_written)

    @Slot(object)
    def _on_saved(self, event: Event) -> None:
        if isinstance(event, RunDone) and self._path is not None:
            self._write(event.folder, self._path)
            self._path = None

    @Slot(object)
    def _on_written(self, event: Event) -> None:
        if isinstance(event, Bundled):
            self._state.notices.info(f"Shared the run as {event.path}.")
            self.written.emit(event)


class _TemporaryPlace:
    """A path in a temporary folder, which is removed when this object is, or at exit."""

    def __init__(self) -> None:
        parent = tempfile.mkdtemp(prefix="snip-gui-")
        self.folder = Path(parent) / "run"
        weakref.finalize(self, shutil.rmtree, parent, ignore_errors=True)


class OpenedBundle(QObject):
    """A bundle that is open, with its run in a temporary folder.

    Attributes
    ----------
    content
        What was found in it.
    kept
        Its folder in the runs folder, once it was added.
    verified
        The result of `verify`; None until then.
    problem
        Why the last action failed.
    """

    changed = Signal()

    def __init__(
        self,
        content: BundleOpened,
        place: _TemporaryPlace,
        state: SessionState,
        host: JobHost,
        refresh: Callable[[], None],
    ) -> None:
        super().__init__()
        self.content = content
        self._place, self._state, self._host, self._refresh = place, state, host, refresh
        self._jobs: list[Job] = []
        self.kept: Path | None = None
        self.verified: Verified | None = None
        self.problem: Problem | None = None

    @property
    def is_busy(self) -> bool:
        """Whether its mask is being recomputed, or it is being added."""
        return any(job.is_open for job in self._jobs)

    @property
    def needs_keeping(self) -> bool:
        """Whether its recipe needs a file of the bundle that only an added run keeps."""
        return bool(self.content.recipe.model.file) and self.kept is None

    def verify(self) -> None:
        """Recompute its mask and compare it bit for bit; code is run only if agreed to before."""
        environment = self._state.preferences.environment_for(self.content.recipe.data.name)
        job = lazily(
            "snip_gui.core.sharing.opening:verify_at_once", self.content.folder, environment
        )
        self._submit("verify", job, "compute")

    def keep(self) -> None:
        """Add it to the runs folder."""
        job = lazily(
            "snip_gui.core.sharing.opening:keep_bundle",
            self.content.path,
            self._state.preferences.runs_path,
        )
        self._submit("keep_bundle", job, "io").ended.connect(self._refresh)

    def take_recipe(self) -> Recipe | None:
        """Return its recipe for editing, and copy its own images; None if that fails."""
        folder = self.kept or self.content.folder
        kept = self._state.preferences.environment.image_folders
        try:
            copy_images(self.content.recipe, (folder / IMAGES,), kept[0])
        except UserError as error:
            self.problem = Problem.of(error)
            self.changed.emit()
            return None
        return recipe_in(folder, self.content.recipe)

    @Slot()
    def close(self) -> None:
        """Stop its jobs and remove the temporary folder."""
        for job in self._jobs:
            job.drop()
        if not self._host.is_closed:
            removal = lazily("snip_gui.core.sharing.opening:discard", self.content.folder)
            self._host.submit("discard", removal, lane="io", short=True, replaces=False)

    def _submit(self, kind: str, job: JobFactory, lane: Lane) -> Job:
        self.problem = None
        made = self._host.submit(kind, job, lane=lane, short=True, replaces=False)
        self._jobs.append(made)
        made.happened.connect(self._on_event)
        made.ended.connect(self._on_ended)
        self.changed.emit()
        return made

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, Bundled):
            self.kept = event.path
        elif isinstance(event, Verified):
            self.verified = event

    @Slot(object)
    def _on_ended(self, ended: JobEnded) -> None:
        if ended.outcome in ("failed", "crashed"):
            self.problem = Problem(ended.message, ended.hint)
        self.changed.emit()
