"""Events that a job yields: frozen values that any thread may read."""

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
    """How far a job has got; may be dropped under load.

    Attributes
    ----------
    done, total
        Steps; a total of 0 means that the number is unknown.
    seconds_left
        Estimated time left in seconds; None if there is no estimate yet.
    """

    text: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Note(Event):
    """A line for the log; `is_result` if it belongs to the results rather than the messages."""

    text: str
    is_result: bool = False


@dataclass(frozen=True)
class DevicesFound(Event):
    """Torch has been imported; names and titles of the devices it can use."""

    devices: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]


def run_to_end(steps: Generator[object, None, T]) -> T:
    """Run a job to its end without listening to its events, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
