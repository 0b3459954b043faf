"""Systems side by side: pruning systems on one network, one data set and one budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.errors import UserError
from snip_gui.core.models.networks import network_title
from snip_gui.core.reports.tables import duration
from snip_gui.core.reports.text_tables import FORMATS
from snip_gui.core.studies.figures.drawing import DARK, LIGHT
from snip_gui.core.studies.systems.answer import SystemsAnswer
from snip_gui.ui.compare.systems_controls import SystemsControls
from snip_gui.ui.dialogs.files.figures import find_figures
from snip_gui.ui.dialogs.files.picture_dialog import PictureDialog
from snip_gui.ui.widgets.figures.figure_view import FigureView
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label, plain_name, plain_tip

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.reports.text_tables import Table
    from snip_gui.session.controller import Controller
    from snip_gui.ui.theme.theme import Themes

_EMPTY = (
    "Trains SNIP and the systems that it is compared with in the paper on the current network and "
    "data set, and shows error, size and cost beside published results."
)
_ESTIMATE_MS = 200
_MOST_WIDTH = 260


class SystemsPanel(QWidget):
    """Settings at the top, then the answer, a table and a figure."""

    run_chosen = Signal(object)  # Path

    def __init__(
        self, controller: Controller, themes: Themes, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._studies, self._themes = controller.state, controller.studies, themes
        self._answer: SystemsAnswer | None = None
        self.controls = SystemsControls()
        self.start = named(
            QPushButton("Compare"), "systems_start", "Compare systems",
            "Train all of them in other processes. Runs that exist are used again",
        )  # fmt: skip
        self.estimate = named(Label(), "systems_estimate", "What would be compared")
        self.estimate.setProperty("role", "muted")
        self.sentence = named(Label(_EMPTY), "systems_answer", "Answer")
        for label in (self.estimate, self.sentence):
            label.setWordWrap(True)
        self.table = named(QTableWidget(), "systems_table", "Systems")
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setToolTip("Double-click a row to open its run")
        self.table.verticalHeader().hide()
        self.view = named(FigureView("Systems"), "systems_figure", "Error over size")
        self.copy = named(QPushButton("Copy"), "systems_copy", "Copy the table")
        self.save = named(
            QPushButton("Save picture…"), "systems_save", "Save picture", "At any size"
        )
        menu = QMenu(self)
        for name in FORMATS:
            menu.addAction(f"As {name}").setData(name)
        menu.triggered.connect(lambda action: self._on_copy(action.data()))
        self.copy.setMenu(menu)
        self._runs_menu = QMenu(self)
        self._delay = QTimer(self, interval=_ESTIMATE_MS, singleShot=True)
        self._build()
        self._connect()
        self._show()
        self._show_estimate()

    def _build(self) -> None:
        top, middle = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.controls, 1)
        top.addWidget(self.start, 0, Qt.AlignmentFlag.AlignTop)
        middle.addWidget(self.sentence, 1)
        middle.addWidget(self.copy)
        middle.addWidget(self.save)
        self._results = QSplitter(Qt.Orientation.Vertical)
        self._results.addWidget(self.table)
        self._results.addWidget(self.view)
        self._results.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 4)
        column.addLayout(top)
        column.addWidget(self.estimate)
        column.addLayout(middle)
        column.addWidget(self._results, 1)
        column.addStretch()

    def _connect(self) -> None:
        state = self._state
        self.start.clicked.connect(self._on_start)
        self.controls.entered.connect(self._on_start)
        self.controls.edited.connect(self._delay.start)
        self._delay.timeout.connect(self._show_estimate)
        self.table.activated.connect(self._on_row)
        self.save.clicked.connect(self._on_save)
        self._runs_menu.triggered.connect(lambda action: self.run_chosen.emit(action.data()))
        self._studies.changed.connect(self._show)
        self._themes.changed.connect(self._draw)
        for signal in (state.recipe_changed, state.images_changed, state.scored_changed):
            signal.connect(self._delay.start)
        for signal in (state.images_changed, state.devices_changed):
            signal.connect(self._enable)

    # State to widgets

    @Slot()
    def _enable(self) -> None:
        is_running = self._studies.is_running
        ready = self._state.images is not None and bool(self._state.devices)
        self.start.setEnabled(ready or is_running)
        self.start.setText("Stop" if is_running else "Compare")

    @Slot()
    def _show_estimate(self) -> None:
        """Say what would be trained, and about how long that takes."""
        recipe = self._state.recipe
        if self._state.images is None:
            self.estimate.setText("")
            return
        controls = self.controls
        try:
            study = self._studies.make_systems(
                controls.systems.values(), controls.sparsities.text(), controls.seeds.text(),
                controls.num_passes,
            )  # fmt: skip
        except UserError as error:
            self.estimate.setText(str(error))
            return
        parts = [f"{network_title(recipe.model)} on {self._state.images.title}: "]
        number = study.num_works
        parts.append("1 run" if number == 1 else f"{number:,} runs")
        seconds = self._studies.estimate(study)
        if seconds is not None:
            parts.append(f", at most about {duration(seconds)}")
        self.estimate.setText("".join(parts) + ".")

    @Slot()
    def _show(self) -> None:
        """Show the answer, unless that of another study came last."""
        self._enable()
        done = self._studies.done
        if done is not None and isinstance(done.answer, SystemsAnswer):
            self._answer = done.answer
            self.sentence.setText(done.answer.sentence)
            self._show_table(done.answer.overview)
            self._draw()
        for widget in (self._results, self.copy, self.save):
            widget.setVisible(self._answer is not None)

    @Slot()
    def _draw(self) -> None:
        if self._answer is not None:
            colours = DARK if self._themes.name == "dark" else LIGHT
            self.view.show_figure(self._answer.figure, colours, self._answer.sentence)

    def _show_table(self, table: Table) -> None:
        self.table.setColumnCount(len(table.headers))
        self.table.setHorizontalHeaderLabels(list(table.headers))
        self.table.setRowCount(len(table.rows))
        for row, cells in enumerate(table.rows):
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(plain_tip(text))
                self.table.setItem(row, column, item)
        self.table.resizeColumnsToContents()
        for column in range(len(table.headers)):
            width = self.table.columnWidth(column)
            self.table.setColumnWidth(column, min(width, _MOST_WIDTH))

    # Intents

    @Slot()
    def _on_start(self) -> None:
        if self._studies.is_running:
            self._studies.stop()
            return
        controls = self.controls
        self._studies.compare_systems(
            controls.systems.values(),
            controls.sparsities.text(),
            controls.seeds.text(),
            controls.num_passes,
            controls.limit.text(),
        )

    @Slot(QModelIndex)
    def _on_row(self, index: QModelIndex) -> None:
        """Open the run of a row, or offer those of its seeds."""
        folders = self._folders(index.row())
        if len(folders) == 1:
            self.run_chosen.emit(next(iter(folders.values())))
        elif folders:
            self._runs_menu.clear()
            for seed, folder in folders.items():
                self._runs_menu.addAction(plain_name(f"Open seed {seed}")).setData(folder)
            place = self.table.visualRect(index).bottomLeft()
            self._runs_menu.popup(self.table.viewport().mapToGlobal(place))

    def _folders(self, row: int) -> dict[int, Path]:
        """Return the run of each seed in a row; none in rows that are only quoted."""
        if self._answer is None or row >= len(self._answer.arms):
            return {}
        return {seed: found.folder for seed, found in self._answer.arms[row].results.items()}

    def _on_copy(self, name: str) -> None:
        if self._answer is not None:
            QGuiApplication.clipboard().setText(FORMATS[name](self._answer.overview))

    @Slot()
    def _on_save(self) -> None:
        background = self.palette().window().color()
        dialog = PictureDialog(find_figures(self), background, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
