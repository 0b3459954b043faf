"""Cancellation of a running job."""

from __future__ import annotations

import threading

from snip_gui.core.base.errors import Cancelled


class CancelToken:
    """A flag that one thread sets and another polls."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the job to stop at its next step."""
        self._event.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether the job has been asked to stop."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` if the job has been asked to stop."""
        if self._event.is_set():
            raise Cancelled
