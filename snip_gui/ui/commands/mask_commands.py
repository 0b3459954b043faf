"""Commands on files of masks: opening one, and saving one with the lines that use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from snip_gui.core.reports.python_lines import mask_lines

if TYPE_CHECKING:
    from snip_gui.core.pruning.events import MasksSaved
    from snip_gui.session.controller import Controller

_OPENED = "Masks (*.safetensors *.npz *.npy);;All files (*)"
_SAVED = "Masks (*.safetensors)"


class MaskCommands(QObject):
    """The commands, which ask for a file name."""

    message = Signal(str)  # message to show briefly

    def __init__(self, controller: Controller, window: QWidget) -> None:
        super().__init__(window)
        self._controller, self._window = controller, window
        self._listens = False

    @Slot()
    def open_masks(self) -> None:
        """Ask for a file of masks and open it."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Open masks", "", _OPENED)
        if name:
            self._controller.importer.open_masks(Path(name))

    @Slot()
    def copy_mask(self) -> None:
        """Ask where to save the current mask; save it, and copy the lines that use the file."""
        name, _ = QFileDialog.getSaveFileName(
            self._window, "Save the mask for Python", "mask.safetensors", _SAVED
        )
        if not name:
            return
        importer = self._controller.importer
        if not self._listens:
            self._listens = True
            importer.masks_saved.connect(self._on_saved)
        importer.save_masks(Path(name))

    @Slot(object)
    def _on_saved(self, saved: MasksSaved) -> None:
        QGuiApplication.clipboard().setText(mask_lines(str(saved.path.absolute())))
        self._controller.state.notices.info(
            f"Saved a mask that keeps {saved.num_kept:,} connections in {saved.path}."
        )
        self.message.emit(f"Saved {saved.path.name} and copied the lines that use it")
