"""Commands that open checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from snip_gui.ui.commands.opening import CHECKPOINTS

if TYPE_CHECKING:
    from snip_gui.core.models.events import CheckpointFound, SeveralFound
    from snip_gui.session.controller import Controller

_FILTER = f"Checkpoints ({' '.join('*' + ending for ending in CHECKPOINTS)});;All files (*)"


class CheckpointCommands(QObject):
    """Asks for a weight file, reads it, and asks for confirmation before anything changes."""

    def __init__(self, controller: Controller, window: QWidget) -> None:
        super().__init__(window)
        self._controller, self._window = controller, window
        self._listens = False

    @Slot()
    def open_checkpoint(self) -> None:
        """Ask for a checkpoint and read it."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Open checkpoint", "", _FILTER)
        if name:
            self.inspect(Path(name))

    def inspect(self, path: Path) -> None:
        """Read a file; a dialog follows."""
        importer = self._controller.importer
        if not self._listens:
            self._listens = True
            importer.found.connect(self._on_found)
            importer.several_found.connect(self._on_several)
        importer.inspect(path)

    @Slot(object)
    def _on_found(self, found: CheckpointFound) -> None:
        from snip_gui.ui.dialogs.files.import_dialog import ImportDialog

        dialog = ImportDialog(found, self._controller.state.recipe, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.requested.connect(self._controller.importer.take)
        dialog.open()

    @Slot(object)
    def _on_several(self, found: SeveralFound) -> None:
        from snip_gui.ui.dialogs.files.weight_set_dialog import WeightSetDialog

        dialog = WeightSetDialog(found, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self._controller.importer.inspect)
        dialog.open()
