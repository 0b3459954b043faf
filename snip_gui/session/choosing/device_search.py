"""Loads torch in the background, and records the devices that it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.events import DevicesFound
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.values import Activity

if TYPE_CHECKING:
    from snip_gui.core.base.events import Event
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import JobEnded
    from snip_gui.session.state.session_state import SessionState


class DeviceSearch(QObject):
    """Updates the devices of the state."""

    found = Signal()

    def __init__(self, state: SessionState, host: JobHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._host = state, host

    def start(self) -> None:
        """Load torch."""
        self._state.status.set_activity(Activity("devices", "Loading torch"))
        job = lazily("snip_gui.core.base.machine.optional_packages:load_torch")
        search = self._host.submit("devices", job, background=True)
        search.happened.connect(self._on_event)
        search.ended.connect(self._on_ended)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, DevicesFound):
            self._state.set_devices(event.devices, event.versions)
            self._state.notices.info(f"torch {dict(event.versions)['torch']} has loaded.")
            self.found.emit()

    @Slot(object)
    def _on_ended(self, ended: JobEnded) -> None:
        """Record that torch failed to load."""
        if ended.outcome in ("failed", "crashed"):
            self._state.set_devices((), (("torch", ended.message),))
