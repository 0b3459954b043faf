"""Copies of the weights during training, at a steady rate that does not stall it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from snip_gui.core.training.events import WeightsSeen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.training.loop import Trainer

_INTERVAL_SECONDS = 0.2
_EPOCH_SECONDS = 0.5  # least time between two entries of the timeline
# Copies may take this fraction of the time since the first step.
_SHARE = 0.01
# A timeline of larger networks would fill memory: only the selected weight is copied.
_MOST_VALUES = 30_000_000


class WeightWatch:
    """The weights that a view wants to see; set in one thread, read in another.

    Attributes
    ----------
    tensor
        State_dict key of the selected weight; empty if there is none.
    """

    def __init__(self) -> None:
        self.tensor = ""
        self._step = -1
        self._began = self._looked_at = 0.0
        self._epoch_at = -_EPOCH_SECONDS
        self._spent = 0.0

    def begin(self) -> None:
        """Reset for another training run."""
        self._step, self._spent = -1, 0.0
        self._began = self._looked_at = time.monotonic()
        self._epoch_at = self._began - _EPOCH_SECONDS

    def look(self, trainer: Trainer) -> WeightsSeen | None:
        """Return the weights to show after a step; usually None.

        After an epoch these are all weights, for the timeline; during an epoch the selected one,
        about five times a second. The last epoch is always included; any other is skipped if the
        previous entry is too recent, or if copies would take too much time.
        """
        if trainer.step == self._step:  # between two batches of an evaluation
            return None
        self._step = trainer.step
        now = time.monotonic()
        tensor = self.tensor  # read once, because another thread may change it
        ends_epoch = trainer.step % trainer.steps_per_epoch == 0
        is_last = trainer.step == trainer.num_steps
        if ends_epoch:
            is_due = is_last or now - self._epoch_at >= _EPOCH_SECONDS
        else:
            is_due = bool(tensor) and now - self._looked_at >= _INTERVAL_SECONDS
        if not is_due or (self._spent > _SHARE * (now - self._began) and not is_last):
            return None
        names = _names(trainer)
        is_whole = ends_epoch and trainer.masked.prunable.layout.num_parameters <= _MOST_VALUES
        if not is_whole and tensor not in names:
            return None
        seen = _seen(trainer, tuple(names) if is_whole else (tensor,), is_whole=is_whole)
        self._looked_at = time.monotonic()
        self._spent += self._looked_at - now
        if is_whole:
            self._epoch_at = now
        return seen


def _names(trainer: Trainer) -> list[str]:
    """Return the names of the weights, without biases."""
    return [tensor.name for tensor in trainer.masked.prunable.layout.weights]


def _seen(trainer: Trainer, names: tuple[str, ...], *, is_whole: bool) -> WeightsSeen:
    epoch = trainer.step / trainer.steps_per_epoch
    weights = {name: _weight(trainer, name) for name in names}
    return WeightsSeen(trainer.step, epoch, weights, is_whole)


def _weight(trainer: Trainer, name: str) -> NDArray[np.float32]:
    """Return a copy of the current values of a weight, in its full shape."""
    from snip_gui.core.base.tensors import to_real  # late: the window has no torch

    values = trainer.trained.model.get_parameter(name).detach()
    if trainer.shrunk is not None:
        around = trainer.masked.model.get_parameter(name).detach()
        values = trainer.shrunk.widen(name, values, around)
    copied: NDArray[np.float32] = to_real(values.cpu()).numpy().copy()
    copied.flags.writeable = False
    return copied
