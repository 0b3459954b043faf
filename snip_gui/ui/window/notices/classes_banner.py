"""The question before training on a minibatch that lacks classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot

from snip_gui.ui.widgets.banner import Banner

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from snip_gui.session.runs.training_start import TrainingStart


class ClassesBanner(Banner):
    """Offers to use all classes, or to train anyway."""

    def __init__(self, start: TrainingStart, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "offer")
        self._start = start
        self.dismissed.connect(start.dismiss)
        self.action_asked.connect(start.use_all)
        self.second_asked.connect(start.agree)
        start.changed.connect(self._show_question)

    @Slot()
    def _show_question(self) -> None:
        question = self._start.question
        hint = "The mask keeps what matters for these classes; the others are trained under it too."
        self.show_message(question, hint if question else "", "Use all classes", "Train anyway")
        if question:
            self.action.setFocus()
