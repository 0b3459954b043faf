"""Saves the picture of the mask, as the slider plays it, as an animation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.session.jobs.lazily import lazily

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from snip_gui.core.base.events import Event
    from snip_gui.core.reports.animation import AnimatedView
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.state.session_state import SessionState


class Animator(QObject):
    """Draws and writes in the io lane; progress and errors are shown as for any other job."""

    saved = Signal(object)  # Path
    told = Signal(str)  # a sentence to show briefly

    def __init__(self, state: SessionState, host: JobHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._host = state, host

    def save(self, view: AnimatedView, sparsities: Sequence[float], path: Path) -> None:
        """Write an animation of the shown mask."""
        scored = self._state.scored
        if scored is None:
            return
        self._state.status.set_problem(None)
        job = lazily(
            "snip_gui.core.reports.animation:animation_steps", scored, view, sparsities, path
        )
        self._host.submit("animation", job, lane="io").happened.connect(self._on_event)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        # Imported late, because it imports Pillow.
        from snip_gui.core.reports.animation import AnimationSaved

        if isinstance(event, AnimationSaved):
            self._state.notices.info(f"Saved the animation to {event.path}.")
            self.saved.emit(event.path)
            self.told.emit(f"Saved {event.path.name}")
