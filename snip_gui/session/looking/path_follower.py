"""Follows the kept connections of large networks in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from snip_gui.core.pruning.events import PathsFollowed
from snip_gui.session.jobs.lazily import lazily

if TYPE_CHECKING:
    from snip_gui.core.base.events import Event
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.state.session_state import SessionState


class PathFollower(QObject):
    """Updates the state with what stays connected under the latest mask."""

    def __init__(self, state: SessionState, host: JobHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._host = state, host
        state.sparsity_settled.connect(self._follow)

    @Slot()
    def _follow(self) -> None:
        scored = self._state.scored
        if self._host.is_closed:  # the slider's timer may fire after the window has closed
            return
        if scored is not None and scored.is_slow_to_follow and self._state.paths.reach() is None:
            num_kept = self._state.num_kept
            job = lazily("snip_gui.core.methods.scoring:follow_paths", scored, num_kept)
            following = self._host.submit("paths", job, lane="io", short=True, background=True)
            following.happened.connect(self._on_event)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, PathsFollowed):
            self._state.paths.set_followed(
                event.scored, event.num_kept, event.reach, event.on_paths
            )
