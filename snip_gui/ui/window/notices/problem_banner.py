"""The banner above the picture with a problem that the user can fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot

from snip_gui.ui.widgets.banner import Banner

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from snip_gui.session.controller import Controller


class ProblemBanner(Banner):
    """Shows the current problem, with a button if there is a quick fix."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller, self._state = controller, controller.state
        self.dismissed.connect(self._on_dismissed)
        self.action_asked.connect(self._on_action)
        self._state.status.problem_changed.connect(self._show_problem)
        self._show_problem()

    @Slot()
    def _show_problem(self) -> None:
        problem = self._state.status.problem
        if problem is None:
            self.show_message("", "")
            return
        number = len(problem.unreadable)
        action = f"Show {number:,} {'file' if number == 1 else 'files'}…" if number else ""
        if problem.proposal is not None:
            action = f"Use {problem.proposal:,.6g}"
        self.show_message(problem.message, problem.hint, action)

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
            return
        from snip_gui.ui.dialogs.inputs.unreadable_dialog import UnreadableDialog

        dialog = UnreadableDialog(problem.unreadable, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(self._controller.data.skip_unreadable)
        dialog.open()
