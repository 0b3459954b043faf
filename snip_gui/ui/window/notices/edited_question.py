"""Asks before resuming a run whose recipe was edited after it had started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QMessageBox

from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

    from snip_gui.session.controller import Controller


class EditedQuestion(QObject):
    """Resumes such a run only if the user confirms."""

    def __init__(self, controller: Controller, window: QWidget) -> None:
        super().__init__(window)
        self._controller, self._window = controller, window
        controller.trainings.edited.connect(self._ask)

    @Slot(object, str)
    def _ask(self, folder: Path, text: str) -> None:
        box = named(QMessageBox(self._window), "edited_question", "Edited recipe")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle("Edited recipe")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(text)
        box.setInformativeText(
            "What was trained so far does not belong to the recipe as it is now. To run the edited "
            "recipe from the start, open it and train it as a run of its own."
        )
        resume = box.addButton("Resume with the edited recipe", QMessageBox.ButtonRole.AcceptRole)
        resume.clicked.connect(
            lambda _checked: self._controller.resume_run(folder, accept_edits=True)
        )
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.open()
