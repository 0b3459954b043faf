"""Commands that open checkpoints, chosen in a dialog or dropped on the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

if TYPE_CHECKING:
    from snip_gui.core.models.events import CheckpointFound, SeveralFound
    from snip_gui.session.controller import Controller

_ENDINGS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".snip", ".onnx")
_FILTER = f"Checkpoints ({' '.join('*' + ending for ending in _ENDINGS)});;All files (*)"


class CheckpointCommands(QObject):
    """Asks for a weight file, reads it, and asks for confirmation before anything changes."""

    def __init__(self, controller: Controller, window: QWidget) -> None:
        super().__init__(window)
        self._controller, self._window = controller, window
        self._listens = False
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    @Slot()
    def open_checkpoint(self) -> None:
        """Ask for a checkpoint and read it."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Open checkpoint", "", _FILTER)
        if name:
            self._inspect(Path(name))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Accept a checkpoint dropped on the window where no widget handles the drop."""
        if isinstance(event, QDragEnterEvent) and event.type() == QEvent.Type.DragEnter:
            if dropped_checkpoint(event) is not None:
                event.acceptProposedAction()
                return True
        elif isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop:
            path = dropped_checkpoint(event)
            if path is not None:
                event.acceptProposedAction()
                self._inspect(path)
                return True
        return super().eventFilter(watched, event)

    def _inspect(self, path: Path) -> None:
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


def dropped_checkpoint(event: QDropEvent) -> Path | None:
    """Return the single local weight file being dragged; None for anything else."""
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.name.lower().endswith(_ENDINGS) else None
