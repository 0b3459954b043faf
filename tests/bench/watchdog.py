"""Finds what keeps the window's thread busy: stalls, with the stack in the middle of each."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

BEAT_MS, LOOK_S = 5, 0.005
STALL_MS = 50
_OURS = str(Path(__file__).parents[2] / "snip_gui")


@dataclass(frozen=True)
class Stall:
    """A time in which the window's thread did not return to its event loop.

    Attributes
    ----------
    cpu_ms
        What the thread itself computed in it; the rest it waited, mostly for other processes.
    stack
        The frames of this program halfway through, innermost last.
    """

    wall_ms: float
    cpu_ms: float
    stack: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.cpu_ms:.0f} ms ({self.wall_ms:.0f} by the clock): {' > '.join(self.stack)}"


class Watchdog(QObject):
    """Watches the thread that it is made in."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.stalls: list[Stall] = []
        self._watched = threading.get_ident()
        self._stack: tuple[str, ...] = ()
        self._beat = time.perf_counter(), time.thread_time()
        self._ends = threading.Event()
        self._timer = QTimer(self, interval=BEAT_MS)
        self._timer.timeout.connect(self._on_beat)
        self._timer.start()
        self._thread = threading.Thread(target=self._look, name="watchdog", daemon=True)
        self._thread.start()

    def end(self) -> list[Stall]:
        """Stop watching; return the stalls, the longest first."""
        self._timer.stop()
        self._ends.set()
        self._thread.join()
        return sorted(self.stalls, key=lambda stall: -stall.cpu_ms)

    def _on_beat(self) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        late_ms, cpu_ms = 1000 * (wall - self._beat[0]), 1000 * (cpu - self._beat[1])
        if late_ms > STALL_MS:
            self.stalls.append(Stall(late_ms, cpu_ms, self._stack))
        self._beat, self._stack = (wall, cpu), ()

    def _look(self) -> None:
        while not self._ends.wait(LOOK_S):
            if not self._stack and time.perf_counter() - self._beat[0] > STALL_MS / 2000:
                frame = sys._current_frames().get(self._watched)
                self._stack = tuple(
                    f"{Path(one.filename).stem}.{one.name}:{one.lineno}"
                    for one in traceback.extract_stack(frame)
                    if one.filename.startswith(_OURS)
                )
