"""The path of a folder: typed, or chosen in a dialog."""

from __future__ import annotations

from PySide6.QtCore import QDir, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from snip_gui.ui.widgets.naming import named


class FolderEdit(QWidget):
    """A line with a button beside it.

    Parameters
    ----------
    title
        What the folder is for.
    empty
        What an empty path stands for.
    """

    edited = Signal(str)

    def __init__(self, title: str, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self.line = named(QLineEdit(), f"{title.lower().replace(' ', '_')}_path", title)
        self.line.setPlaceholderText(empty)
        self.choose = QPushButton("Choose…")
        self.choose.setAccessibleName(f"Choose {title}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        row.addWidget(self.choose)
        self.setFocusProxy(self.line)
        self.line.editingFinished.connect(self._on_finished)
        self.choose.clicked.connect(self._on_choose)

    def show_folder(self, folder: str) -> None:
        """Show a path, without emitting a signal."""
        self.line.setText(QDir.toNativeSeparators(folder))

    @Slot()
    def _on_finished(self) -> None:
        self.edited.emit(self.line.text().strip())

    @Slot()
    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self._title, self.line.text())
        if chosen:
            self.show_folder(chosen)
            self._on_finished()
