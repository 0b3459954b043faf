"""Commands to choose where a data set is, or to download it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from snip_gui.core.data.sets.catalogue import DATASETS

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller

_ARRAYS = "NumPy arrays (*.npz *.npy)"


class DataCommands(QObject):
    """The commands, for the data set of the recipe."""

    def __init__(self, controller: Controller, parent: QWidget) -> None:
        super().__init__(parent)
        self._controller, self._state, self._parent = controller, controller.state, parent

    @Slot()
    def choose_place(self) -> None:
        """Ask for the folder or file of the data set, and read it."""
        dataset = DATASETS[self._state.recipe.data.name]
        start, title = self._state.preferences.data_place(dataset.name), f"Open {dataset.title}"
        if dataset.takes == "file":
            chosen, _ = QFileDialog.getOpenFileName(self._parent, title, start, _ARRAYS)
        else:
            chosen = QFileDialog.getExistingDirectory(self._parent, title, start)
        if chosen:
            self._controller.data.use_place(dataset.name, Path(chosen))

    @Slot()
    def download(self) -> None:
        """Show what would be downloaded, and ask for a folder."""
        from snip_gui.ui.dialogs.inputs.download_dialog import DownloadDialog

        dataset = DATASETS[self._state.recipe.data.name]
        folder = self._state.preferences.download_path
        dialog = DownloadDialog(dataset, folder, self._parent.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.requested.connect(self._controller.data.download)
        dialog.open()
