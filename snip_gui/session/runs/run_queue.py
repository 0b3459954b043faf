"""A queue of recipes to train, which survives closing the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.session.runs.kept_queue import Begun, KeptQueue, QueuedRuns
from snip_gui.session.state.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.runs.trainings import Trainings
    from snip_gui.session.state.session_state import SessionState


class RunQueue(QObject):
    """The next recipe starts when a training run ends; after a stop the others wait.

    A run that fails does not stop the others; failures are listed at the end.
    """

    changed = Signal()

    def __init__(
        self, state: SessionState, trainings: Trainings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._trainings = state, trainings
        self._waiting: list[Recipe] = []
        self._again: list[Recipe] = []  # those of the waiting ones to be trained once more
        self._num_begun = 0
        self._is_training = self._is_paused = False
        self._kept: KeptQueue | None = None
        self._begun: tuple[Begun, ...] = ()
        self._failed: list[str] = []
        trainings.ended.connect(self._on_training_ended)
        state.training_changed.connect(self._on_training_changed)

    @property
    def waiting(self) -> tuple[Recipe, ...]:
        """Recipes that have not started, next one first."""
        return tuple(self._waiting)

    @property
    def number(self) -> int:
        """Number of the queue's current or last run; 0 before the first."""
        return self._num_begun

    @property
    def total(self) -> int:
        """Number of runs in the queue, including finished ones; 0 if there is no queue."""
        return self._num_begun + len(self._waiting)

    @property
    def is_paused(self) -> bool:
        """Whether the queue waits for the user, after a run was stopped or failed."""
        return self._is_paused and bool(self._waiting)

    def numbered(self, text: str) -> str:
        """Return a text with the current position in the queue appended, if there is one."""
        if self._is_training and self.total > 1:
            return f"Run {self.number} of {self.total}: {text[:1].lower()}{text[1:]}"
        return text

    def keep_in(self, file: Path) -> None:
        """Load the recipes left in the queue by the last session, and save changes from now on.

        They wait for the user. An unreadable file is set aside, which is reported.
        """
        self._kept = KeptQueue(file)
        recipes, problem = self._kept.take_over()
        self._again += self._kept.again
        if problem:
            self._say(f"The run queue could not be restored. {problem}")
        self.put_back(recipes)

    @Slot(object)
    def put_back(self, recipes: Sequence[Recipe]) -> None:
        """Append recipes of an earlier queue, which wait for the user."""
        if recipes:
            self._waiting += recipes
            self._is_paused = True
            number = f"{len(recipes)} {'run' if len(recipes) == 1 else 'runs'}"
            self._state.notices.info(f"{number} left in the queue by the last session; see Runs.")
            self._changed()

    def add(self, recipes: Iterable[Recipe], *, again: bool = False) -> None:
        """Append recipes; the first starts at once if nothing is being trained.

        Parameters
        ----------
        again
            Whether to train them once more if they are finished already.
        """
        added = tuple(recipes)
        self._waiting += added
        self._again += added if again else ()
        self.resume()

    def resume(self) -> None:
        """Start the next recipe, at once or when the current training run ends."""
        self._is_paused = False
        self._begin_next()
        self._changed()

    def clear(self) -> None:
        """Drop the recipes that have not started; the current training run continues."""
        self._waiting.clear()
        self._again.clear()
        self._forget_if_over()
        self._changed()

    def _begin_next(self) -> None:
        training = self._state.training
        is_busy = training is not None and training.is_active
        if self._waiting and not is_busy:
            self._num_begun += 1
            self._is_training = True
            recipe = self._waiting.pop(0)
            self._begun = (Begun(recipe=recipe),)
            is_again = recipe in self._again
            if is_again:
                self._again.remove(recipe)
            self._trainings.train(recipe, again=is_again)

    @Slot()
    def _on_training_changed(self) -> None:
        """Drop a started recipe once it has a folder, because it is in the list of runs then."""
        training = self._state.training
        if self._begun and training is not None and training.folder is not None:
            self._begun = ()
            self._keep()

    @Slot()
    def _on_training_ended(self) -> None:
        if not self.total:
            return
        was_ours, self._is_training = self._is_training, False
        self._begun = ()
        if was_ours and self._trainings.failure and not self._went_through():
            self._failed.append(f"run {self._num_begun}: {self._trainings.failure}")
        elif was_ours and not self._went_through():
            self._is_paused = True
        if not self._is_paused:
            self._begin_next()
        self._forget_if_over()
        self._changed()

    def _went_through(self) -> bool:
        """Whether the last training run ended by itself, possibly by diverging."""
        training = self._state.training
        if training is None or training.summary is None:
            return False
        return training.summary.state in ("finished", "diverged")

    def _forget_if_over(self) -> None:
        if not self._waiting and not self._is_training:
            if self._failed:
                number = f"{len(self._failed)} of {self._num_begun}"
                self._say(f"{number} runs of the queue failed; {' '.join(self._failed)}")
            self._num_begun = 0
            self._is_paused = False
            self._failed.clear()

    def _changed(self) -> None:
        self.changed.emit()
        self._keep()

    def _keep(self) -> None:
        """Save the waiting recipes, and the one that has just started."""
        if self._kept is None:
            return
        try:
            self._kept.keep(
                QueuedRuns(
                    waiting=tuple(self._waiting), again=tuple(self._again), begun=self._begun
                )
            )
        except UserError as error:
            self._say(f"The queue of runs will be lost when the program closes. {error}")

    def _say(self, problem: str) -> None:
        self._state.notices.add(Notice("problem", problem))
