"""Leases on run folders, which keep others from writing to, moving or resuming a run in use.

A lease is a file that its owner creates exclusively, and in which it keeps advancing a counter. If
the owner is a process of this host, the host knows whether it is still running. Of other owners an
observer sees only whether the counter advances: it takes over the lease once the counter has not
changed for `PATIENCE_SECONDS` of its own monotonic clock. Clocks are never compared.

Taking over means creating the lease with the next number, exclusively, so that only one observer
succeeds; the lease with the highest number is valid. Whoever has created one reads all leases
again, and withdraws if any has appeared or changed since its decision, so two never hold a folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from snip_gui.core.base.errors import BusyError, UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.files import read_bytes, sweep_parts, write_error
from snip_gui.core.base.machine.processes import ProcessMark, is_alive, this_process

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken

RUNNING = "running.json"
BEAT_SECONDS = 2.0
PATIENCE_SECONDS = 20.0

Holding: TypeAlias = Literal["free", "held", "unknown"]

_NAME = re.compile(r"running(?:\.([1-9]\d{0,8}))?\.json")
_MOST_BYTES = 4096
_LOOK_SECONDS = 0.2


class _Content(ProcessMark, frozen=True, kw_only=True):
    """Contents of a lease; the token makes it unique."""

    token: str
    beat: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """The leases of a folder by number, and the monotonic time since when they have been unchanged.

    There may be none.
    """

    leases: tuple[tuple[int, bytes], ...]
    since: float

    @property
    def holding(self) -> Holding:
        """Whether the folder is held."""
        if not self.leases:
            return "free"
        is_running = _is_running(self.leases[-1][1])
        if is_running is None:
            is_stale = time.monotonic() - self.since >= PATIENCE_SECONDS
            return "free" if is_stale else "unknown"
        return "held" if is_running else "free"


def is_lease(name: str) -> bool:
    """Return whether a file of this name is a lease."""
    return _NAME.fullmatch(name) is not None


def look(folder: Path, before: Sighting | None = None) -> Sighting:
    """Read the leases of a folder.

    Parameters
    ----------
    before
        An earlier sighting, which is returned if nothing has changed.
    """
    leases = tuple(sorted(_read_leases(folder).items()))
    if before is not None and before.leases == leases:
        return before
    return Sighting(leases, time.monotonic())


def observe(folder: Path, cancel: CancelToken | None = None) -> Generator[Event, None, Sighting]:
    """Wait until it is certain that a folder is free, which may take `PATIENCE_SECONDS`.

    Raises
    ------
    BusyError
        If the folder is held.
    Cancelled
        If cancelled meanwhile.
    """
    seen = look(folder)
    while (holding := seen.holding) == "unknown":
        if cancel is not None:
            cancel.raise_if_cancelled()
        yield Progress(f"Checking whether another computer trains {folder.name}")
        time.sleep(_LOOK_SECONDS)
        later = look(folder, seen)
        if later is not seen and later.leases:
            raise _busy(folder)
        seen = later
    if holding == "held":
        raise _busy(folder)
    return seen


def refuse_running(folder: Path) -> None:
    """Raise `BusyError` if the folder is in use; may wait as `observe` does."""
    for _ in observe(folder):
        pass


class Lease:
    """The right to write to a run folder, held until released; see `holding`."""

    def __init__(self, folder: Path, number: int) -> None:
        self._path = folder / _name(number)
        self._next = folder / _name(number + 1)
        self._content = {"token": uuid.uuid4().hex} | msgspec.to_builtins(this_process())
        self._beat = 0
        self._released = threading.Event()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._file = os.fdopen(os.open(self._path, flags, 0o666), "r+b", buffering=0)
        self._advance()
        self._thread = threading.Thread(target=self._keep_advancing, name="lease", daemon=True)

    def begin(self) -> None:
        """Start advancing the counter, in a background thread."""
        self._thread.start()

    def confirm(self) -> None:
        """Raise `UserError` if the lease is lost, for instance while this computer was asleep."""
        if not self._is_mine():
            raise UserError(
                f"“{self._path.parent.name}” is no longer held by this program: "
                f"“{self._path.name}” was removed or replaced.",
                "Nothing more was written. Resume the run when no other program trains it.",
            )

    def guard(self, steps: Generator[Event, None, None]) -> Iterator[Event]:
        """Pass on events as long as the lease is valid; raises as `confirm` does."""
        with contextlib.closing(steps):
            for event in steps:
                self.confirm()
                yield event

    def release(self) -> None:
        """Remove the lease; raises nothing, so as not to hide an earlier exception."""
        self._released.set()
        if self._thread.ident is not None:
            self._thread.join()
        is_mine = self._is_mine()
        self._file.close()
        if is_mine:
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _is_mine(self) -> bool:
        try:
            is_there = os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
            return is_there and not self._next.exists()
        except FileNotFoundError:
            return False
        except OSError:  # an unresponsive network disk does not mean that the lease is lost
            return True

    def _keep_advancing(self) -> None:
        while not self._released.wait(BEAT_SECONDS):
            self._advance()

    def _advance(self) -> None:
        """Overwrite the count through the open file, never in another owner's lease."""
        self._beat += 1
        content = self._content | {"beat": f"{self._beat:012}"}  # constant length
        # If writing fails, others will take over, which `confirm` detects.
        with contextlib.suppress(OSError):
            self._file.seek(0)
            self._file.write(msgspec.json.encode(content) + b"\n")
            os.fsync(self._file.fileno())


@contextlib.contextmanager
def holding(folder: Path, seen: Sighting | None = None) -> Iterator[Lease]:
    """Hold a run folder; it is created if necessary, and removed again if it stays empty.

    Parameters
    ----------
    seen
        The result of `observe`; None to read the leases now.

    Raises
    ------
    UserError
        If it is held by another owner (`BusyError`), or is not writable.
    """
    made: list[Path] = []
    try:
        try:
            _make(folder, made)
            lease = _take(folder, look(folder) if seen is None else seen)
        except OSError as error:
            raise write_error(folder, error) from error
        try:
            lease.begin()
            sweep_parts(folder)
            yield lease
        finally:
            lease.release()
    finally:
        with contextlib.suppress(OSError):  # not empty
            for one in reversed(made):
                one.rmdir()


def _take(folder: Path, seen: Sighting) -> Lease:
    """Acquire a folder that was seen to be free."""
    if seen.holding != "free":
        raise _busy(folder)
    number = seen.leases[-1][0] + 1 if seen.leases else 1
    try:
        lease = Lease(folder, number)
    except FileExistsError as error:
        raise _busy(folder) from error
    others = {k: v for k, v in _read_leases(folder).items() if k != number}
    if not others.items() <= dict(seen.leases).items():
        lease.release()
        raise _busy(folder)
    for left in others:
        with contextlib.suppress(OSError):
            (folder / _name(left)).unlink()
    return lease


def _make(folder: Path, made: list[Path]) -> None:
    """Create a folder and its parents; append the new ones to a list."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        with contextlib.suppress(FileExistsError):  # created by another process
            one.mkdir()
            made.append(one)


def _read_leases(folder: Path) -> dict[int, bytes]:
    """Return the contents of a folder's leases by number; empty for one that is not a file."""
    leases = {}
    with contextlib.suppress(OSError), os.scandir(folder) as items:
        for item in items:
            if (match := _NAME.fullmatch(item.name)) is not None:
                leases[int(match[1] or 1)] = _read(folder / item.name)
    return leases


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path, max_bytes=_MOST_BYTES)
    except UserError:
        return b""


def _is_running(content: bytes) -> bool | None:
    """Return whether the owner of a lease is running; None if unknown or of another host."""
    try:
        return is_alive(msgspec.json.decode(content, type=_Content))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _name(number: int) -> str:
    return RUNNING if number == 1 else f"running.{number}.json"


def _busy(folder: Path) -> BusyError:
    return BusyError(
        f"“{folder.name}” is currently being trained.",
        "Stop that training first, or wait until it ends.",
    )
