"""Who does the work: this process, processes on this machine, or the workers of a cluster."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from snip_gui.core.base.environment import MOST_THREADS, Environment, available_image_memory
from snip_gui.core.base.errors import UserError
from snip_gui.core.engine.processes import Processes, default_num_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor
    from pathlib import Path

DASK_PREFIX = "dask:"
CHOICES = "serial, processes, processes:N or dask:ADDRESS"


@dataclass(frozen=True, slots=True)
class Crew:
    """The choice of who does the work.

    Attributes
    ----------
    number
        Number of processes on this machine.
    address
        Address of a Dask scheduler.
    is_apart
        Whether even a single process is another one than this.
    """

    kind: Literal["serial", "processes", "dask"] = "serial"
    number: int = 1
    address: str = ""
    is_apart: bool = False

    def __str__(self) -> str:
        return {
            "serial": "serial",
            "processes": f"processes:{self.number}",
            "dask": f"{DASK_PREFIX}{self.address}",
        }[self.kind]

    def at_most(self, number: int) -> Crew:
        """Return the crew for a number of items: no more processes than that.

        A single process is none, unless it is to be another one.
        """
        if self.kind != "processes":
            return self
        number = min(self.number, number)
        is_needed = number > 1 or self.is_apart
        return dataclasses.replace(self, number=number) if is_needed else Crew()


def share_memory(environment: Environment, crew: Crew) -> Environment:
    """Return the environment of a worker, which has its share of the memory for images."""
    if crew.kind != "processes" or environment.image_memory_bytes is not None:
        return environment
    memory = available_image_memory() // crew.number
    return replace(environment, image_memory_bytes=memory)


@dataclass(frozen=True, slots=True)
class Hands:
    """An open crew.

    Attributes
    ----------
    executor
        None for this very process.
    number
        How many items it does at once.
    lost
        Returns why nothing more can be done, such as a scheduler that is gone; empty if it can.
    notes
        Sentences for the log.
    kill
        Ends what can be ended at once.
    """

    executor: Executor | None
    number: int
    lost: Callable[[], str] = lambda: ""
    notes: tuple[str, ...] = ()
    kill: Callable[[], None] = lambda: None


def parse_crew(text: str) -> Crew:
    """Parse the name of an executor, such as ``processes:4``.

    Raises
    ------
    UserError
        If there is no such executor.
    """
    if text == "serial":
        return Crew()
    if text == "processes":
        return Crew("processes", default_num_processes())
    if (match := re.fullmatch(r"processes:([0-9]{1,6})", text)) is not None:
        number = int(match[1])
        if 1 <= number <= MOST_THREADS:
            return Crew("processes", number)
    if text.startswith(DASK_PREFIX) and len(text) > len(DASK_PREFIX):
        return Crew("dask", address=text.removeprefix(DASK_PREFIX))
    raise UserError(f"“{text}” is not an executor.", f"Choose {CHOICES}.")


@contextlib.contextmanager
def open_crew(crew: Crew, folder: Path) -> Iterator[Hands]:
    """Start workers, and end them with the context.

    Parameters
    ----------
    folder
        A folder that workers on other machines must see, too.

    Raises
    ------
    UserError
        If a cluster cannot be used.
    """
    match crew.kind:
        case "serial":
            yield Hands(None, 1)
        case "processes":
            processes = Processes(crew.number)
            with _shut_down(processes):
                yield Hands(processes, crew.number, kill=processes.kill)
        case "dask":
            from snip_gui.core.engine.cluster import connected

            with connected(crew.address, folder) as hands:
                yield hands


@contextlib.contextmanager
def _shut_down(processes: Processes) -> Iterator[None]:
    """Shut processes down: in order at the end, at once after a second interrupt."""
    try:
        yield
    except KeyboardInterrupt:
        processes.kill()
        raise
    finally:
        processes.shutdown(cancel_futures=True)
