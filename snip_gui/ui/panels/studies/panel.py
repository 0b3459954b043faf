"""Studies: questions that take many masks to answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QModelIndex, Qt, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.recipe.json import with_value
from snip_gui.core.studies.catalogue import STUDIES
from snip_gui.core.studies.figures.drawing import DARK, LIGHT
from snip_gui.core.studies.overlaps.groups import CLASSES, comparable_fields
from snip_gui.core.studies.overlaps.leave_one_out import LeaveOneOutAnswer
from snip_gui.core.studies.overlaps.overlap import OverlapAnswer, OverlapStudy
from snip_gui.core.studies.study import StudyAdvanced
from snip_gui.core.views.picture import colour_table
from snip_gui.session.comparing.studies import PINS
from snip_gui.ui.panels.studies.lesson_view import LessonView
from snip_gui.ui.widgets.figures.figure_view import FigureView
from snip_gui.ui.widgets.layouts.labelled import Labelled
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.number_grid import NumberGrid
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.reports.text_tables import Table
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes

LESSON = "lesson"  # in place of the name of a study
_FIGURE, _ALL = "Figure", "All numbers"
_FILTERS = ("Figure (*.png)", "Figure (*.svg)", "All numbers (*.csv)", "Report (*.html)",
            "Recipes (*.zip)", "Report with a folder of figures (*.md)")  # fmt: skip
_MOST_WORDS = 96  # pixels: five lines
_SUFFIXES = (".png", ".svg", ".csv", ".html", ".md", ".zip")
_REPEATS = {"seed": "everything", "minibatch.seed": "images only"}


class StudiesPanel(QWidget):
    """The choice of a study, its settings, and its answer as a sentence and a table."""

    def __init__(
        self,
        state: SessionState,
        controller: Controller,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._controller, self._themes = state, controller, themes
        self._studies = controller.studies
        self._make_controls()
        self._question = named(Label(), "study_question", "Question")
        self._question.setProperty("role", "muted")
        self.sentence = named(Label(), "study_answer", "Answer")
        for label in (self._question, self.sentence):
            label.setWordWrap(True)
        self.matrix = named(NumberGrid(), "study_matrix", "Overlap of each pair of groups")
        self.lesson = LessonView(state, self._studies.lesson, themes)
        self.figure = named(FigureView("Study"), "study_figure", "Answer as a figure")
        self.table = named(QTableWidget(), "study_table", "Answer as a table")
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self._build()
        self._connect()
        self._on_chosen()
        self._show()

    def choose(self, name: str) -> None:
        """Choose a study, without running it."""
        self.study.setCurrentIndex(self.study.findData(name))

    def show_lesson(self) -> None:
        """Show the lesson."""
        self.choose(LESSON)

    def _make_controls(self) -> None:
        self.study = named(QComboBox(), "study_choice", "Study", "The question to answer")
        for info in STUDIES:
            self.study.addItem(info.title, info.name)
        self.study.insertSeparator(self.study.count())
        self.study.addItem("Lesson: one connection", LESSON)
        self.groups = named(QComboBox(), "study_groups", "Compare", "What the groups differ in")
        self.groups.addItem("Classes", CLASSES)
        self.groups.addItem("Pins", PINS)
        for field in comparable_fields():
            self.groups.addItem(field.label, field.path)
        self.values = named(
            QLineEdit(), "study_values", "Values",
            "Values to compare, with commas between; empty for all classes, methods or choices",
        )  # fmt: skip
        self.values.setPlaceholderText("all")
        self.seeds = named(QLineEdit("0-9"), "study_seeds", "Seeds", "For example 0, 1, 2 or 0-9")
        self.repeat = named(
            QComboBox(), "study_repeat", "Repeat",
            "What another seed changes: everything, above all the initial weights, or which "
            "images are drawn",
        )  # fmt: skip
        for path, label in _REPEATS.items():
            self.repeat.addItem(label, path)
        self.cluster = named(
            QCheckBox("Cluster"), "study_cluster", "Cluster", "Put similar groups side by side"
        )
        self.start = named(
            QPushButton("Run study"), "study_start", "Run study",
            "Find the masks in other processes. Masks found before are used again.",
        )  # fmt: skip
        self.layer = named(QComboBox(), "study_layer", "Layer", "The layer shown")
        self.view = named(
            QComboBox(), "study_view", "Show", "Show the figure, or the numbers behind it"
        )
        self.export = named(
            QPushButton("Export…"), "study_export", "Export the study",
            "Save the figure, all numbers, a report, or the recipes",
        )  # fmt: skip

    def _build(self) -> None:
        self.seeds.setMaximumWidth(90)
        for box in (self.study, self.groups, self.view):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(14)
        self._seeds = Labelled("seeds", self.seeds)
        self._repeat = Labelled("that change", self.repeat)
        self._groups = Labelled("Compare", self.groups)
        top, below = QHBoxLayout(), QHBoxLayout()
        for row, widgets in (
            (top, (self.study, self._seeds, self._repeat)),
            (below, (self._groups, self.values, self.cluster)),
        ):
            row.setSpacing(6)
            for widget in widgets:
                row.addWidget(widget, int(widget is self.values))
        top.addStretch()
        top.addWidget(self.start)
        middle = QHBoxLayout()
        middle.addWidget(self._question, 1)
        middle.addWidget(self.layer)
        middle.addWidget(self.view)
        middle.addWidget(self.export)
        # A long answer scrolls, so that the figure keeps its room.
        self._words = QScrollArea()
        self._words.setWidgetResizable(True)
        self._words.setFrameShape(QFrame.Shape.NoFrame)
        self._words.setMaximumHeight(_MOST_WORDS)
        self._words.setWidget(self.sentence)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self.matrix)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(QWidget())
        self._pages.addWidget(area)
        self._pages.addWidget(self.table)
        self._pages.addWidget(self.figure)
        self._answer = QWidget()
        inner = QVBoxLayout(self._answer)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addLayout(below)
        inner.addLayout(middle)
        inner.addWidget(pages, 1)
        inner.addWidget(self._words)
        stack = QWidget()
        self._stack = QStackedLayout(stack)
        self._stack.addWidget(self._answer)
        self._stack.addWidget(self.lesson)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 4)
        column.addLayout(top)
        column.addWidget(stack, 1)

    def _connect(self) -> None:
        self.study.currentIndexChanged.connect(self._on_chosen)
        self.groups.currentIndexChanged.connect(self._on_chosen)
        self.start.clicked.connect(self._on_start)
        self.seeds.returnPressed.connect(self._on_start)
        self.values.returnPressed.connect(self._on_start)
        self.layer.currentIndexChanged.connect(self._show_matrix)
        self.view.currentIndexChanged.connect(self._show_view)
        self.export.clicked.connect(self._on_export)
        self.matrix.cell_chosen.connect(self._on_cell)
        self.table.activated.connect(self._on_row)
        self._studies.changed.connect(self._show)
        self._themes.changed.connect(self._show_view)
        for signal in (self._state.images_changed, self._state.devices_changed):
            signal.connect(self._enable)

    @Slot()
    def _on_chosen(self) -> None:
        """Show the question, and the settings that it has; or the lesson, which has none."""
        is_lesson = self.study.currentData() == LESSON
        self._stack.setCurrentWidget(self.lesson if is_lesson else self._answer)
        self.start.setVisible(not is_lesson)
        self._seeds.setVisible(not is_lesson)
        self._repeat.setVisible(not is_lesson)
        if is_lesson:
            return
        info = STUDIES[self.study.currentData()]
        self._question.setText(" ".join(filter(None, (info.question, info.advice))))
        for widget in (self._groups, self.values, self.cluster):
            widget.setVisible(info.takes_groups)
        self.values.setEnabled(self.groups.currentData() != PINS)
        self._seeds.setVisible(info.name != "leave-one-out")
        self._repeat.setVisible(info.name in ("overlap", "stability"))

    @Slot()
    def _enable(self) -> None:
        is_running = self._studies.is_running
        ready = self._state.images is not None and bool(self._state.devices)
        self.start.setEnabled(ready or is_running)
        self.start.setText("Stop" if is_running else "Run study")
        self.export.setEnabled(self._studies.latest is not None)

    @Slot()
    def _show(self) -> None:
        """Show the answer, or that of the results so far."""
        self._enable()
        latest = self._studies.latest
        if latest is None:
            self.layer.hide()
            self.view.hide()
            self._words.hide()
            self._pages.setCurrentIndex(0)
            return
        answer = latest.answer
        text = answer.sentence
        if self._studies.is_running and isinstance(latest, StudyAdvanced):
            number, unit = latest.study.num_works, latest.study.unit
            text = f"After {latest.num_done:,} of {number:,} {unit}: {text}"
        self.sentence.setText(text)
        self._words.show()
        _refill(self.view, [_FIGURE, "Overview", *(name for name, _ in answer.parts), _ALL])
        if isinstance(answer, OverlapAnswer) and len(answer.labels) > 1:
            _refill(self.layer, answer.layers)
        self._show_view()

    @Slot()
    def _show_view(self) -> None:
        """Show the figure or table that is chosen."""
        latest, name = self._studies.latest, self.view.currentText()
        if latest is None:
            return
        answer = latest.answer
        is_matrix = isinstance(answer, OverlapAnswer) and len(answer.labels) > 1
        self.layer.setVisible(is_matrix and name == _FIGURE)
        if name == _FIGURE and is_matrix:
            self._show_matrix()
            self._pages.setCurrentIndex(1)
        elif name == _FIGURE:
            colours = DARK if self._themes.name == "dark" else LIGHT
            self.figure.show_figure(answer.figure, colours, answer.sentence)
            self._pages.setCurrentWidget(self.figure)
        else:
            tables = {"Overview": answer.overview, _ALL: answer.table, **dict(answer.parts)}
            self._show_table(tables[name])
            self._pages.setCurrentWidget(self.table)

    @Slot()
    def _show_matrix(self) -> None:
        latest = self._studies.latest
        if latest is None or not isinstance(latest.answer, OverlapAnswer):
            return
        answer, layer = latest.answer, self.layer.currentText()
        labels = list(answer.labels)
        pairs = [[answer.find(layer, a, b) for b in labels] for a in labels]
        values = np.array([[np.nan if p is None else p.mean for p in row] for row in pairs])
        self.matrix.show_values(values, labels, colour_table("viridis"))

    def _show_table(self, table: Table) -> None:
        self.table.setColumnCount(len(table.headers))
        self.table.setHorizontalHeaderLabels(list(table.headers))
        self.table.setRowCount(len(table.rows))
        for row, cells in enumerate(table.rows):
            for column, text in enumerate(cells):
                self.table.setItem(row, column, QTableWidgetItem(text))
        self.table.resizeColumnsToContents()

    # Intents

    @Slot()
    def _on_start(self) -> None:
        studies = self._studies
        if studies.is_running:
            studies.stop()
            return
        studies.run(
            self.study.currentData(),
            self.seeds.text(),
            self.repeat.currentData(),
            self.groups.currentData(),
            [word.strip() for word in self.values.text().split(",") if word.strip()],
            is_clustered=self.cluster.isChecked(),
        )

    @Slot(int, int)
    def _on_cell(self, row: int, column: int) -> None:
        """Compare the masks of two groups at the first seed."""
        done = self._studies.done
        if done is None or not isinstance(done.study, OverlapStudy):
            return
        assert isinstance(done.answer, OverlapAnswer)
        study, labels = done.study, done.answer.labels
        recipes = {
            group.label: with_value(group.recipe, study.repeat, study.seeds[0])
            for group in study.groups
        }
        one, other = (
            (recipes[label], f"{label}, seed {study.seeds[0]}")
            for label in (labels[row], labels[column])
        )
        self._studies.open_pair(one, other)

    @Slot(QModelIndex)
    def _on_row(self, index: QModelIndex) -> None:
        """Compare the mask without an image with that of the whole minibatch."""
        done = self._studies.done
        shows_all = self.view.currentText() == _ALL
        if done is not None and shows_all and isinstance(done.answer, LeaveOneOutAnswer):
            self._controller.questions.without([done.answer.moves[index.row()].index])

    @Slot()
    def _on_export(self) -> None:
        name, chosen = QFileDialog.getSaveFileName(
            self, "Export the study", "study", ";;".join(_FILTERS)
        )
        if name:
            path = Path(name)
            if path.suffix.lower() not in _SUFFIXES:
                path = path.with_name(path.name + _suffix_of(chosen))
            self._studies.export(path)


def _suffix_of(chosen: str) -> str:
    """Return the extension of an entry of the file dialog, by default that of the first."""
    return next((suffix for suffix in _SUFFIXES if f"*{suffix})" in chosen), _SUFFIXES[0])


def _refill(box: QComboBox, names: Sequence[str]) -> None:
    """Offer other choices, and keep what is chosen if it is one of them; no signal is sent."""
    chosen = box.currentText()
    box.blockSignals(True)
    box.clear()
    box.addItems(names)
    box.setCurrentIndex(max(0, box.findText(chosen)))
    box.blockSignals(False)
    box.show()
