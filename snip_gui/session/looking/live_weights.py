"""The weights during training: the current ones, and those of each epoch."""

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
    """The weights at one point in time."""

    epoch: float
    weights: Mapping[str, NDArray[np.float32]]

    @property
    def num_bytes(self) -> int:
        """Its memory in bytes."""
        return sum(array.nbytes for array in self.weights.values())


class LiveWeights(QObject):
    """A timeline of the current training run, which ends now.

    If it takes too much memory, every other snapshot is dropped.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.watch = WeightWatch()
        self._past: list[Snapshot] = []
        self._now: Snapshot | None = None

    def look_at(self, tensor: str) -> None:
        """Follow a weight tensor, by state_dict key; empty for none."""
        self.watch.tensor = tensor

    @property
    def epochs(self) -> tuple[float, ...]:
        """Epochs of the snapshots, the last of which is now."""
        now = (self._now.epoch,) if self._now is not None else ()
        return (*(snapshot.epoch for snapshot in self._past), *now)

    def weight_at(self, number: int, tensor: str) -> NDArray[np.float32] | None:
        """Return a weight tensor of a snapshot, by index, which may be negative; None if unknown.

        Between two epochs only the followed tensor is known; for others, that of the last epoch is
        returned.
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
        """Handle a training event about weights."""
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
        """Drop every other snapshot, except the first and the last, until there is room."""
        while sum(s.num_bytes for s in self._past) > _MOST_BYTES and len(self._past) > 2:
            self._past = [*self._past[:-1:2], self._past[-1]]
