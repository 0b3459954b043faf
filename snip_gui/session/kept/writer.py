"""Writes the persistent files of a session soon after a change, off the GUI thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[[], None]

# Changes in quick succession are written together; none waits longer than this.
_DELAY_MS = 1000
# How long closing the window waits for a slow disk.
_PATIENCE_SECONDS = 10.0


class KeptWriter(QObject):
    """Writes one batch of files at a time; only the latest version of each file.

    Each batch has its own thread, so there is none while there is nothing to write.
    """

    failed = Signal(str)  # why a file could not be written

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: dict[str, Write] = {}
        self._thread: threading.Thread | None = None
        self._timer = QTimer(self, singleShot=True, interval=_DELAY_MS)
        self._timer.timeout.connect(self._begin)

    def write_soon(self, name: str, write: Write) -> None:
        """Write a file within two seconds.

        Parameters
        ----------
        name
            Name of the file; a pending write to it is dropped.
        write
            Writes the file. Runs in another thread, and may raise `UserError`.
        """
        self._waiting[name] = write
        if not self._timer.isActive():
            self._timer.start()

    def finish(self) -> bool:
        """Write pending files, with a timeout; return whether everything is on disk."""
        self._timer.stop()
        if not self._join():
            return False
        self._begin()
        return self._join()

    def _join(self) -> bool:
        if self._thread is not None:
            self._thread.join(_PATIENCE_SECONDS)
            return not self._thread.is_alive()
        return True

    @Slot()
    def _begin(self) -> None:
        if self._thread is not None and self._thread.is_alive():  # a slow disk
            self._timer.start()
            return
        if self._waiting:
            batch = tuple(self._waiting.values())
            self._waiting.clear()
            # A daemon: an unresponsive disk must not keep the program from ending.
            self._thread = threading.Thread(
                target=self._write, args=(batch,), name="kept_writer", daemon=True
            )
            self._thread.start()

    def _write(self, batch: tuple[Write, ...]) -> None:
        """Write files; runs in the batch's thread."""
        for write in batch:
            try:
                write()
            except UserError as error:
                self.failed.emit(str(error))
