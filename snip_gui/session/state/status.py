"""The current activity and the current problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from snip_gui.session.state.notices import Notice

if TYPE_CHECKING:
    from snip_gui.session.state.notices import Notices
    from snip_gui.session.state.values import Activity, Problem


class Status(QObject):
    """The newest activity and the newest problem."""

    activity_changed = Signal()
    problem_changed = Signal()

    def __init__(self, notices: Notices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._notices = notices
        self._activity: Activity | None = None
        self._problem: Problem | None = None

    @property
    def activity(self) -> Activity | None:
        """The current activity; None if idle."""
        return self._activity

    def set_activity(self, activity: Activity | None) -> None:
        """Replace the activity."""
        if activity != self._activity:
            self._activity = activity
            self.activity_changed.emit()

    @property
    def problem(self) -> Problem | None:
        """The problem that the user should fix; None if there is none."""
        return self._problem

    def set_problem(self, problem: Problem | None) -> None:
        """Replace the problem."""
        if problem != self._problem:
            self._problem = problem
            self.problem_changed.emit()

    def report(self, problem: Problem) -> None:
        """Show a problem in place and log it."""
        self.set_problem(problem)
        self._notices.add(Notice("problem", problem.message, problem.hint))
