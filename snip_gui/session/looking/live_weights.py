"""The weights of a training as they move, and as they were at each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.training.events import TrainingStarted, WeightsSeen
from snip_gui.core.training.watching import WeightWatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.base.events import Event

_MOST_BYTES = 256_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The weights at one moment."""

    epoch: float
    weights: Mapping[str, NDArray[np.float32]]

    @property
    def num_bytes(self) -> int:
        """Memory that it takes."""
        return sum(array.nbytes for array in self.weights.values())


class LiveWeights(QObject):
    """A timeline of the training at hand; its end is now.

    The oldest are thinned out when they take too much memory: every other one goes.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.watch = WeightWatch()
        self._past: list[Snapshot] = []
        self._now: Snapshot | None = None

    def look_at(self, tensor: str) -> None:
        """Follow one weight, by its state_dict key; empty follows none."""
        self.watch.tensor = tensor

    @property
    def epochs(self) -> tuple[float, ...]:
        """The moments that are known, the last of them now."""
        now = (self._now.epoch,) if self._now is not None else ()
        return (*(snapshot.epoch for snapshot in self._past), *now)

    def weight_at(self, number: int, tensor: str) -> NDArray[np.float32] | None:
        """Return a weight at one of the moments, from 0 or from the end; None if it is not known.

        Of the moment between two epochs only the weight that is followed is known: of others the
        last epoch stands for it.
        """
        moments = [*self._past, *((self._now,) if self._now is not None else ())]
        if not moments:
            return None
        found: NDArray[np.float32] | None = moments[number].weights.get(tensor)
        if found is None and moments[number] is self._now and self._past:
            found = self._past[-1].weights.get(tensor)
        return found

    @Slot(object)
    def hear(self, event: Event) -> None:
        """Take what a training says of its weights."""
        match event:
            case TrainingStarted():
                self._past, self._now = [], None
                self.changed.emit()
            case WeightsSeen(_, epoch, weights, is_whole):
                snapshot = Snapshot(epoch, weights)
                if is_whole:
                    self._past.append(snapshot)
                    self._now = None
                    self._thin()
                else:
                    self._now = snapshot
                self.changed.emit()

    def _thin(self) -> None:
        """Leave out every other moment, never the first or the last, until there is room."""
        while sum(s.num_bytes for s in self._past) > _MOST_BYTES and len(self._past) > 2:
            self._past = [*self._past[:-1:2], self._past[-1]]
