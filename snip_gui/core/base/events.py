"""What a job yields, as frozen values that any thread may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """Something that happened in a job."""


@dataclass(frozen=True)
class Progress(Event):
    """How far the job is; may be dropped under load.

    Attributes
    ----------
    done, total
        Steps; a total of 0 means that the end is not known.
    seconds_left
        Estimate; None while there is none.
    """

    text: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Note(Event):
    """A line for the log; a result rather than a message if it is one."""

    text: str
    is_result: bool = False


@dataclass(frozen=True)
class DevicesFound(Event):
    """Torch has loaded; names and titles of the devices it can use."""

    devices: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]


def run_to_end(steps: Generator[object, None, T]) -> T:
    """Run a job that nobody listens to, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
