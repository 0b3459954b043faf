"""The status bar: current activity, progress, device, and a button to cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from snip_gui.core.base.text import duration_text
from snip_gui.session.state.values import torch_text
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.session.state.session_state import SessionState

_FLASH_MS = 5000


class StatusLine(QWidget):
    """The line in the status bar."""

    cancel_asked = Signal()

    def __init__(self, state: SessionState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._text = named(Label(), "status_text", "Status")
        self._left = named(Label(), "status_time_left", "Time left")
        self._left.setProperty("role", "muted")
        self._bar = named(QProgressBar(), "status_progress", "Progress")
        self._bar.setFixedWidth(180)
        self._bar.setTextVisible(False)
        self._cancel = named(QPushButton("Stop"), "status_cancel", "Stop", "Stop the current task")
        self._cancel.clicked.connect(self.cancel_asked)
        keeps = self._cancel.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)  # otherwise all panels would move when work starts
        self._cancel.setSizePolicy(keeps)
        self._device = named(Label(), "status_device", "Device")
        self._device.setProperty("role", "muted")
        self._flash = QTimer(self, singleShot=True, interval=_FLASH_MS)
        self._flash.timeout.connect(self._show_activity)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 1, 8, 1)
        row.setSpacing(8)
        for widget in (self._text, self._bar, self._left, self._cancel):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self._device)
        state.status.activity_changed.connect(self._show_activity)
        state.devices_changed.connect(self._show_device)
        state.preferences_changed.connect(self._show_device)
        self._show_activity()
        self._show_device()

    def flash(self, text: str) -> None:
        """Show a message for a few seconds."""
        self._text.setText(text)
        self._flash.start()

    @Slot()
    def _show_activity(self) -> None:
        activity = self._state.status.activity
        busy = activity is not None
        self._bar.setVisible(busy)
        self._cancel.setVisible(activity is not None and activity.kind != "devices")
        self._left.setVisible(activity is not None and activity.seconds_left is not None)
        if activity is None:
            if not self._flash.isActive():
                self._text.setText("Ready")
            return
        self._text.setText(activity.text)
        self._bar.setRange(0, activity.total)
        self._bar.setValue(activity.done)
        if activity.seconds_left is not None:
            self._left.setText(f"{duration_text(activity.seconds_left)} left")

    @Slot()
    def _show_device(self) -> None:
        environment = self._state.preferences.environment
        threads = environment.num_threads
        names = [name for name, _ in self._state.devices]
        device = environment.device
        if device == "auto" and names:
            device = names[1] if len(names) > 1 else names[0]
        count = f"{threads} thread" + ("s" if threads > 1 else "")
        self._device.setText(f"{device}, {count}" if names else torch_text(self._state.versions))
