"""The mistakes of a run: the confusion matrix, and the worst misclassified images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from snip_gui.ui.dialogs.runs.confusion_model import ConfusionModel
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.image_grid import ImageGrid
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.execution.mistakes import Mistakes
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.runs.mistake_finder import MistakeFinder

_SPLITS = (
    ("validation", "Validation images"),
    ("test", "Test images"),
    ("train", "Training images"),
)
_SIDE = 56


class MistakesDialog(QDialog):
    """Not modal, so that the minibatch can be seen growing."""

    def __init__(
        self,
        finder: MistakeFinder,
        folder: Path,
        name: str,
        recipe: Recipe,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._finder, self._folder, self._recipe = finder, folder, recipe
        self.mistakes: Mistakes | None = None
        self.setObjectName("mistakes_dialog")
        self.setWindowTitle(f"Mistakes of {name}")
        self.split = named(QComboBox(), "mistakes_split", "Images", "Which images are evaluated")
        for value, title in _SPLITS:
            if value != "validation" or recipe.data.validation_fraction:
                self.split.addItem(title, value)
        self.split.activated.connect(self.ask)
        self.message = named(Label(), "mistakes_said", "Result")
        self.message.setWordWrap(True)
        self.confusion = ConfusionModel(self)
        self.table = self._make_table()
        self.grid = named(ImageGrid(_SIDE), "mistakes_grid", "Misclassified images")
        self.grid.selection_changed.connect(self._enable)
        self.every = named(
            QPushButton("All pairs"), "mistakes_every", "All pairs", "Show all misclassified images"
        )
        self.every.clicked.connect(self.table.clearSelection)
        self.take = named(
            QPushButton("Add to minibatch"), "mistakes_take", "Add to minibatch",
            "Add the selected images, or all that are shown if none is selected, to the "
            "minibatch to be scored; test images are added as your own images",
        )  # fmt: skip
        self.take.clicked.connect(self._on_take)
        self._build()
        finder.found.connect(self._on_found)
        finder.failed.connect(self._on_failed)
        self.resize(980, 520)
        self.ask()

    def _make_table(self) -> QTableView:
        table = named(
            QTableView(),
            "confusion",
            "Confusion matrix",
            "Rows: true class. Columns: predicted class",
        )
        table.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.horizontalHeader().setDefaultSectionSize(44)
        table.verticalHeader().setDefaultSectionSize(28)
        table.setModel(self.confusion)
        table.selectionModel().selectionChanged.connect(self._show_images)
        return table

    def _build(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.split)
        top.addWidget(self.message, 1)
        low = QHBoxLayout()
        low.addWidget(self.every)
        low.addStretch()
        low.addWidget(self.take)
        right = QVBoxLayout()
        right.addWidget(self.grid, 1)
        right.addLayout(low)
        caption = Label("Rows: true class. Columns: predicted class.")
        caption.setProperty("role", "muted")
        left = QVBoxLayout()
        left.addWidget(self.table, 1)
        left.addWidget(caption)
        middle = QHBoxLayout()
        middle.addLayout(left, 1)
        middle.addLayout(right, 1)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(middle, 1)

    @Slot()
    def ask(self) -> None:
        """Evaluate the latest weights on the chosen split."""
        self.message.setText("Finding misclassified images…")
        self.take.setEnabled(False)
        self._finder.ask(self._folder, self._recipe, self.split.currentData())

    @Slot(str)
    def _on_failed(self, message: str) -> None:
        self.message.setText(message)

    @Slot(object)
    def _on_found(self, mistakes: Mistakes) -> None:
        if mistakes.folder != self._folder:
            return
        self.mistakes = mistakes
        confusion = mistakes.confusion
        self.message.setText(
            f"After {mistakes.step:,} steps, {confusion.num_wrong:,} of {confusion.num_images:,} "
            f"are misclassified ({confusion.num_wrong / confusion.num_images:.2%}). "
            "Largest loss first."
        )
        self.confusion.show_confusion(mistakes.classes, confusion)
        self.grid.images.set_images(self._picture, self._describe)
        self._show_images()

    def _picture(self, row: int) -> np.ndarray | None:
        return None if self.mistakes is None else self.mistakes.pictures_PCHW[row]

    def _describe(self, row: int) -> str:
        mistakes = self.mistakes
        assert mistakes is not None
        names = mistakes.classes
        return (
            f"Image {mistakes.indices_P[row]:,}: {names[mistakes.labels_P[row]]} classified as "
            f"{names[mistakes.taken_for_P[row]]}, loss {mistakes.losses_P[row]:.2f}"
        )

    @Slot()
    def _show_images(self) -> None:
        """Show the misclassified images of the chosen cell, or all."""
        mistakes = self.mistakes
        if mistakes is None:
            return
        rows = np.arange(len(mistakes.indices_P))
        chosen = self.table.selectedIndexes()
        if chosen and chosen[0].row() != chosen[0].column():
            is_shown = mistakes.labels_P == chosen[0].row()
            rows = rows[is_shown & (mistakes.taken_for_P == chosen[0].column())]
        self.grid.images.show_indices(rows)
        self._enable()

    @Slot()
    def _enable(self) -> None:
        mistakes = self.mistakes
        can_take = mistakes is not None and self._finder.can_take(mistakes)
        number = len(self.grid.selected_indices()) or self.grid.images.rowCount()
        self.take.setEnabled(can_take and number > 0)
        self.take.setText(f"Add {number:,} to minibatch" if number else "Add to minibatch")
        self.every.setEnabled(bool(self.table.selectedIndexes()))

    @Slot()
    def _on_take(self) -> None:
        if self.mistakes is not None:
            rows = self.grid.selected_indices() or self.grid.images.shown.tolist()
            self._finder.take(self.mistakes, rows)
