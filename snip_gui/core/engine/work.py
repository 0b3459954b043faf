"""Items of work, and the function that does one in whatever process it is called. No torch."""

from __future__ import annotations

import dataclasses
import threading
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeAlias, TypeVar

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import BusyError, Cancelled, UserError, is_memory_error
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.engine.desk import Seat, attending

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

OutcomeState: TypeAlias = Literal["done", "failed", "cancelled", "busy", "out of memory", "crashed"]

# Random generators and the number of threads belong to the process, so it does one item at a time.
ONE_AT_A_TIME = threading.Lock()


class Work(Protocol[T_co]):
    """Something to do: a value that can be sent to another process."""

    @property
    def name(self) -> str:
        """The name shown to the user."""
        ...

    def is_done(self) -> bool:
        """Return whether its result exists, so that doing it takes no time."""
        ...

    def is_held(self) -> bool:
        """Return whether another program is doing it."""
        ...

    def steps(self, cancel: CancelToken, share: int) -> Generator[Event, None, T_co]:
        """Do it, yielding events, and return the result.

        Parameters
        ----------
        share
            Number of the worker, from 0; workers of different shares use different GPUs.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[T]):
    """How an item of work ended.

    Attributes
    ----------
    state
        ``failed`` is a problem that the user can fix, ``busy`` means that another program is doing
        it, and ``crashed`` is any other exception, or the end of the process.
    result
        What the work returned, if it is done.
    problem
        What went wrong, in a sentence.
    notes
        Lines for the log.
    details
        Traceback of a crash.
    seconds
        How long it took.
    """

    state: OutcomeState
    result: T | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()
    details: str = ""
    seconds: float = 0.0


def outcome_steps(
    work: Work[T], cancel: CancelToken, share: int = 0
) -> Generator[Event, None, Outcome[T]]:
    """Do an item of work, and return its outcome whatever goes wrong with it."""
    started = time.monotonic()
    try:
        result = yield from work.steps(cancel, share)
        outcome = Outcome(state="done", result=result)
    except Cancelled:
        outcome = Outcome(state="cancelled")
    except BusyError as error:
        outcome = Outcome(state="busy", problem=error.message)
    except UserError as error:
        outcome = Outcome(state="failed", problem=str(error))
    # One item must not end the others.
    except Exception as error:  # noqa: BLE001 - see above
        summary = "".join(traceback.format_exception_only(error)).strip()
        state: OutcomeState = "out of memory" if is_memory_error(error) else "crashed"
        outcome = Outcome(state=state, problem=summary, details=traceback.format_exc())
    return dataclasses.replace(outcome, seconds=time.monotonic() - started)


def do(work: Work[T], seat: Seat) -> Outcome[T]:
    """Do an item of work for the engine of a desk; this is what executors call.

    Progress is written to the desk. The work stops, keeping its progress, if the desk says so or
    its engine has ended.
    """
    notes: list[str] = []
    cancel = CancelToken()
    with ONE_AT_A_TIME, attending(seat, cancel) as report:
        steps = outcome_steps(work, cancel, seat.share)
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                outcome: Outcome[T] = end.value
                return dataclasses.replace(outcome, notes=tuple(notes))
            if isinstance(event, Progress):
                report(event)
            elif isinstance(event, Note) and event.text:
                notes.append(event.text)
