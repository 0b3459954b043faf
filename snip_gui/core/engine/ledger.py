"""What an engine knows about its items: which are waiting, running and done, and the time left."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from snip_gui.core.base.events import Progress
from snip_gui.core.engine.desk import Status
from snip_gui.core.engine.events import WorkBegan, WorkEnded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.engine.work import Outcome, Work

T = TypeVar("T")

_PARTS = 1000  # of an item, for progress bars


@dataclass
class Ledger(Generic[T]):
    """The state of the items, by index."""

    works: Sequence[Work[T]]
    num_at_once: int = 1
    outcomes: dict[int, Outcome[T]] = field(default_factory=dict)
    _began: dict[int, float] = field(default_factory=dict)
    _progress: dict[int, Progress] = field(default_factory=dict)
    # Seconds of each item that was not done before.
    _seconds: list[float] = field(default_factory=list)

    def begin(self, index: int) -> WorkBegan:
        """Note that an item has begun."""
        self._began[index] = time.monotonic()
        return WorkBegan(index + 1, len(self.works), self.works[index].name)

    def report(self, index: int, progress: Progress | None) -> None:
        """Note the progress of an item."""
        if progress is not None:
            self._progress[index] = progress

    def end(self, index: int, outcome: Outcome[T]) -> WorkEnded:
        """Note how an item ended."""
        self.outcomes[index] = outcome
        self._began.pop(index, None)
        self._progress.pop(index, None)
        if outcome.state == "done":
            self._seconds.append(outcome.seconds)
        return WorkEnded(index + 1, len(self.works), self.works[index].name, outcome)

    def end_done(self, index: int, outcome: Outcome[T]) -> WorkEnded:
        """Note the outcome of an item that was done before, which says nothing about the others."""
        event = self.end(index, outcome)
        if outcome.state == "done":
            self._seconds.pop()
        return event

    def put_back(self, index: int) -> None:
        """Note that an item waits again."""
        self._began.pop(index, None)
        self._progress.pop(index, None)

    def progress(self) -> Progress:
        """Return the progress of the whole, with an estimate of the time left."""
        total, num_done, now = len(self.works), len(self.outcomes), time.monotonic()
        left, parts = {}, 0.0
        for index, began in self._began.items():
            said = self._progress.get(index)
            if said is not None and said.seconds_left is not None:
                left[index] = said.seconds_left
                elapsed = now - began
                parts += elapsed / (elapsed + said.seconds_left) if elapsed else 0.0
        seconds_each = self._estimate_each(left, now)
        seconds_left = None
        if seconds_each is not None:
            num_waiting = total - num_done - len(self._began)
            seconds = num_waiting * seconds_each + sum(
                left.get(index, max(0.0, seconds_each - (now - began)))
                for index, began in self._began.items()
            )
            seconds_left = seconds / max(1, min(self.num_at_once, total - num_done))
        done = round((num_done + parts) * _PARTS)
        return Progress(self.status(seconds_left).text, done, total * _PARTS, seconds_left)

    def status(self, seconds_left: float | None) -> Status:
        """Return the progress of the whole for other programs."""
        names = (self.works[index].name for index in self._began)
        said = (self._progress.get(index) for index in self._began)
        return Status(
            num_done=len(self.outcomes),
            total=len(self.works),
            seconds_left=seconds_left,
            running=tuple(f"{n}: {p.text if p else ''}" for n, p in zip(names, said, strict=True)),
            numbers={self.works[index].name: index + 1 for index in self._began},
        )

    def _estimate_each(self, left: dict[int, float], now: float) -> float | None:
        """Return how long an item takes: the mean of those done, or of estimates of the first."""
        if self._seconds:
            return statistics.fmean(self._seconds)
        if left:
            return statistics.fmean(now - self._began[index] + s for index, s in left.items())
        return None

    def results(self) -> tuple[Outcome[Any] | None, ...]:
        """Return the outcomes in the order of the items; None for those that never began."""
        return tuple(self.outcomes.get(index) for index in range(len(self.works)))
