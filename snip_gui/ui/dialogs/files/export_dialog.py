"""The export dialog: measured costs of each format, which formats to write, and where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.environment import describe_machine
from snip_gui.core.base.text import size_text
from snip_gui.core.export.catalogue import FORMATS, existing_files
from snip_gui.ui.dialogs.files.export_table import ExportTable
from snip_gui.ui.widgets.fitting import fit_contents
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller

_TRUTH = (
    "Removing single connections makes files smaller but does not make ordinary kernels faster: "
    "they multiply zeros like any other number. Only the shrunk network needs fewer operations; "
    "8-bit integers make each of them cheaper."
)
_WIDTH = 1080
_ASIDE = ("/", "\\", "\0")


class ExportDialog(QDialog):
    """Offers the formats for the exporter's run."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("export_dialog")
        self.setWindowTitle("Export")
        self._controller, self._exporter = controller, controller.exporter
        self._is_named = False
        self._heading = named(Label(), "export_run", "What is exported")
        self._heading.setProperty("role", "heading")
        self._what = named(Label(), "export_what", "Description")
        self._what.setTextFormat(Qt.TextFormat.PlainText)
        self._what.setWordWrap(True)
        truth = named(Label(_TRUTH), "export_truth", "What sparsity buys")
        truth.setWordWrap(True)
        self.table = named(ExportTable(), "export_table", "Formats")
        self.table.chosen.connect(self._update)
        self.table.currentCellChanged.connect(self._update)
        self._basis = named(Label(), "export_basis", "How it was measured")
        self._basis.setProperty("role", "muted")
        self.allow = named(
            QCheckBox("Allow changed classes"), "allow_changes", "Allow changed classes",
            "Write int8 even if it gives less than 97% of the test images the same class, or "
            "increases the test error by more than one percentage point",
        )  # fmt: skip
        self._progress = named(QProgressBar(), "export_progress", "Progress")
        self._progress.setTextVisible(False)
        policy = self._progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._progress.setSizePolicy(policy)
        self._message = named(Label(), "export_said", "Result")
        self._message.setWordWrap(True)
        self._message.setMinimumHeight(2 * self._message.fontMetrics().lineSpacing())
        self._message.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addWidget(self._heading)
        column.addWidget(self._what)
        column.addWidget(truth)
        column.addWidget(self.table, 1)
        column.addWidget(self._basis)
        column.addWidget(self.allow)
        column.addLayout(self._make_place())
        column.addWidget(self._progress)
        column.addWidget(self._message)
        column.addLayout(self._make_buttons())
        self._exporter.changed.connect(self._update)
        self._update()
        fit_contents(self, _WIDTH)
        self.table.setFocus()

    def _make_place(self) -> QFormLayout:
        folder = self._controller.state.preferences.export_folder or str(Path.home())
        self.folder = named(QLineEdit(folder), "export_folder", "Folder")
        self.name = named(QLineEdit(), "export_name", "Name", "Each format adds its own extension")
        for edit in (self.folder, self.name):
            edit.textChanged.connect(self._update)
        choose = named(QPushButton("Choose…"), "choose_export_folder", "Choose a folder")
        choose.setAutoDefault(False)
        choose.clicked.connect(self._on_choose)
        where = QHBoxLayout()
        where.addWidget(self.folder, 1)
        where.addWidget(choose)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Folder", where)
        form.addRow("Name", self.name)
        return form

    def _make_buttons(self) -> QHBoxLayout:
        self.copy_code = named(
            QPushButton("Copy loading code"), "copy_loading_code", "Copy the loading code",
            "Copy Python code that loads the selected format",
        )  # fmt: skip
        self.show_folder = named(QPushButton("Show in folder"), "show_exported", "Show in folder")
        self.close_button = named(QPushButton("Close"), "close_export", "Close")
        self.start = named(QPushButton("Export"), "start_export", "Export")
        self.copy_code.clicked.connect(self._on_copy)
        self.show_folder.clicked.connect(self._on_show)
        self.close_button.clicked.connect(self.reject)
        self.start.clicked.connect(self._on_start)
        row = QHBoxLayout()
        for button in (self.copy_code, self.show_folder):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch()
        self.close_button.setAutoDefault(False)
        row.addWidget(self.close_button)
        row.addWidget(self.start)
        self.start.setDefault(True)
        return row

    def reject(self) -> None:
        """Close; stops writing and measuring."""
        self._exporter.cancel()
        self._exporter.leave()
        super().reject()

    # State of the exporter

    @Slot()
    def _update(self) -> None:
        exporter = self._exporter
        folder = exporter.folder
        self._heading.setText(folder.name if folder else "Saving the current mask as a run…")
        self._what.setText(exporter.description)
        if folder is not None and not self._is_named:
            self._is_named = True
            self.name.setText(folder.name)
        self.table.show_measured(exporter.formats, exporter.speeds, exporter.is_measuring)
        threads = next((s.num_threads for s in exporter.speeds.values()), 0)
        self._basis.setText(
            f"Times are medians ± half the interquartile range on {describe_machine()}, with "
            f"{threads} {'thread' if threads == 1 else 'threads'} each for torch and onnxruntime."
            if threads
            else "Measuring…"
            if exporter.is_measuring
            else ""
        )
        self._show_progress()
        text, role = self._find_message()
        self._message.setText(text)
        self._message.setProperty("role", role)
        self._message.style().polish(self._message)
        busy = exporter.is_exporting
        self.start.setText("Stop" if busy else "Export")
        self.start.setEnabled(busy or (folder is not None and bool(self._wanted())))
        self.show_folder.setEnabled(bool(exporter.done))
        self.copy_code.setEnabled(self.table.selected_format() is not None)

    def _show_progress(self) -> None:
        progress = self._exporter.progress
        busy = self._exporter.is_exporting or self._exporter.is_measuring
        self._progress.setVisible(busy)
        self._progress.setRange(0, progress.total if progress is not None else 0)
        self._progress.setValue(progress.done if progress is not None else 0)

    def _find_message(self) -> tuple[str, str]:
        """Return the current message and its kind."""
        exporter = self._exporter
        if exporter.problem is not None:
            return f"{exporter.problem.message} {exporter.problem.hint}", "error"
        if exporter.is_exporting:
            return (exporter.progress.text if exporter.progress else "Exporting"), "muted"
        if exporter.done:
            files = (
                f"{FORMATS[d.format_name].suffix} {size_text(d.size_bytes)}" for d in exporter.done
            )
            return f"Written and verified by reading back: {', '.join(files)}.", ""
        if any(letter in self.name.text() for letter in _ASIDE):
            return "The name cannot contain a slash.", "error"
        there = [place.name for _, path in self._wanted() for place in existing_files(path)]
        if there:
            return f"Existing files that will be replaced: {', '.join(there)}.", "muted"
        if exporter.is_measuring and exporter.progress is not None:
            return exporter.progress.text, "muted"
        return "", "muted"

    def _wanted(self) -> list[tuple[str, Path]]:
        """Return the formats to write and their paths."""
        name, folder = self.name.text().strip(), self.folder.text().strip()
        if not name or not folder or any(letter in name for letter in _ASIDE):
            return []
        place = Path(folder).expanduser().absolute()
        return [(f, place / f"{name}{FORMATS[f].suffix}") for f in self.table.checked_formats()]

    # Intents

    @Slot()
    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, "Choose a folder to export to", self.folder.text()
        )
        if chosen:
            self.folder.setText(chosen)

    @Slot()
    def _on_start(self) -> None:
        if self._exporter.is_exporting:
            self._exporter.cancel()
            return
        self._controller.prefer(export_folder=self.folder.text().strip())
        self._exporter.export(self._wanted(), allow_changes=self.allow.isChecked())

    @Slot()
    def _on_copy(self) -> None:
        name = self.table.selected_format()
        if name is not None:
            place = Path(self.folder.text().strip()).expanduser().absolute()
            path = place / f"{self.name.text().strip()}{FORMATS[name].suffix}"
            QGuiApplication.clipboard().setText(FORMATS[name].loading_lines(str(path)) + "\n")

    @Slot()
    def _on_show(self) -> None:
        if self._exporter.done:
            folder = self._exporter.done[-1].path.parent
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
