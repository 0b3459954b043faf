"""The dialog before a download: what is downloaded, its size, its source and its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.ui.widgets.naming import named, text_label

if TYPE_CHECKING:
    from snip_gui.core.data.sets.catalogue import DatasetInfo


class DownloadDialog(QDialog):
    """Asks before anything is downloaded."""

    requested = Signal(str, object)  # name of the data set, folder (Path)

    def __init__(self, dataset: DatasetInfo, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        download = dataset.download
        assert download is not None
        self._name = dataset.name
        self.setWindowTitle(f"Download {dataset.title}")
        self.setObjectName("download_dialog")
        self._folder = named(
            QLineEdit(str(folder)), "download_folder", "Folder", "Where the files are saved"
        )
        self._folder.textChanged.connect(self._on_text)
        choose = named(QPushButton("Choose…"), "choose_download_folder", "Choose a folder")
        choose.setAutoDefault(False)
        choose.clicked.connect(self._on_choose)
        where = QHBoxLayout()
        where.addWidget(self._folder, 1)
        where.addWidget(choose)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Size", text_label(download.size_text, "download_size", "Size"))
        form.addRow("Source", text_label("\n".join(download.hosts), "download_hosts", "Servers"))
        form.addRow("Home page", text_label(download.page, "download_page", "Home page"))
        form.addRow("Citation", text_label(download.terms, "download_terms", "Citation and terms"))
        form.addRow("Save to", where)
        standard = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
        self._start = named(buttons.button(standard.Ok), "start_download", "Download")
        self._start.setText("Download")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addWidget(text_label(dataset.description, "download_what", "Description"))
        column.addLayout(form)
        column.addWidget(buttons)
        self.resize(560, self.sizeHint().height())
        self._start.setDefault(True)
        self._start.setFocus()

    def accept(self) -> None:
        """Start the download."""
        self.requested.emit(self._name, Path(self._folder.text().strip()).expanduser().absolute())
        super().accept()

    @Slot()
    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder to download into")
        if chosen:
            self._folder.setText(chosen)

    @Slot(str)
    def _on_text(self, text: str) -> None:
        self._start.setEnabled(bool(text.strip()))
