"""Which process made something, and whether it still runs.

Numbers of processes are used again, clocks are set, and another host's numbers mean nothing here.
So a process is known by its host since it was started, its number, and when it began in units that
no clock changes.
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
    """A process, as another one may find it written in a file."""

    host: str
    pid: int
    started: str


def this_process() -> ProcessMark:
    """Return the mark of this process."""
    pid = os.getpid()
    return ProcessMark(host=host_id(), pid=pid, started=_start_of(pid) or "")


@functools.cache
def host_id() -> str:
    """Return 12 hexadecimal digits for this host since it was started.

    Containers that see other processes than their host does are hosts of their own.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        words = [boot, os.readlink(_PROC / "self/ns/pid")]
    except OSError:  # not Linux
        words = [platform.node(), str(uuid.getnode())]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]


def is_alive(process: ProcessMark) -> bool | None:
    """Whether a process runs; None if that cannot be known, as of another host."""
    if process.host != host_id() or process.pid <= 0:
        return None
    started = _start_of(process.pid)
    return None if started is None else started == process.started


def pid_runs(pid: int) -> bool:
    """Whether a process of this host has a number, whenever it began; True if it is hidden."""
    return _start_of(pid) != ""


def _start_of(pid: int) -> str | None:
    """Return when a process began; empty if none of the number runs, None if it cannot be seen."""
    if not (_PROC / "self/stat").exists():
        return _start_by_psutil(pid)
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None if _exists(pid) else ""
    # proc(5): after the name in parentheses, which may hold anything, field 3 is the state and
    # field 22 the start in ticks since the host was started.
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _exists(pid: int) -> bool:
    """Whether there is a process of a number, though it may be hidden from this user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _start_by_psutil(pid: int) -> str | None:
    """Do the same where the kernel does not tell in files."""
    import psutil

    try:
        process = psutil.Process(pid)
        ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return "" if ended else repr(process.create_time())
    except psutil.NoSuchProcess:
        return ""
    except psutil.Error:
        return None
