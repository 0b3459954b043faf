"""Measures what parts of runs take on disk, and removes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.text import size_text
from snip_gui.core.sharing.slimming import RemovableMeasured, Slimmed
from snip_gui.session.jobs.lazily import lazily

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from snip_gui.core.base.events import Event
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import JobEnded
    from snip_gui.session.state.session_state import SessionState


class Slimmer(QObject):
    """Frees disk space.

    Parameters
    ----------
    refresh
        Lists the runs again.
    """

    measured = Signal(object)  # RemovableMeasured

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        refresh: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._refresh = state, host, refresh
        self._num_bytes = 0

    def measure(self, folders: Sequence[Path]) -> None:
        """Measure the parts of runs; emits `measured`."""
        job = lazily("snip_gui.core.sharing.slimming:measure_job", tuple(folders))
        measuring = self._host.submit("measure-parts", job, lane="io", short=True, background=True)
        measuring.happened.connect(self._on_event)

    def slim(self, folders: Sequence[Path], parts: Sequence[str]) -> None:
        """Remove parts of runs, given by name."""
        self._state.status.set_problem(None)
        self._num_bytes = 0
        job = lazily("snip_gui.core.sharing.slimming:slim_job", tuple(folders), tuple(parts))
        slimming = self._host.submit("slim", job, lane="io", short=True, replaces=False)
        slimming.happened.connect(self._on_event)
        slimming.ended.connect(self._on_ended)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, RemovableMeasured):
            self.measured.emit(event)
        elif isinstance(event, Slimmed):
            self._num_bytes += event.num_bytes

    @Slot(object)
    def _on_ended(self, _ended: JobEnded) -> None:
        self._state.notices.info(f"Slimming freed {size_text(self._num_bytes)}.")
        self._refresh()
