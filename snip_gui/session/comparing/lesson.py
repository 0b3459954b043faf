"""The connection that the lesson follows, and the exact effect of its removal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.studies.lesson.steps import Lesson, choose_connection
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from snip_gui.core.base.events import Event
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.studies.lesson.steps import Choice
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.state.session_state import SessionState


class LessonKeeper(QObject):
    """Chooses a connection of the current scores, and measures its removal."""

    changed = Signal()

    def __init__(self, state: SessionState, host: JobHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._host = state, host
        self._lesson: Lesson | None = None
        self._seed = 0

    @property
    def lesson(self) -> Lesson | None:
        """The lesson at the current sparsity; None before one is begun, or if scores changed."""
        found = self._lesson
        if found is None or found.scored is not self._state.scored:
            return None
        return Lesson(found.scored, found.index, self._state.num_kept, found.presence)

    def begin(self, choice: Choice | None) -> None:
        """Follow another connection; None for the selected one. Problems are reported in place."""
        scored = self._state.scored
        if scored is None:
            return
        try:
            if choice is None:
                index = self._selected(scored)
            else:
                self._seed += choice == "random"
                index = choose_connection(scored, self._state.num_kept, choice, self._seed)
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return
        self._lesson = Lesson(scored, index, self._state.num_kept)
        self._measure(scored, index)
        self.changed.emit()

    def _selected(self, scored: Scored) -> int:
        choose_connection(scored, 1, "highest")  # refuses other methods
        selection = self._state.selection
        if selection.position is None:
            raise UserError(
                "No connection is selected.", "Click one in the picture of a layer's weights."
            )
        tensor = scored.layout[selection.tensor]
        return tensor.offset + int(np.ravel_multi_index(selection.position, tensor.shape))

    def _measure(self, scored: Scored, index: int) -> None:
        images = self._state.images
        if images is None or images.digest != scored.images_digest:
            return
        job = lazily(
            "snip_gui.core.studies.lesson.presence:presence_job",
            scored,
            index,
            self._state.preferences.environment_for(images.name),
            images,
        )
        measuring = self._host.submit("lesson", job, short=True, background=True)
        measuring.happened.connect(self._on_event)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        # Imported late: it imports torch, which has been loaded by the job.
        from snip_gui.core.studies.lesson.presence import PresenceMeasured

        lesson = self._lesson
        if (
            isinstance(event, PresenceMeasured)
            and lesson is not None
            and (event.scored, event.index) == (lesson.scored, lesson.index)
        ):
            self._lesson = Lesson(lesson.scored, lesson.index, lesson.num_kept, event)
            self.changed.emit()
