"""Which process created something, and whether it is still running.

Process ids are reused, clocks are adjusted, and ids of another host mean nothing here. A process is
therefore identified by its host and that host's boot, its id, and its start time in ticks since
boot.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import uuid
from pathlib import Path

import msgspec

_PROC = Path("/proc")


class ProcessMark(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of a process, as written to a file for other processes to read."""

    host: str
    pid: int
    started: str


def this_process() -> ProcessMark:
    """Return the mark of this process."""
    pid = os.getpid()
    return ProcessMark(host=host_id(), pid=pid, started=_find_start(pid) or "")


@functools.cache
def host_id() -> str:
    """Return 12 hexadecimal digits that identify this host and its current boot.

    A container with its own process namespace counts as a host of its own.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        words = [boot, os.readlink(_PROC / "self/ns/pid")]
    except OSError:  # not Linux
        words = [platform.node(), str(uuid.getnode())]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]


def is_alive(process: ProcessMark) -> bool | None:
    """Return whether a process is running; None if unknown, as for one of another host."""
    if process.host != host_id() or process.pid <= 0:
        return None
    started = _find_start(process.pid)
    return None if started is None else started == process.started


def pid_runs(pid: int) -> bool:
    """Return whether an id is in use on this host, whoever started it; True if it is hidden."""
    return _find_start(pid) != ""


def _find_start(pid: int) -> str | None:
    """Return the start time of a process; empty if none has this id, None if it is hidden."""
    if not (_PROC / "self/stat").exists():
        return _start_by_psutil(pid)
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None if _exists(pid) else ""
    # proc(5): after the name in parentheses, which may contain anything, field 3 is the state and
    # field 22 the start time in ticks since boot.
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _exists(pid: int) -> bool:
    """Return whether a process has this id, even if it is hidden from this user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _start_by_psutil(pid: int) -> str | None:
    """Return the same where there is no /proc."""
    import psutil

    try:
        process = psutil.Process(pid)
        ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return "" if ended else repr(process.create_time())
    except psutil.NoSuchProcess:
        return ""
    except psutil.Error:
        return None
