"""Following the kept connections of large networks in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from snip_gui.core.pruning.events import PathsFollowed
from snip_gui.session.jobs.lazily import lazily

if TYPE_CHECKING:
    from snip_gui.session.jobs.host import JobEvent, JobHost
    from snip_gui.session.state.session_state import SessionState


class PathFollower(QObject):
    """Keeps the state told of what the mask leaves connected, the last mask only."""

    def __init__(self, state: SessionState, host: JobHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._host = state, host
        self._job_id = 0
        state.sparsity_settled.connect(self._follow)
        host.happened.connect(self._on_event)

    @Slot()
    def _follow(self) -> None:
        scored = self._state.scored
        if self._host.is_closed:  # the slider's timer may end after the window
            return
        if scored is not None and scored.is_slow_to_follow and self._state.reach() is None:
            num_kept = self._state.num_kept
            job = lazily("snip_gui.core.pruning.scoring:follow_paths", scored, num_kept)
            self._job_id = self._host.submit("paths", job, lane="io", short=True)

    @Slot(object)
    def _on_event(self, item: JobEvent) -> None:
        match item.event:
            case PathsFollowed(scored, num_kept, found, on_paths) if item.job_id == self._job_id:
                self._state.set_paths(scored, num_kept, found, on_paths)
