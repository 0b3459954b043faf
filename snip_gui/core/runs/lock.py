"""Who trains in a run folder now, so that nobody else writes to it, moves it or takes it up.

A program that was killed leaves its mark behind; it counts for nothing once the process is gone.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import write_text
from snip_gui.core.runs.folder import CHECKPOINT, read_summary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUNNING = "running.json"


class _Holder(msgspec.Struct, frozen=True, kw_only=True):
    """The process that trains; numbers of processes are used again, their starts are not."""

    pid: int
    started: float


def is_running(folder: Path) -> bool:
    """Whether a process of this machine trains in the folder."""
    import psutil

    try:
        holder = msgspec.json.decode((folder / RUNNING).read_bytes(), type=_Holder)
        return bool(psutil.Process(holder.pid).create_time() == holder.started)
    except (OSError, msgspec.DecodeError, psutil.Error):
        return False


def was_killed_early(folder: Path) -> bool:
    """Whether whoever worked in the folder was killed before the training began.

    That a summary says ``scored`` is not enough: a run may be asked to end there.
    """
    if not (folder / RUNNING).exists() or is_running(folder):
        return False
    try:
        return read_summary(folder).state == "scored"
    except UserError:
        return not (folder / CHECKPOINT).exists()


def refuse_running(folder: Path) -> None:
    """Raise a `UserError` if somebody trains in the folder."""
    if is_running(folder):
        raise UserError(
            f"“{folder.name}” is being trained now.", "Stop that training first, or wait for it."
        )


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Mark the folder as being trained in; raises `UserError` if it is already."""
    import psutil

    refuse_running(folder)
    for part in folder.glob(".*.part"):  # of whoever was killed while writing
        part.unlink()
    holder = _Holder(pid=os.getpid(), started=psutil.Process().create_time())
    write_text(folder / RUNNING, msgspec.json.encode(holder).decode())
    try:
        yield
    finally:
        (folder / RUNNING).unlink(missing_ok=True)
