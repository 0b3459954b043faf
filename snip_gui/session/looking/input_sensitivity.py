"""The sensitivity of the inputs, computed in the background while a view shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from snip_gui.core.pruning.events import InputSensitivityMade
from snip_gui.session.jobs.lazily import lazily

if TYPE_CHECKING:
    from snip_gui.core.base.events import Event
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.state.session_state import SessionState

_REST_MS = 60  # the slider rests


class InputSensitivity(QObject):
    """The latest result for the shown scores, which may be of another sparsity."""

    changed = Signal()

    def __init__(self, state: SessionState, host: JobHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._host = state, host
        self._made: InputSensitivityMade | None = None
        self._is_wanted = False
        self._rest = QTimer(self, singleShot=True, interval=_REST_MS)
        self._rest.timeout.connect(self._compute)
        state.sparsity_settled.connect(self._rest.start)

    def want(self, *, wanted: bool) -> None:
        """Set whether a view shows it."""
        if wanted and not self._is_wanted:
            self._rest.start()
        self._is_wanted = wanted

    @property
    def made(self) -> InputSensitivityMade | None:
        """The latest result for the shown scores; None if there is none."""
        if self._made is None or self._made.scored is not self._state.scored:
            return None
        return self._made

    @property
    def is_current(self) -> bool:
        """Whether the result is that of the shown mask."""
        return self.made is not None and self.made.num_kept == self._state.num_kept

    @Slot()
    def _compute(self) -> None:
        scored, images = self._state.scored, self._state.images
        is_ready = self._is_wanted and not self._host.is_closed and not self.is_current
        if not is_ready or scored is None or images is None:
            return
        if images.digest != scored.images_digest:  # those of an earlier data set
            return
        job = lazily(
            "snip_gui.core.execution.input_sensitivity:input_sensitivity_job",
            scored,
            self._state.num_kept,
            self._state.preferences.environment_for(images.name),
            images,
        )
        computing = self._host.submit("inputs", job, short=True, background=True)
        computing.happened.connect(self._on_event)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, InputSensitivityMade):
            self._made = event
            self.changed.emit()
