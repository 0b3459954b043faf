"""The queue of runs as a file, so that no run is lost if the program ends.

Windows share the file, and each writes only its own changes. The first window opened after all
others have closed takes over the recipes in it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TypeVar

import msgspec
from PySide6.QtCore import QLockFile

from snip_gui.core.base.files import write_text
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.core.runs.folder import RECIPE
from snip_gui.session.kept.reading import read_kept

T = TypeVar("T")


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has started, but could be lost until its folder contains its recipe.

    Attributes
    ----------
    folder
        Empty until known.
    """

    recipe: Recipe
    folder: str = ""

    @property
    def is_safe(self) -> bool:
        """Whether the run is in the list of runs and can be resumed from there."""
        return bool(self.folder) and (Path(self.folder) / RECIPE).exists()


class QueuedRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Waiting recipes, next one first, and runs that have just started.

    Attributes
    ----------
    again
        Those of the waiting recipes that are to be trained once more if they are finished.
    """

    waiting: tuple[Recipe, ...] = ()
    again: tuple[Recipe, ...] = ()
    begun: tuple[Begun, ...] = ()


class KeptQueue:
    """The file, as read and changed by one window."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ours = QueuedRuns()
        self._lock = QLockFile(f"{file}.lock")
        self._lock.setStaleLockTime(0)  # never stale, however long a window is open

    def take_over(self) -> tuple[list[Recipe], str]:
        """Return the recipes left by the last session, and any problem with the file.

        Empty while another window is open, which owns them.
        """
        if not self._is_free():
            return [], ""
        kept, problem = read_kept(self._file, _decode)
        if kept is None:
            return [], problem
        again = tuple(begun.recipe for begun in kept.begun if not begun.is_safe)
        self._ours = kept
        return [*again, *kept.waiting], ""

    @property
    def again(self) -> tuple[Recipe, ...]:
        """Those of the recipes that are to be trained once more."""
        return self._ours.again

    def keep(self, queued: QueuedRuns) -> None:
        """Write the changes of this window's queue; raises `UserError` on failure."""
        if queued == self._ours:
            return
        there = read_kept(self._file, _decode)[0] or QueuedRuns()
        changed = QueuedRuns(
            waiting=_merged(self._ours.waiting, queued.waiting, there.waiting),
            again=_merged(self._ours.again, queued.again, there.again),
            begun=_merged(self._ours.begun, queued.begun, there.begun),
        )
        write_text(self._file, _encode(changed))
        self._ours = queued

    def _is_free(self) -> bool:
        """Acquire the queue; return whether no other process owns it."""
        with contextlib.suppress(OSError):  # reported when there is something to save
            self._file.parent.mkdir(parents=True, exist_ok=True)
        if self._lock.tryLock(0) or self._lock.error() != QLockFile.LockError.LockFailedError:
            return True
        return self._lock.getLockInfo()[0] == os.getpid()


def _decode(data: bytes) -> QueuedRuns:
    """Decode the file; raises what `read_kept` expects."""
    found = msgspec.json.decode(data, type=tuple[Recipe, ...] | QueuedRuns)
    return found if isinstance(found, QueuedRuns) else QueuedRuns(waiting=found)


def _encode(queued: QueuedRuns) -> str:
    """Encode the file: a plain list, which every version reads, unless there is more to say."""
    is_plain = not (queued.begun or queued.again)
    return msgspec.json.encode(queued.waiting if is_plain else queued).decode() + "\n"


def _merged(before: tuple[T, ...], after: tuple[T, ...], there: tuple[T, ...]) -> tuple[T, ...]:
    """Return ``there`` with the change from ``before`` to ``after`` applied; items may repeat."""
    if there == before:
        return after
    added, removed = list(after), []
    for item in before:
        if item in added:
            added.remove(item)
        else:
            removed.append(item)
    stays = list(there)
    for item in removed:
        if item in stays:
            stays.remove(item)
    return (*stays, *added)
