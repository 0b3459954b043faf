"""Runs: all runs, to find, compare and resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QLineEdit,
    QPushButton,
    QSplitter,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.ui.commands.run_commands import RunCommands
from snip_gui.ui.runs.background_strip import BackgroundStrip
from snip_gui.ui.runs.error_plot import ErrorPlot
from snip_gui.ui.runs.plan_tree import PlanTree
from snip_gui.ui.runs.queue_strip import QueueStrip
from snip_gui.ui.runs.run_actions import RunActions
from snip_gui.ui.runs.run_table import RunTable
from snip_gui.ui.runs.runs_model import RunsModel
from snip_gui.ui.widgets.layouts.wrapping_row import WrappingRow
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QShowEvent

    from snip_gui.core.comparing.plans import Plan
    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.session.controller import Controller
    from snip_gui.ui.theme.theme import Themes

_EMPTY = (
    "No runs yet.\n\nTrain (F6) creates one and Sweep… several at different sparsities. Runs "
    "from the command line appear here too."
)
_WATCH_MS = 5_000
_TABLE_SHARE, _PLOT_SHARE = 56, 44


class RunsPage(QWidget):
    """A table with a filter, actions for the selected runs, and a plot of their errors."""

    def __init__(
        self, controller: Controller, themes: Themes, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._controller, self._runs = controller, controller.runs
        self._wanted: Path | None = None  # a run to open once it has been listed
        self.commands = RunCommands(controller, self)
        self.model = RunsModel(self)
        self.table = RunTable(self.model)
        self.sorted = self.table.sorted
        self.run_actions = RunActions(controller, self.commands, self.table)
        self.actions_by_name = self.run_actions.by_name
        self.plot = ErrorPlot(themes)
        # Updates the progress of training; listing again is cheap, because only that run is read.
        self._watch = QTimer(self, interval=_WATCH_MS)
        self._watch.timeout.connect(self._on_watch)
        self.tree = PlanTree(controller.plans)
        self._make_controls()
        self._make_views()
        self._build()
        self._connect()
        self._show_runs()

    # Construction

    def _make_controls(self) -> None:
        self.filter = named(
            QLineEdit(), "runs_filter", "Filter", "Show only runs that contain these words"
        )
        self.filter.setPlaceholderText("Filter: network, data, state, note…")
        self.filter.setClearButtonEnabled(True)
        self.filter.setMinimumWidth(180)
        self._count = named(Label(), "runs_count", "Runs shown")
        self._count.setProperty("role", "muted")
        self.resume = _button("Continue", "run_continue", "Resume the selected run")
        self.recipe = _button(
            "Open recipe", "run_open_recipe", "Make the selected run's recipe the current one"
        )
        self.differences = _button(
            "Differences…", "run_differences",
            "Compare the recipes of the ticked runs, or of the selected ones if none is ticked",
        )  # fmt: skip
        self.sweep = _button(
            "Sweep…", "run_sweep", "Train at several sparsities and with several seeds"
        )
        self.more = named(QToolButton(), "runs_more", "More", "More actions for runs")
        self.more.setText("More")
        self.more.setMenu(self.run_actions.menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def _make_views(self) -> None:
        """Make the choice between the table and the tree."""
        self.as_table = named(
            QToolButton(), "runs_as_table", "Table", "All runs in a table, and their errors"
        )
        self.as_tree = named(
            QToolButton(), "runs_as_tree", "Tree",
            "Pins, runs and opened files, each below the state that it was made from",
        )  # fmt: skip
        group = QButtonGroup(self)
        for button in (self.as_table, self.as_tree):
            button.setText(button.accessibleName())
            button.setCheckable(True)
            group.addButton(button)
        self.as_table.setChecked(True)
        self.as_tree.toggled.connect(self._show_view)

    def _build(self) -> None:
        row = QWidget()
        top = WrappingRow(row)
        self._of_table = (
            self.filter, self._count, self.resume, self.recipe, self.differences, self.sweep,
            self.more,
        )  # fmt: skip
        for widget in (self.as_table, self.as_tree, *self._of_table):
            top.addWidget(widget)
        self._empty = named(Label(_EMPTY), "runs_empty", "No runs")
        self._empty.setProperty("role", "empty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self.splitter = named(QSplitter(Qt.Orientation.Vertical), "runs_splitter", "Runs")
        self.splitter.addWidget(self.table)
        self.splitter.addWidget(self.plot)
        self.splitter.setSizes([_TABLE_SHARE, _PLOT_SHARE])
        self.splitter.setStretchFactor(0, _TABLE_SHARE)
        self.splitter.setStretchFactor(1, _PLOT_SHARE)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.splitter)
        self._pages.addWidget(self.tree)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(4)
        column.addWidget(row)
        column.addWidget(QueueStrip(self._controller))
        column.addWidget(BackgroundStrip(self._controller.background))
        column.addWidget(pages, 1)

    def _connect(self) -> None:
        runs = self._runs
        self.model.check_asked.connect(runs.check)
        self.model.rename_asked.connect(runs.rename)
        self.model.note_asked.connect(self._on_note)
        self.table.star_asked.connect(self._on_star)
        self.table.menu_asked.connect(self._on_menu)
        self.table.selectionModel().selectionChanged.connect(self._update)
        self.plot.run_chosen.connect(self._on_point)
        self.tree.train_asked.connect(self._on_train_plan)
        self.resume.clicked.connect(self.actions_by_name["continue"].trigger)
        self.recipe.clicked.connect(self.actions_by_name["open_recipe"].trigger)
        self.differences.clicked.connect(self._on_differences)
        self.sweep.clicked.connect(self.commands.ask_sweep)
        self.filter.textChanged.connect(self._on_filter)
        runs.changed.connect(self._show_runs)
        runs.checked_changed.connect(self._show_checked)
        self._controller.state.training_changed.connect(self._on_training_changed)
        self._controller.background.changed.connect(self._on_training_changed)

    # Updates

    def showEvent(self, event: QShowEvent) -> None:
        """Read the runs folder again: the command line creates runs too."""
        super().showEvent(event)
        self._look_again()

    def _look_again(self) -> None:
        if self._runs.is_listed:
            self._runs.refresh()

    @Slot()
    def _on_watch(self) -> None:
        if not self.visibleRegion().isEmpty():
            self._look_again()

    @Slot()
    def _on_training_changed(self) -> None:
        training = self._controller.state.training
        is_training = training is not None and training.is_active
        if not is_training and not self._controller.background.running:
            self._watch.stop()
        elif not self._watch.isActive():
            self._watch.start()
        self._update()

    @Slot()
    def _show_runs(self) -> None:
        self.table.show_runs(self._runs.entries)
        self._open_wanted()
        self._empty.setText(_EMPTY if self._runs.is_listed else "Looking for runs…")
        self._show_view()
        self._show_checked()

    @Slot()
    def _show_view(self) -> None:
        is_tree = self.as_tree.isChecked()
        for widget in self._of_table:
            widget.setVisible(not is_tree)
        self._pages.setCurrentIndex(2 if is_tree else int(bool(self._runs.entries)))

    @Slot()
    def _show_checked(self) -> None:
        self.model.show_checked([entry.folder for entry in self._runs.checked])
        self._update()

    @Slot(str)
    def _on_filter(self, text: str) -> None:
        self.table.sorted.show_filtered(text)
        self._update()

    @Slot()
    def _update(self) -> None:
        """Enable what the selection allows, count the runs, and plot the chosen ones."""
        self.run_actions.enable()
        self.resume.setEnabled(self.actions_by_name["continue"].isEnabled())
        self.recipe.setEnabled(self.actions_by_name["open_recipe"].isEnabled())
        compared = self._compared()
        self.differences.setEnabled(len(compared) > 1)
        self.plot.show_runs(compared if len(compared) > 1 else self.table.shown())
        chosen, shown, total = self.table.selected(), self.sorted.rowCount(), self.model.rowCount()
        parts = [f"{shown} of {total}" if shown != total else f"{total}"]
        parts += [f"{len(chosen)} selected"] if len(chosen) > 1 else []
        parts += [f"{len(self._runs.checked)} ticked"] if self._runs.checked else []
        self._count.setText(", ".join(parts) if total else "")

    def selected(self) -> list[RunEntry]:
        """Return the selected runs, in the order shown."""
        return self.table.selected()

    def _compared(self) -> list[RunEntry]:
        """Return the ticked runs, or the selected ones if none is ticked."""
        return [e for e in self._runs.checked or self.selected() if e.recipe is not None]

    # Intents

    def open_run(self, folder: Path) -> None:
        """Select a run and make its recipe the current one, as soon as it has been listed."""
        self._wanted = folder
        self._open_wanted()
        self._runs.refresh()

    def _open_wanted(self) -> None:
        for entry in self._runs.entries:
            if entry.folder == self._wanted:
                self._wanted = None
                self._on_point(entry)

    @Slot(object)
    def _on_point(self, entry: RunEntry) -> None:
        """Open the run of a point: select it, and make its recipe the current one."""
        self.table.select(entry.folder)
        self.commands.open_recipe(entry)

    @Slot(object)
    def _on_train_plan(self, plan: Plan) -> None:
        """Train a state: resume or extend its run, or start a new one."""
        entry = next((e for e in self._runs.entries if e.folder == plan.folder), None)
        if entry is not None and entry.can_continue:
            self._controller.resume_run(entry.folder)
        elif entry is not None and entry.state == "finished":
            self.commands.extend(entry)
        else:
            self._controller.plans.open(plan)
            self._controller.training_start.train()

    @Slot()
    def _on_differences(self) -> None:
        self.commands.show_differences(self._compared())

    @Slot(object, str)
    def _on_note(self, entry: RunEntry, note: str) -> None:
        self._runs.set_notes(entry, note=note.strip())

    @Slot(object)
    def _on_star(self, entry: RunEntry) -> None:
        self._runs.set_notes(entry, starred=not entry.notes.starred)

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        self.run_actions.menu.popup(place)


def _button(text: str, name: str, tip: str) -> QPushButton:
    return named(QPushButton(text), name, text.rstrip("…"), tip)
