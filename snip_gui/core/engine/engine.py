"""The engine: does many items of work with whoever there is to do them. No torch.

What exists is not done again. An item that another program is doing is waited for. One whose worker
is killed or runs out of memory is tried once more, after the others; whatever goes wrong with an
item, the rest continues.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.engine.crew import open_crew
from snip_gui.core.engine.desk import Seat, attending
from snip_gui.core.engine.ledger import Ledger
from snip_gui.core.engine.work import Outcome, do, outcome_steps

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from concurrent.futures import Future

    from snip_gui.core.engine.crew import Crew, Hands
    from snip_gui.core.engine.desk import Desk
    from snip_gui.core.engine.work import Work

T = TypeVar("T")

_LOOK_SECONDS = 0.2
_HELD_SECONDS = 1.0
_TELL_SECONDS = 1.0


def work_through(
    works: Sequence[Work[T]], crew: Crew, desk: Desk, cancel: CancelToken
) -> Generator[Event, None, tuple[Outcome[T] | None, ...]]:
    """Do items of work; returns the outcome of each, None for those that a stop left out.

    Events are `WorkBegan`, `WorkEnded` and progress; if this process does the work, also its own.

    Raises
    ------
    UserError
        If the crew cannot be used, or is lost meanwhile.
    """
    ledger = Ledger(works)
    waiting: list[int] = []
    for index, work in enumerate(works):
        if work.is_done():
            yield ledger.begin(index)
            outcome = yield from outcome_steps(work, cancel)
            yield ledger.end_done(index, outcome)
        else:
            waiting.append(index)
    if waiting and not cancel.is_cancelled:
        with open_crew(crew.at_most(len(waiting)), desk.folder) as hands:
            for note in hands.notes:
                yield Note(note)
            todo = _Todo(ledger, desk, hands, waiting)
            if hands.executor is None:
                yield from todo.one_by_one(cancel)
            else:
                yield from todo.together(cancel)
    return ledger.results()


class _Todo(Generic[T]):
    """The items that are not done yet, and the workers that do them."""

    def __init__(self, ledger: Ledger[T], desk: Desk, hands: Hands, waiting: Iterable[int]) -> None:
        self._ledger, self._desk, self._hands = ledger, desk, hands
        self._waiting = deque(waiting)
        self._held: list[int] = []
        self._tried: set[int] = set()
        self._looked = time.monotonic()
        self._told = -_TELL_SECONDS
        ledger.num_at_once = hands.number

    def one_by_one(self, cancel: CancelToken) -> Generator[Event, None, None]:
        """Do the items in this process, passing on their events."""
        while self._waiting or self._held:
            if cancel.is_cancelled or self._desk.is_asked_to_stop():
                return
            self._release_held()
            if not self._waiting:
                yield from self._wait_for_others()
                continue
            index = self._waiting.popleft()
            yield self._ledger.begin(index)
            token = CancelToken()
            with attending(Seat(self._desk, index + 1), token) as report:
                steps = outcome_steps(self._ledger.works[index], token)
                while True:
                    if cancel.is_cancelled:
                        token.cancel()
                    try:
                        event = next(steps)
                    except StopIteration as end:
                        outcome = end.value
                        break
                    if isinstance(event, Progress):
                        report(event)
                        self._ledger.report(index, event)
                        self._tell()
                    yield event
            yield from self._settle(index, outcome)

    def together(self, cancel: CancelToken) -> Generator[Event, None, None]:
        """Do the items with the executor, as many at once as there are workers."""
        running: dict[Future[Outcome[T]], tuple[int, int]] = {}
        shares = deque(range(self._hands.number))
        is_stopping = False
        while self._waiting or self._held or running:
            if not is_stopping and (cancel.is_cancelled or self._desk.is_asked_to_stop()):
                is_stopping = True
                self._desk.ask_to_stop()
                self._waiting.clear()
                self._held.clear()
            self._release_held()
            while self._waiting and shares:
                index, share = self._waiting.popleft(), shares.popleft()
                assert self._hands.executor is not None
                seat = Seat(self._desk, index + 1, share)
                future = self._hands.executor.submit(do, self._ledger.works[index], seat)
                running[future] = (index, share)
                yield self._ledger.begin(index)
            if not running:
                if self._held:
                    yield from self._wait_for_others()
                continue
            ended, _ = concurrent.futures.wait(
                running, _LOOK_SECONDS, concurrent.futures.FIRST_COMPLETED
            )
            for future in ended:
                index, share = running.pop(future)
                shares.append(share)
                yield from self._settle(index, self._outcome_of(future))
            for index, _ in running.values():
                self._ledger.report(index, self._desk.find_progress(index + 1))
            yield self._tell()

    def _tell(self) -> Progress:
        """Return the progress of the whole, and write it to the desk now and then."""
        progress = self._ledger.progress()
        if time.monotonic() - self._told >= _TELL_SECONDS:
            self._told = time.monotonic()
            self._desk.write_status(self._ledger.status(progress.seconds_left))
        return progress

    def _outcome_of(self, future: Future[Outcome[T]]) -> Outcome[T]:
        """Return the outcome of a future, whose worker may have been lost."""
        # Executors differ in what they raise when a worker is lost; the function itself never does.
        try:
            return future.result()
        except (Exception, concurrent.futures.CancelledError) as error:
            if problem := self._hands.lost():
                raise UserError(
                    problem, "What was done is kept: the same command continues there."
                ) from error
            return Outcome(
                state="crashed",
                problem="The process that did it ended unexpectedly: it was killed, or memory ran "
                f"out ({type(error).__name__}).",
            )

    def _settle(self, index: int, outcome: Outcome[T]) -> Generator[Event, None, None]:
        """Record an outcome, or put the item back to be tried again or waited for."""
        is_lost = outcome.state in ("crashed", "out of memory") and not outcome.details
        if outcome.state == "busy":
            self._ledger.put_back(index)
            self._held.append(index)
        elif (is_lost or outcome.state == "out of memory") and index not in self._tried:
            self._tried.add(index)
            self._ledger.put_back(index)
            self._waiting.append(index)
        else:
            yield self._ledger.end(index, outcome)

    def _release_held(self) -> None:
        """Put items that other programs no longer hold back among the waiting ones."""
        if self._held and time.monotonic() - self._looked >= _HELD_SECONDS:
            self._looked = time.monotonic()
            free = [index for index in self._held if not self._ledger.works[index].is_held()]
            self._held = [index for index in self._held if index not in free]
            self._waiting += free

    def _wait_for_others(self) -> Generator[Event, None, None]:
        """Wait a moment for items that other programs are doing."""
        name = self._ledger.works[self._held[0]].name
        yield Progress(f"Waiting for another program that trains {name}")
        time.sleep(_LOOK_SECONDS)
