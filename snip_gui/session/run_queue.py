"""Recipes that are trained one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from snip_gui.core.recipe import Recipe
    from snip_gui.session.job_host import JobEnded, JobHost
    from snip_gui.session.state import SessionState


class RunQueue(QObject):
    """The next recipe starts when a training ends; after a stop or a fault the others wait.

    Parameters
    ----------
    train
        Trains a recipe into a new run folder.
    """

    changed = Signal()

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        train: Callable[[Recipe], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._train = state, host, train
        self._waiting: list[Recipe] = []
        self._num_begun = 0
        self._is_training = self._is_paused = False
        host.ended.connect(self._on_ended)

    @property
    def waiting(self) -> tuple[Recipe, ...]:
        """Recipes that have not begun, the next one first."""
        return tuple(self._waiting)

    @property
    def number(self) -> int:
        """Which run of the queue is being trained, or was last; 0 before the first."""
        return self._num_begun

    @property
    def total(self) -> int:
        """Runs of the queue, those done included; 0 if there is no queue."""
        return self._num_begun + len(self._waiting)

    @property
    def is_paused(self) -> bool:
        """Whether the recipes wait for the user, after a training was stopped or failed."""
        return self._is_paused and bool(self._waiting)

    def numbered(self, text: str) -> str:
        """Return what is said of a training with its place in the queue, if it has one."""
        if self._is_training and self.total > 1:
            return f"Run {self.number} of {self.total}: {text[:1].lower()}{text[1:]}"
        return text

    def add(self, recipes: Iterable[Recipe]) -> None:
        """Put recipes at the end; the first begins at once if nothing is being trained."""
        self._waiting += recipes
        self.go_on()

    def go_on(self) -> None:
        """Begin the next recipe, or do so when the training at hand ends."""
        self._is_paused = False
        self._begin_next()
        self.changed.emit()

    def clear(self) -> None:
        """Forget the recipes that have not begun; the training at hand goes on."""
        self._waiting.clear()
        self._forget_if_over()
        self.changed.emit()

    def _begin_next(self) -> None:
        training = self._state.training
        is_busy = training is not None and training.is_active
        if self._waiting and not is_busy:
            self._num_begun += 1
            self._is_training = True
            self._train(self._waiting.pop(0))

    @Slot(object)
    def _on_ended(self, ended: JobEnded) -> None:
        if self._host.is_closed or ended.kind != "train" or not self.total:
            return
        was_ours, self._is_training = self._is_training, False
        if was_ours and not self._went_through():
            self._is_paused = True
        if not self._is_paused:
            self._begin_next()
        self._forget_if_over()
        self.changed.emit()

    def _went_through(self) -> bool:
        """Whether the training at hand came to its end, if only to diverge."""
        training = self._state.training
        if training is None or training.summary is None:
            return False
        return training.summary.state in ("finished", "diverged")

    def _forget_if_over(self) -> None:
        if not self._waiting and not self._is_training:
            self._num_begun = 0
            self._is_paused = False
