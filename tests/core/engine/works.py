"""Items of work for tests, importable by worker processes."""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note, Progress
from snip_gui.core.base.files import write_error
from snip_gui.core.runs.lease import holding, look

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Square:
    """Writes and returns the square of a number; counts its attempts in a file."""

    number: int
    folder: Path

    @property
    def name(self):
        return f"square-{self.number}"

    @property
    def result(self):
        return self.folder / self.name

    @property
    def num_tries(self):
        tries = self.folder / f"{self.name}.tries"
        return len(tries.read_text()) if tries.exists() else 0

    def is_done(self):
        return self.result.exists()

    def is_held(self):
        return look(self.folder / f"{self.name}.run").holding != "free"

    def steps(self, cancel, share):
        if self.is_done():
            yield Note("It is done already.")
            return self.number**2
        with (self.folder / f"{self.name}.tries").open("a") as file:
            file.write("x")
        with holding(self.folder / f"{self.name}.run"):
            yield from self.work(cancel)
            self.result.write_text(str(self.number**2))
        yield Note(f"{self.number} x {self.number}")
        return self.number**2

    def work(self, cancel):
        yield Progress("Multiplying", 1, 2, 0.0)


class Killed(Square):
    """Kills its process at the first try."""

    most = 1

    def work(self, cancel):
        yield Progress("Dying")
        if self.num_tries <= self.most:
            os.kill(os.getpid(), signal.SIGKILL)


class AlwaysKilled(Killed):
    most = 99


class Mistaken(Square):
    def work(self, cancel):
        yield Progress("Failing")
        raise UserError("That number is wrong.", "Choose another.")


class Faulty(Square):
    def work(self, cancel):
        yield Progress("Failing")
        raise ZeroDivisionError("a fault")


class DiskFull(Square):
    """Has no room for its result at the first try."""

    def work(self, cancel):
        yield Progress("Writing")
        if self.num_tries == 1:
            raise write_error(self.result, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


class OutOfMemory(Square):
    """Runs out of memory at the first try."""

    def work(self, cancel):
        yield Progress("Allocating")
        if self.num_tries == 1:
            raise MemoryError


class Endless(Square):
    """Works until it is cancelled; says where it runs."""

    def work(self, cancel):
        (self.folder / f"{self.name}.pid").write_text(str(os.getpid()))
        while True:
            yield Progress("Going round")
            if cancel.is_cancelled:
                (self.folder / f"{self.name}.stopped").write_text("")
            cancel.raise_if_cancelled()
            time.sleep(0.01)
