"""The folder through which an engine and its workers communicate.

It contains the engine's lease, the progress of each item, and requests to stop. Files work the same
between threads, processes and hosts that share a disk, and outlive whoever wrote them: workers see
from the lease that their engine was killed, and stop.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Progress
from snip_gui.core.base.files import write_text
from snip_gui.core.base.json_files import read_json
from snip_gui.core.runs.lease import holding, is_lease, look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken

# Names that begin with a dot are not listed as runs.
PREFIX = ".engine-"
PLAN = "plan.json"
_STATUS = "status.json"
_STOP = "stop"
_CLEARED = "cleared"
_LOOK_SECONDS = 0.25
_REPORT_SECONDS = 1.0
_MOST_BYTES = 100_000


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of an engine.

    Attributes
    ----------
    running
        What each worker is doing.
    numbers
        Numbers by name of the items that are being done, for `Desk.ask_to_stop`.
    """

    num_done: int
    total: int
    seconds_left: float | None = None
    running: tuple[str, ...] = ()
    numbers: dict[str, int] = {}

    @property
    def text(self) -> str:
        """The progress in a few words."""
        running = f", {len(self.running)} running" if len(self.running) > 1 else ""
        return f"{self.num_done:,} of {self.total:,} done{running}"


@dataclass(frozen=True, slots=True)
class Desk:
    """The folder of an engine."""

    folder: Path

    def ask_to_stop(self, number: int | None = None) -> None:
        """Ask the worker of an item, or all of them, to stop; raises `UserError` if it cannot."""
        write_text(self.folder / _stop_name(number), "")

    def is_asked_to_stop(self, number: int | None = None) -> bool:
        """Return whether an item, or everything, is to stop."""
        return (self.folder / _stop_name(number)).exists()

    def clear(self) -> None:
        """Ask everything to stop, and not to be kept for later; raises `UserError` on failure."""
        write_text(self.folder / _CLEARED, "")
        self.ask_to_stop()

    @property
    def is_cleared(self) -> bool:
        """Whether what has not been done is to be forgotten."""
        return (self.folder / _CLEARED).exists()

    @property
    def is_open(self) -> bool:
        """Whether its engine is running."""
        return look(self.folder).holding != "free"

    def write_status(self, status: Status) -> None:
        """Write the progress of the whole; a full disk does not matter."""
        with contextlib.suppress(UserError):
            write_text(self.folder / _STATUS, msgspec.json.encode(status).decode())

    def find_status(self) -> Status | None:
        """Return the progress of the whole; None if there is none yet."""
        try:
            return read_json(self.folder / _STATUS, Status, max_bytes=_MOST_BYTES)
        except UserError:
            return None

    def find_progress(self, number: int) -> Progress | None:
        """Return the last progress of an item; None if there is none yet."""
        try:
            return read_json(self.folder / f"{number}.json", _Written, max_bytes=_MOST_BYTES).value
        except UserError:
            return None


@dataclass(frozen=True, slots=True)
class Seat:
    """The place of a worker: the desk, the item that it does, and its share of the machine.

    Attributes
    ----------
    share
        Number of the worker, from 0; workers of different shares use different GPUs.
    """

    desk: Desk
    number: int
    share: int = 0


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    """Progress as a file."""

    text: str
    done: int
    total: int
    seconds_left: float | None

    @property
    def value(self) -> Progress:
        return Progress(self.text, self.done, self.total, self.seconds_left)


@contextlib.contextmanager
def open_desk(runs_folder: Path) -> Iterator[Desk]:
    """Open a desk in a folder for the time of the context; remove those of killed engines.

    Raises
    ------
    UserError
        If the folder is not writable.
    """
    _remove_deserted(runs_folder)
    with occupying(new_desk(runs_folder)) as desk:
        yield desk


def new_desk(runs_folder: Path) -> Desk:
    """Return a desk in a folder, which does not exist yet."""
    return Desk(runs_folder / f"{PREFIX}{uuid.uuid4().hex[:12]}")


@contextlib.contextmanager
def occupying(desk: Desk) -> Iterator[Desk]:
    """Hold a desk for the time of the context, then remove it, unless it has a plan left.

    Raises
    ------
    UserError
        If it is held by another program, or is not writable.
    """
    try:
        with holding(desk.folder):
            try:
                yield desk
            finally:
                for path in desk.folder.iterdir():
                    if not is_lease(path.name) and path.name != PLAN:
                        path.unlink(missing_ok=True)
    finally:
        with contextlib.suppress(OSError):  # not empty
            desk.folder.rmdir()


def find_desks(runs_folder: Path) -> list[Desk]:
    """Return the desks of a folder, open or not."""
    return [Desk(folder) for folder in sorted(runs_folder.glob(f"{PREFIX}*"))]


def stop_item(runs_folder: Path, name: str) -> bool:
    """Ask the worker of an item, by its name, to stop; return whether any engine does it now.

    The item keeps its progress, and the engine continues with the others.

    Raises
    ------
    UserError
        If it cannot be asked.
    """
    for desk in find_desks(runs_folder):
        status = desk.find_status() if desk.is_open else None
        if status is not None and name in status.numbers:
            desk.ask_to_stop(status.numbers[name])
            return True
    return False


@contextlib.contextmanager
def attending(seat: Seat, cancel: CancelToken) -> Iterator[Callable[[Progress], None]]:
    """Watch a desk while working: cancel if asked to stop, or if its engine has ended.

    Yields the function that reports progress.
    """
    left = threading.Event()
    watch = threading.Thread(target=_watch, args=(seat, cancel, left), name="desk", daemon=True)
    watch.start()
    path = seat.desk.folder / f"{seat.number}.json"
    reported = -_REPORT_SECONDS

    def report(progress: Progress) -> None:
        nonlocal reported
        now = time.monotonic()
        if now - reported < _REPORT_SECONDS:
            return
        reported = now
        written = _Written(**{name: getattr(progress, name) for name in _Written.__struct_fields__})
        with contextlib.suppress(UserError):  # a full disk stops work only when it has a result
            write_text(path, msgspec.json.encode(written).decode())

    try:
        yield report
    finally:
        left.set()
        watch.join()
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _watch(seat: Seat, cancel: CancelToken, left: threading.Event) -> None:
    """Cancel once the desk says so, or its lease is no longer kept."""
    seen = None
    while not left.wait(_LOOK_SECONDS):
        seen = look(seat.desk.folder, seen)
        if (
            seen.holding == "free"
            or seat.desk.is_asked_to_stop()
            or seat.desk.is_asked_to_stop(seat.number)
        ):
            cancel.cancel()


def _remove_deserted(runs_folder: Path) -> None:
    """Remove the desks of engines that have ended without doing so, except for saved queues."""
    for folder in runs_folder.glob(f"{PREFIX}*"):
        if not (folder / PLAN).exists() and look(folder).holding == "free":
            shutil.rmtree(folder, ignore_errors=True)


def _stop_name(number: int | None) -> str:
    return _STOP if number is None else f"{_STOP}-{number}"
