"""Scores by itself after a change, as long as scoring is fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import JobEnded
    from snip_gui.session.state.session_state import SessionState

_FAST_SECONDS = 0.3
_PAUSE_MS = 30  # several fields may change at once


class LiveScoring(QObject):
    """Asks for a new scoring if the last one took less than 0.3 s.

    Parameters
    ----------
    score
        Scores the recipe of the session.
    """

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        score: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._score = state, host, score
        self._failed_for = ""
        self._soon = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._soon.timeout.connect(self._on_time)
        host.ended.connect(self._on_ended)
        for signal in (state.recipe_changed, state.images_changed, state.preferences_changed):
            signal.connect(self._soon.start)

    @Slot()
    def _on_time(self) -> None:
        state = self._state
        is_fast = state.scored is not None and state.scored.seconds < _FAST_SECONDS
        is_idle = not self._host.is_closed and not self._host.is_busy("score")
        wanted = state.preferences.live_scoring and self._failed_for != state.score_key
        if is_fast and is_idle and wanted and state.is_stale and state.can_score:
            self._score()

    @Slot(object)
    def _on_ended(self, ended: JobEnded) -> None:
        if ended.kind != "score":
            return
        if ended.outcome != "done" and not self._host.is_busy("score"):
            self._failed_for = self._state.score_key  # not again and again
        self._soon.start()  # the recipe may have changed meanwhile
