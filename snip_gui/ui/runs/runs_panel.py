"""Runs: all runs, to find, compare and resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QPushButton,
    QStackedLayout,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.reports.text_tables import FORMATS
from snip_gui.ui.commands.run_commands import RunCommands
from snip_gui.ui.runs.background_strip import BackgroundStrip
from snip_gui.ui.runs.runs_model import (
    COLUMNS,
    ENTRY_ROLE,
    NUMBERS,
    SORT_ROLE,
    RunsModel,
    SortedRuns,
)
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.curve_delegate import CurveDelegate
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.session.controller import Controller
    from snip_gui.ui.theme.theme import Themes

_EMPTY = (
    "No runs yet.\n\nTrain (F6) creates one and Sweep… several at different sparsities. Runs "
    "from the command line appear here too."
)
_WATCH_MS = 5_000
_WIDTHS = {"shown": 28, "star": 28, "name": 230, "curve": 72, "network": 112, "dataset": 82,
           "minibatch": 130, "method": 100, "sparsity": 72, "test_error": 84,
           "test_error_at_best": 130, "validation_error": 76, "epochs": 84, "seconds": 86,
           "size": 66, "state": 70, "made": 116, "note": 160}  # fmt: skip


class RunsPanel(QWidget):
    """A table with a filter, and actions for the chosen runs."""

    def __init__(
        self, controller: Controller, themes: Themes, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._controller, self._runs, self._queue = controller, controller.runs, controller.queue
        self.commands = RunCommands(controller, themes, self)
        self.model = RunsModel(self)
        self.sorted = SortedRuns(self.model, self)
        self.sorted.setSortRole(SORT_ROLE)
        self.filter = named(
            QLineEdit(), "runs_filter", "Filter", "Show only runs that contain these words"
        )
        self.filter.setPlaceholderText("Filter: network, data, state, note…")
        self.filter.setClearButtonEnabled(True)
        self.filter.setMinimumWidth(110)
        self.filter.textChanged.connect(self.sorted.show_filtered)
        self.table = self._make_table()
        self.actions_by_name = self._make_actions()
        # Updates the progress of training; listing again is cheap, because only that run is read.
        self._watch = QTimer(self, interval=_WATCH_MS)
        self._watch.timeout.connect(self._on_watch)
        self._build()
        self._connect()
        self._show_runs()
        self._show_queue()

    # Construction

    def _make_table(self) -> QTableView:
        table = named(QTableView(), "runs_table", "Runs")
        table.setModel(self.sorted)
        table.setSortingEnabled(True)
        table.sortByColumn(NUMBERS["made"], Qt.SortOrder.DescendingOrder)
        table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        triggers = QTableView.EditTrigger
        table.setEditTriggers(triggers.EditKeyPressed | triggers.DoubleClicked)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names of runs end with the sparsity
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(24)
        header = table.horizontalHeader()
        header.setSectionsMovable(True)
        header.setMinimumSectionSize(24)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for name, width in _WIDTHS.items():
            table.setColumnWidth(NUMBERS[name], width)
        delegate = CurveDelegate(lambda index: index.data(ENTRY_ROLE).curve, table)
        table.setItemDelegateForColumn(NUMBERS["curve"], delegate)
        return table

    def _make_actions(self) -> dict[str, QAction]:
        one, many, commands = self._on_one, self._on_many, self.commands
        made: dict[str, QAction] = {}
        for name, text, key, work in (
            ("continue", "&Continue training", "", one(self._continue)),
            ("extend", "E&xtend…", "", one(commands.extend)),
            ("mistakes", "&Mistakes…", "", one(commands.show_mistakes)),
            ("open_recipe", "&Open recipe", "", one(commands.open_recipe)),
            ("show_folder", "Show &folder", "", one(commands.show_folder)),
            ("export", "&Export…", "", one(commands.export)),
            ("rename", "&Rename", "", lambda: self._edit_cell("name")),
            ("note", "&Note", "", lambda: self._edit_cell("note")),
            ("queue", "Queue &again", "", many(self._train_again)),
            ("delete", "&Delete", "Del", many(self._runs.delete)),
        ):
            action = QAction(text, self)
            action.setObjectName(f"action_run_{name}")
            action.triggered.connect(work)
            if key:
                action.setShortcut(QKeySequence(key))
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
                self.table.addAction(action)
            made[name] = action
        for form in FORMATS:
            action = QAction(f"Copy as {form}", self)
            action.setObjectName(f"action_run_copy_{form.lower()}")
            action.setProperty("form", form)
            action.triggered.connect(self._on_copy)
            made[f"copy_{form.lower()}"] = action
        return made

    def _build(self) -> None:
        self.menu = QMenu(self)
        self.menu.setObjectName("runs_menu")
        for action in self.actions_by_name.values():
            if action.objectName() in ("action_run_rename", "action_run_delete"):
                self.menu.addSeparator()
            self.menu.addAction(action)
        self.more = named(QToolButton(), "runs_more", "More", "More actions for runs")
        self.more.setText("More")
        self.more.setMenu(self.menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.resume = self._button("Continue", "run_continue", "Resume the selected run")
        self.recipe = self._button(
            "Open recipe", "run_open_recipe", "Make the selected run's recipe the current one"
        )
        self.differences = self._button(
            "Differences…", "run_differences",
            "Compare the recipes of the ticked runs, or of the selected ones if none is ticked",
        )  # fmt: skip
        self.error_sparsity = self._button(
            "Error plot…", "run_error_sparsity",
            "Test error versus sparsity of the ticked runs; if none is ticked, of the selected "
            "runs or all",
        )  # fmt: skip
        self.sweep = self._button(
            "Sweep…", "run_sweep", "Train at several sparsities and with several seeds"
        )
        self._count = named(Label(), "runs_count", "Runs shown")
        self._count.setProperty("role", "muted")
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self.filter, 1)
        top.addWidget(self._count)
        for button in (
            self.resume, self.recipe, self.differences, self.error_sparsity, self.sweep, self.more,
        ):  # fmt: skip
            top.addWidget(button)
        self.strip = QWidget()
        self._message = named(Label(), "runs_said", "Queue and deletions")
        self.resume_queue = self._button(
            "Resume queue", "queue_go_on", "Train the next run in the queue"
        )
        self.stop = self._button(
            "Stop queue", "queue_stop", "Stop this run, keep its progress, and clear the queue"
        )
        self.clear = self._button(
            "Clear queue", "queue_clear", "Remove the waiting runs from the queue"
        )
        self.undo = self._button("Undo", "runs_undo", "Restore the deleted runs")
        row = QHBoxLayout(self.strip)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self._message, self.resume_queue, self.stop, self.clear, self.undo):
            row.addWidget(widget)
        row.addStretch()
        self._empty = named(Label(_EMPTY), "runs_empty", "No runs")
        self._empty.setProperty("role", "empty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.table)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.strip)
        column.addWidget(BackgroundStrip(self._controller.background))
        column.addWidget(pages, 1)

    def _button(self, text: str, name: str, tip: str) -> QPushButton:
        return named(QPushButton(text), name, text.rstrip("…"), tip)

    def _connect(self) -> None:
        self.model.check_asked.connect(self._runs.check)
        self.model.rename_asked.connect(self._runs.rename)
        self.model.note_asked.connect(self._on_note)
        self.table.clicked.connect(self._on_clicked)
        self.table.customContextMenuRequested.connect(self._on_menu)
        self.table.selectionModel().selectionChanged.connect(self._enable)
        self.resume.clicked.connect(self.actions_by_name["continue"].trigger)
        self.recipe.clicked.connect(self.actions_by_name["open_recipe"].trigger)
        self.differences.clicked.connect(self._on_differences)
        self.error_sparsity.clicked.connect(self._on_error_sparsity)
        self.sweep.clicked.connect(self.commands.ask_sweep)
        self.resume_queue.clicked.connect(self._queue.resume)
        self.clear.clicked.connect(self._queue.clear)
        self.stop.clicked.connect(self._on_stop)
        self.undo.clicked.connect(self._runs.undo_delete)
        self.filter.textChanged.connect(self._enable)
        self._runs.changed.connect(self._show_runs)
        self._runs.checked_changed.connect(self._show_checked)
        self._queue.changed.connect(self._show_queue)
        self._controller.state.training_changed.connect(self._on_training_changed)
        self._controller.background.changed.connect(self._on_training_changed)

    @Slot(bool)
    def look_again(self, visible: bool = True) -> None:
        """Read the runs folder when the panel is shown: the command line creates runs too."""
        if visible and self._runs.is_listed:
            self._runs.refresh()

    @Slot()
    def _on_watch(self) -> None:
        self.look_again(not self.visibleRegion().isEmpty())

    @Slot()
    def _on_training_changed(self) -> None:
        training = self._controller.state.training
        is_training = training is not None and training.is_active
        if not is_training and not self._controller.background.running:
            self._watch.stop()
        elif not self._watch.isActive():
            self._watch.start()
        self._enable()

    # State to widgets

    @Slot()
    def _show_runs(self) -> None:
        self.model.show_runs(self._runs.entries)
        has_runs = bool(self._runs.entries)
        self._empty.setText(_EMPTY if self._runs.is_listed else "Looking for runs…")
        self._pages.setCurrentIndex(1 if has_runs else 0)
        self._show_checked()
        self._show_queue()

    @Slot()
    def _show_checked(self) -> None:
        self.model.show_checked([entry.folder for entry in self._runs.checked])
        self._enable()

    @Slot()
    def _show_queue(self) -> None:
        """Show the progress of the queue, and the last deletion."""
        queue, num_deleted = self._queue, self._runs.num_deleted
        texts = []
        if queue.total:
            left = len(queue.waiting)
            waits = f"{left} waiting"
            state = "paused" if queue.is_paused else "training"
            texts.append(f"Queue: run {max(1, queue.number)} of {queue.total}, {state}; {waits}.")
        if num_deleted:
            word = "run" if num_deleted == 1 else "runs"
            texts.append(f"{num_deleted} {word} moved to the bin.")
        self._message.setText(" ".join(texts))
        self.resume_queue.setVisible(queue.is_paused)
        self.clear.setVisible(bool(queue.waiting))
        self.stop.setVisible(bool(queue.total) and not queue.is_paused)
        self.undo.setVisible(bool(num_deleted))
        self.strip.setVisible(bool(texts))

    @Slot()
    def _enable(self) -> None:
        chosen, checked = self.selected(), self._runs.checked
        one = chosen[0] if len(chosen) == 1 else None
        training = self._controller.state.training
        is_free = training is None or not training.is_active
        enabled = {
            "continue": one is not None and one.can_continue and is_free,
            "extend": one is not None and one.state == "finished" and is_free,
            "mistakes": one is not None and one.recipe is not None and one.epochs_done > 0,
            "open_recipe": one is not None and one.recipe is not None,
            "show_folder": one is not None,
            "export": one is not None and one.recipe is not None and one.state != "scored",
            "rename": one is not None and one.state != "running",
            "note": one is not None,
            "queue": any(entry.recipe is not None for entry in chosen),
            "delete": bool(chosen) and all(entry.state != "running" for entry in chosen),
        }
        for name, is_enabled in enabled.items():
            self.actions_by_name[name].setEnabled(is_enabled)
        self.resume.setEnabled(enabled["continue"])
        self.recipe.setEnabled(enabled["open_recipe"])
        self.differences.setEnabled(len(self._compared()) > 1)
        self.error_sparsity.setEnabled(bool(self._runs.entries))
        shown, total = self.sorted.rowCount(), self.model.rowCount()
        parts = [f"{shown} of {total}" if shown != total else f"{total}"]
        parts += [f"{len(chosen)} selected"] if len(chosen) > 1 else []
        parts += [f"{len(checked)} ticked"] if checked else []
        self._count.setText(", ".join(parts) if total else "")

    # Choices

    def selected(self) -> list[RunEntry]:
        """Return the selected runs, in the order shown."""
        rows = sorted(self.table.selectionModel().selectedRows(), key=QModelIndex.row)
        return [row.data(ENTRY_ROLE) for row in rows]

    def _shown(self) -> list[RunEntry]:
        count = self.sorted.rowCount()
        return [self.sorted.index(row, 0).data(ENTRY_ROLE) for row in range(count)]

    def _compared(self) -> list[RunEntry]:
        """Return the ticked runs, or the selected ones if none is ticked."""
        return [e for e in self._runs.checked or self.selected() if e.recipe is not None]

    def _on_one(self, work: Callable[[RunEntry], None]) -> Callable[[], None]:
        def on_first() -> None:
            for entry in self.selected()[:1]:
                work(entry)

        return on_first

    def _on_many(self, work: Callable[[list[RunEntry]], None]) -> Callable[[], None]:
        return lambda: work(self.selected())

    # Intents

    def _continue(self, entry: RunEntry) -> None:
        self._controller.resume_run(entry.folder)

    def _train_again(self, entries: list[RunEntry]) -> None:
        taken = (self._runs.take_recipe(entry) for entry in entries)
        self._queue.add([recipe for recipe in taken if recipe is not None], again=True)

    def _edit_cell(self, name: str) -> None:
        rows = self.table.selectionModel().selectedRows(NUMBERS[name])
        if rows:
            self.table.setFocus()
            self.table.scrollTo(rows[0])
            self.table.edit(rows[0])

    @Slot()
    def _on_stop(self) -> None:
        self._queue.clear()
        self._controller.stop()

    @Slot()
    def _on_copy(self) -> None:
        self.commands.copy(self.selected() or self._shown(), self.sender().property("form"))

    @Slot()
    def _on_differences(self) -> None:
        self.commands.show_differences(self._compared())

    @Slot()
    def _on_error_sparsity(self) -> None:
        chosen = self._compared()
        self.commands.show_error_sparsity(chosen if len(chosen) > 1 else self._shown())

    @Slot(object, str)
    def _on_note(self, entry: RunEntry, note: str) -> None:
        self._runs.set_notes(entry, note=note.strip())

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        if COLUMNS[index.column()].name == "star":
            entry: RunEntry = index.data(ENTRY_ROLE)
            self._runs.set_notes(entry, starred=not entry.notes.starred)

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        if self.table.indexAt(place).isValid():
            self.menu.popup(self.table.viewport().mapToGlobal(place))
