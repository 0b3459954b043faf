"""The dialog that saves or copies pictures and charts on screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.errors import UserError
from snip_gui.ui.dialogs.files.figures import ENDINGS, Figure, render_figure, save_figure
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QColor


class PictureDialog(QDialog):
    """Asks for picture and size, and for a file or the clipboard."""

    saved = Signal(object)  # Path

    def __init__(
        self, figures: Sequence[Figure], background: QColor, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._figures, self._background = figures, background
        self.setWindowTitle("Save picture")
        self.setObjectName("picture_dialog")
        self.figure = named(QComboBox(), "picture_figure", "Picture", "Which picture or chart")
        for figure in figures:
            self.figure.addItem(figure.title)
        self.width_px = named(QSpinBox(), "picture_width", "Width", "Width in pixels")
        self.width_px.setRange(100, 10_000)
        self.width_px.setSingleStep(100)
        self.width_px.setValue(1600)
        self.width_px.setSuffix(" pixels")
        self.dpi = named(
            QSpinBox(), "picture_dpi", "Resolution",
            "Dots per inch; together with the width this sets the printed size",
        )  # fmt: skip
        self.dpi.setRange(50, 1200)
        self.dpi.setValue(300)
        self.dpi.setSuffix(" dpi")
        self._paper = named(Label(), "picture_paper", "Printed size")
        self._paper.setProperty("role", "muted")
        self._problem = named(Label(), "picture_problem", "Problem")
        self._problem.setProperty("role", "error")
        self._problem.setWordWrap(True)
        self._problem.hide()
        self.width_px.valueChanged.connect(self._show_paper)
        self.dpi.valueChanged.connect(self._show_paper)
        self._build()
        self._show_paper()

    def _build(self) -> None:
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        save = named(QPushButton("Save…"), "picture_save", "Save")
        copy = named(
            QPushButton("Copy"), "picture_copy", "Copy", "Copy the picture to the clipboard"
        )
        save.setDefault(True)
        save.clicked.connect(self._on_save)
        copy.clicked.connect(self._on_copy)
        for button in (save, copy):
            button.setEnabled(bool(self._figures))
            self.buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        self.buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow("Picture", self.figure)
        form.addRow("Width", self.width_px)
        form.addRow("Resolution", self.dpi)
        form.addRow("", self._paper)
        hint = Label(
            "A PNG has exactly this size; an SVG keeps axes, curves and text as vectors. The "
            "underlying data can be saved as arrays (.npz) or as a table (.csv)."
        )
        hint.setProperty("role", "muted")
        hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.addLayout(form)
        for widget in (hint, self._problem, self.buttons):
            column.addWidget(widget)
        self.setMinimumWidth(400)

    @Slot()
    def _show_paper(self) -> None:
        width_cm = self.width_px.value() / self.dpi.value() * 2.54
        self._paper.setText(f"{width_cm:.1f} cm wide in print")

    def _chosen(self) -> Figure:
        return self._figures[self.figure.currentIndex()]

    @Slot()
    def _on_save(self) -> None:
        filters = [f"{title} (*{ending})" for ending, title in ENDINGS.items()]
        stem = self._chosen().title.lower().replace(" ", "-")
        name, chosen = QFileDialog.getSaveFileName(
            self, "Save picture", f"{stem}.png", ";;".join(filters)
        )
        if not name:
            return
        ending = list(ENDINGS)[filters.index(chosen)] if chosen in filters else ".png"
        path = Path(name) if Path(name).suffix.lower() in ENDINGS else Path(name + ending)
        try:
            save_figure(
                self._chosen(),
                path,
                width=self.width_px.value(),
                dpi=self.dpi.value(),
                background=self._background,
            )
        except UserError as error:
            self._problem.setText(f"{error.message} {error.hint}")
            self._problem.show()
        else:
            self.saved.emit(path)
            self.accept()

    @Slot()
    def _on_copy(self) -> None:
        image = render_figure(
            self._chosen(),
            width=self.width_px.value(),
            dpi=self.dpi.value(),
            background=self._background,
        )
        QGuiApplication.clipboard().setImage(image)
        self.accept()
