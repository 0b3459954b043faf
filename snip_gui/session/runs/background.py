"""Queues of runs that other processes train, so that several run at once and outlive the window."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QProcess, QTimer, Signal, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine.processes import pid_runs
from snip_gui.core.engine.crew import Crew
from snip_gui.core.engine.desk import Desk, stop_item
from snip_gui.core.engine.queues import QueueSeen, QueuesSeen, queue_command, save_plan
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.notices import Notice
from snip_gui.session.state.values import Activity, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import JobEnded
    from snip_gui.session.runs.run_list import Runs
    from snip_gui.session.runs.run_queue import RunQueue
    from snip_gui.session.state.preferences import Preferences
    from snip_gui.session.state.session_state import SessionState

ACTIVITY = "background-runs"
_LOOK_MS = 1000


class BackgroundRuns(QObject):
    """Starts, watches and stops queues in the runs folder, whoever started them."""

    changed = Signal()

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        runs: Runs,
        queue: RunQueue,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._runs, self._queue = state, host, runs, queue
        self._running: tuple[QueueSeen, ...] = ()
        self._starting: dict[Path, int] = {}  # process ids by folder of the desk
        self._is_looking = False
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self.look)
        runs.changed.connect(self.look)

    @property
    def running(self) -> tuple[QueueSeen, ...]:
        """The engines that train in the runs folder, including those of the command line."""
        return self._running

    @property
    def has_queues(self) -> bool:
        """Whether a queue that a window started is being trained, or about to be."""
        return bool(self._starting) or any(seen.is_queue for seen in self._running)

    @property
    def is_shown(self) -> bool:
        """Whether the status line shows the progress."""
        activity = self._state.status.activity
        return activity is not None and activity.kind == ACTIVITY

    @property
    def text(self) -> str:
        """The progress in a sentence; empty if nothing is being trained."""
        num_done = sum(seen.status.num_done for seen in self._running)
        total = sum(seen.status.total for seen in self._running)
        if not total:
            is_busy = self._running or self._starting
            return "Starting runs in the background." if is_busy else ""
        num_running = sum(len(seen.status.running) for seen in self._running)
        return f"In the background: {num_done} of {total} runs done, {num_running} running."

    @property
    def details(self) -> str:
        """What each worker is doing, one per line."""
        return "\n".join(line for seen in self._running for line in seen.status.running)

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the time left in seconds; None if unknown."""
        found = [seen.status.seconds_left for seen in self._running]
        known = [seconds for seconds in found if seconds is not None]
        return max(known) if known and len(known) == len(found) else None

    # Intents

    def start(self, recipes: Sequence[Recipe], number: int) -> None:
        """Train recipes in the background, which continues if the window is closed.

        Parameters
        ----------
        number
            Number of processes, unless a Dask cluster is preferred.
        """
        preferences = self._state.preferences
        environment = preferences.environment_for(recipes[0].data.name)
        # One thread each, as on the command line, so that results do not depend on the number.
        environment = dataclasses.replace(environment, num_threads=1)
        try:
            crew = _preferred_crew(preferences, number)
            desk = save_plan(recipes, preferences.runs_path, environment, str(crew))
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return
        self._start_process(desk)
        self._timer.start()
        self.changed.emit()

    def _start_process(self, desk: Desk) -> None:
        program, *arguments = queue_command(desk)
        is_started, pid = QProcess.startDetached(program, arguments)
        # If it is not, the next look finds a plan that nobody trains.
        self._starting[desk.folder] = pid if is_started else 0

    def stop_one(self, name: str) -> None:
        """Stop one of the runs by name; it keeps its progress, and the others continue."""
        try:
            stop_item(self._state.preferences.runs_path, name)
        except UserError as error:
            self._state.status.report(Problem.of(error))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the runs that are being trained."""
        return tuple(name for seen in self._running for name in seen.status.numbers)

    def stop(self) -> None:
        """Ask the queues that windows started to stop; they can be resumed at the next start."""
        self._ask(lambda desk: desk.ask_to_stop())

    def clear(self) -> None:
        """Ask everything to stop; what has not started is forgotten, progress is kept."""
        self._ask(lambda desk: desk.clear())

    @Slot()
    def look(self) -> None:
        """Find out what is being trained in the runs folder."""
        if self._is_looking or self._host.is_closed:
            return
        self._is_looking = True
        self._starting = {
            folder: pid for folder, pid in self._starting.items() if pid and pid_runs(pid)
        }
        job = lazily(
            "snip_gui.core.engine.queues:look_for_queues",
            self._state.preferences.runs_path,
            tuple(self._starting),
        )
        looking = self._host.submit(
            "queues", job, lane="io", short=True, replaces=False, background=True
        )
        looking.happened.connect(self._on_event)
        looking.ended.connect(self._on_ended)

    # Events

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if not isinstance(event, QueuesSeen):
            return
        before = {seen.desk: seen.status.num_done for seen in self._running}
        now = {seen.desk: seen.status.num_done for seen in event.running}
        self._running = event.running
        for desk in now:
            self._starting.pop(desk.folder, None)
        if event.running or self._starting:
            self._timer.start()
        else:
            self._timer.stop()
        self._show_activity()
        if event.failed:
            number = f"{len(event.failed)} {'run' if len(event.failed) == 1 else 'runs'}"
            text = f"{number} in the background failed. {' '.join(event.failed)}"
            self._state.notices.add(Notice("problem", text))
        self._queue.put_back(event.left)
        if before != now:
            self._runs.refresh()
        self.changed.emit()

    @Slot(object)
    def _on_ended(self, _ended: JobEnded) -> None:
        self._is_looking = False

    def _show_activity(self) -> None:
        """Show the progress in the status line, unless there is something else to show."""
        status = self._state.status
        if status.activity is not None and not self.is_shown:
            return
        if not self.text:
            status.set_activity(None)
            return
        done = sum(seen.status.num_done for seen in self._running)
        total = sum(seen.status.total for seen in self._running)
        status.set_activity(Activity(ACTIVITY, self.text, done, total, self.seconds_left))

    def _ask(self, ask: Callable[[Desk], None]) -> None:
        """Ask every engine of a window something."""
        folders = [seen.desk for seen in self._running if seen.is_queue]
        try:
            for desk in (*folders, *(Desk(folder) for folder in self._starting)):
                ask(desk)
        except UserError as error:
            self._state.status.report(Problem.of(error))


def _preferred_crew(preferences: Preferences, number: int) -> Crew:
    """Return who trains; raises `UserError` for a cluster without an address."""
    if preferences.executor != "dask":
        return Crew("processes", number)
    if not preferences.dask_address:
        raise UserError(
            "Runs in the background use a Dask cluster, but its address is missing.",
            "Enter the address of its scheduler under Edit > Preferences, or choose processes on "
            "this machine.",
        )
    return Crew("dask", address=preferences.dask_address)
