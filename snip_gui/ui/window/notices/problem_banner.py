"""The banner above the picture with a problem that the user can fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot

from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.ui.commands.data_commands import DataCommands
from snip_gui.ui.widgets.banner import Banner

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from snip_gui.session.controller import Controller
    from snip_gui.session.state.values import Problem


class ProblemBanner(Banner):
    """Shows the current problem, with the buttons that may fix it."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller, self._state = controller, controller.state
        self._data = DataCommands(controller, self)
        self.dismissed.connect(self._on_dismissed)
        self.action_asked.connect(self._on_action)
        self.second_asked.connect(self._data.download)
        self._state.status.problem_changed.connect(self._show_problem)
        self._show_problem()

    @Slot()
    def _show_problem(self) -> None:
        problem = self._state.status.problem
        if problem is None:
            self.show_message("", "")
            return
        self.setProperty("role", "offer" if problem.is_question else "banner")
        self.style().polish(self)
        self.show_message(problem.message, problem.hint, *self._actions(problem))

    def _actions(self, problem: Problem) -> tuple[str, str]:
        """Return the texts of the two buttons; empty for no button."""
        if problem.proposal is not None:
            return f"Use {problem.proposal:,.6g}", ""
        if problem.field == "pruning.edits" and self._controller.masks.edits:
            return "Take back all edits", ""
        number = len(problem.unreadable)
        if number:
            return f"Show {number:,} {'file' if number == 1 else 'files'}…", ""
        if self._is_about_place(problem):
            info = DATASETS[self._state.recipe.data.name]
            return f"Choose {info.takes}…", "Download…" if info.download else ""
        return "", ""

    def _is_about_place(self, problem: Problem) -> bool:
        """Return whether it is about the folder or file of the recipe's data set."""
        name = self._state.recipe.data.name
        is_unread = problem == self._state.images_problem
        return is_unread and name in DATASETS.names and DATASETS[name].needs_folder

    @Slot()
    def _on_dismissed(self) -> None:
        self._state.status.set_problem(None)

    @Slot()
    def _on_action(self) -> None:
        problem = self._state.status.problem
        if problem is None:
            return
        if problem.proposal is not None:
            self._controller.set_field(problem.field, problem.proposal)
        elif problem.field == "pruning.edits":
            self._controller.masks.clear()
        elif problem.unreadable:
            self._show_unreadable(problem)
        else:
            self._data.choose_place()

    def _show_unreadable(self, problem: Problem) -> None:
        """List the files, with the offer to open the data set without them."""
        from snip_gui.ui.dialogs.inputs.unreadable_dialog import UnreadableDialog

        dialog = UnreadableDialog(problem.unreadable, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(self._controller.data.skip_unreadable)
        dialog.open()
