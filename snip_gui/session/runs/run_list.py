"""The list of runs: notes, names, deletion, overlays on charts, and the offer to resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.minibatch.own_images import copy_images
from snip_gui.core.runs.events import RunCurvesRead, RunMoved, RunsListed
from snip_gui.core.runs.folder import IMAGES
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.runs.slimmer import Slimmer
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.edits import RunNotes
    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.core.training.metrics import MetricPoint
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import Job, JobFactory
    from snip_gui.session.state.session_state import SessionState


class Runs(QObject):
    """Keeps the list of runs up to date; disk access happens in the io lane."""

    changed = Signal()  # the runs, or whether a deletion can be undone
    checked_changed = Signal()  # the runs overlaid on charts, or their curves
    offer_changed = Signal()
    deleted = Signal()  # runs were moved to the bin

    def __init__(self, state: SessionState, host: JobHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._host = state, host
        self.slimmer = Slimmer(state, host, self.refresh, self)
        self._entries: tuple[RunEntry, ...] = ()
        self._is_listed = False
        self._checked: tuple[Path, ...] = ()
        self._curves: dict[Path, tuple[MetricPoint, ...]] = {}
        self._offer: RunEntry | None = None
        # Deletions that can be undone, each as former and current paths of runs.
        self._deleted: list[dict[Path, Path]] = []
        self._runs_path = state.preferences.runs_path
        self._training_folder: Path | None = None
        state.training_changed.connect(self._on_training_changed)
        state.preferences_changed.connect(self._on_preferences_changed)

    # Contents

    @property
    def entries(self) -> tuple[RunEntry, ...]:
        """All runs, newest first."""
        return self._entries

    @property
    def is_listed(self) -> bool:
        """Whether the runs folder has been read."""
        return self._is_listed

    @property
    def checked(self) -> tuple[RunEntry, ...]:
        """The runs overlaid on charts, in the order chosen."""
        known = {entry.folder: entry for entry in self._entries}
        return tuple(known[folder] for folder in self._checked if folder in known)

    def curve(self, entry: RunEntry) -> tuple[MetricPoint, ...]:
        """Return the metric points of a checked run; empty until they have been read."""
        return self._curves.get(entry.folder, ())

    @property
    def offer(self) -> RunEntry | None:
        """The newest run, if it was interrupted before this session and the offer is still open."""
        return self._offer

    @property
    def num_deleted(self) -> int:
        """Number of runs in the last deletion that can be undone; 0 if there is none."""
        return len(self._deleted[-1]) if self._deleted else 0

    def name_of(self, folder: Path) -> str:
        """Return the display name of a run; that of its folder if it is not listed."""
        names = (entry.name for entry in self._entries if entry.folder == folder)
        return next(names, folder.name)

    # Intents

    @Slot()
    def refresh(self) -> None:
        """Read the runs folder again; unchanged runs are not read again."""
        if not self._host.is_closed:
            runs_path = self._state.preferences.runs_path
            job = lazily("snip_gui.core.runs.jobs:list_job", runs_path, self._entries)
            listing = self._host.submit("runs", job, lane="io", short=True, background=True)
            listing.happened.connect(self._on_event)

    def check(self, folder: Path, checked: bool) -> None:
        """Overlay a run on the charts, or remove it."""
        others = tuple(known for known in self._checked if known != folder)
        self._checked = (*others, folder) if checked else others
        self._curves.pop(folder, None)
        self._read_curves()
        self.checked_changed.emit()

    def set_notes(self, entry: RunEntry, **changes: object) -> None:
        """Change star or note of a run."""
        notes: RunNotes = msgspec.structs.replace(entry.notes, **changes)
        if notes != entry.notes:
            self._edit(lazily("snip_gui.core.runs.jobs:note_job", entry.folder, notes))

    def rename(self, entry: RunEntry, name: str) -> None:
        """Rename a run; an empty name restores the automatic one."""
        name = name.strip()
        self.set_notes(entry, name="" if name == entry.label else name)

    def take_recipe(self, entry: RunEntry) -> Recipe | None:
        """Return a run's recipe for editing, and copy its own images; None if it has no recipe."""
        if entry.recipe is not None:
            kept = self._state.preferences.environment.image_folders
            try:
                copy_images(entry.recipe, (entry.folder / IMAGES,), kept[0])
            except UserError as error:
                self._state.status.report(Problem.of(error))
                return None
        return entry.recipe

    def delete(self, entries: Iterable[RunEntry]) -> None:
        """Move runs to the bin, as a single deletion that can be undone."""
        folders = tuple(entry.folder for entry in entries)
        if folders:
            job = lazily("snip_gui.core.runs.jobs:bin_job", folders)
            self._move(job, {})

    def undo_delete(self) -> None:
        """Move the runs of the last deletion out of the bin."""
        if self._deleted:
            moves = self._deleted.pop()
            restored = tuple((place, folder) for folder, place in moves.items())
            job = lazily("snip_gui.core.runs.jobs:restore_job", restored)
            self._move(job, moves)
            self.changed.emit()

    def dismiss_offer(self) -> None:
        """Decline to resume the interrupted run."""
        if self._offer is not None:
            self._offer = None
            self.offer_changed.emit()

    def _edit(self, factory: JobFactory) -> Job:
        """Submit a job that changes run folders."""
        job = self._host.submit(
            "run-edit", factory, lane="io", short=True, replaces=False, background=True
        )
        job.happened.connect(self._on_event)
        job.ended.connect(self.refresh)
        return job

    def _move(self, factory: JobFactory, moves: dict[Path, Path]) -> None:
        """Submit a job that deletes or restores runs.

        Parameters
        ----------
        moves
            Former and current paths of runs in the bin, kept up to date. Those that remain at the
            end can be restored (again).
        """

        def note(event: Event) -> None:
            if isinstance(event, RunMoved) and event.restored:
                del moves[event.place]
            elif isinstance(event, RunMoved):
                moves[event.folder] = event.place

        def keep() -> None:
            if moves:
                self._deleted.append(moves)
                self.deleted.emit()
                self.changed.emit()

        job = self._edit(factory)
        job.happened.connect(note)
        job.ended.connect(keep)

    def _read_curves(self) -> None:
        missing = tuple(folder for folder in self._checked if folder not in self._curves)
        if missing:
            job = lazily("snip_gui.core.runs.jobs:curves_job", missing)
            reading = self._host.submit("curves", job, lane="io", short=True, background=True)
            reading.happened.connect(self._on_event)

    # Updates

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        match event:
            case RunsListed(_, entries):
                self._show(entries)
            case RunCurvesRead(folder, points) if folder in self._checked:
                self._curves[folder] = points
                self.checked_changed.emit()
            case RunMoved() as moved:
                self._follow(moved)

    @Slot()
    def _on_training_changed(self) -> None:
        """List a training run once it has a folder; training closes an open offer."""
        training = self._state.training
        folder = training.folder if training is not None and training.num_kept else None
        if folder is not None and folder != self._training_folder:
            self.refresh()
        self._training_folder = folder
        if training is not None:
            self.dismiss_offer()

    @Slot()
    def _on_preferences_changed(self) -> None:
        if self._state.preferences.runs_path != self._runs_path:
            self._runs_path = self._state.preferences.runs_path
            self.refresh()

    def _show(self, entries: tuple[RunEntry, ...]) -> None:
        """Replace the runs; read the curves of those that have continued."""
        before = {entry.folder: entry.signature for entry in self._entries}
        is_first, self._is_listed = not self._is_listed, True
        self._entries = entries
        there = {entry.folder: entry.signature for entry in entries}
        self._checked = tuple(folder for folder in self._checked if folder in there)
        for folder in self._checked:
            if there[folder] != before.get(folder):
                self._curves.pop(folder, None)
        self._read_curves()
        self.changed.emit()
        self.checked_changed.emit()
        if is_first and entries and entries[0].state == "stopped" and not self._state.training:
            self._offer = entries[0]
            self.offer_changed.emit()

    def _follow(self, moved: RunMoved) -> None:
        """Update the path of a run that was moved."""
        if self._offer is not None and self._offer.folder == moved.folder:
            self.dismiss_offer()
        training = self._state.training
        if training is not None and training.folder == moved.folder and not training.is_active:
            self._state.set_training(None)
