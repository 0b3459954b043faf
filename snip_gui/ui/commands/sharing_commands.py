"""Commands that share runs as bundles, and that open bundles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from snip_gui.core.base.text import size_text
from snip_gui.core.sharing.opening import ENDING

if TYPE_CHECKING:
    from snip_gui.core.sharing.bundle import Bundled
    from snip_gui.session.controller import Controller
    from snip_gui.session.runs.sharing import OpenedBundle

_FILTER = f"Bundles (*{ENDING} *.zip)"


class SharingCommands(QObject):
    """Asks for file names, and shows bundles."""

    message = Signal(str)  # message to show briefly

    def __init__(self, controller: Controller, window: QWidget) -> None:
        super().__init__(window)
        self._controller, self._window = controller, window
        controller.sharing.opened.connect(self._on_opened)
        controller.sharing.written.connect(self._on_written)

    @Slot()
    def share(self) -> None:
        """Ask for a file name and share the current run."""
        ask_bundle(self._controller, None, self._window)

    @Slot()
    def open_bundle(self) -> None:
        """Ask for a bundle and open it."""
        chosen, _ = QFileDialog.getOpenFileName(self._window, "Open bundle", "", _FILTER)
        if chosen:
            self._controller.sharing.open(Path(chosen))

    @Slot(object)
    def _on_opened(self, bundle: OpenedBundle) -> None:
        from snip_gui.ui.dialogs.files.bundle_dialog import BundleDialog

        dialog = BundleDialog(bundle, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        name = bundle.content.path.name
        dialog.recipe_asked.connect(lambda r: self._controller.edit(r, f"Recipe of {name}"))
        dialog.show()

    @Slot(object)
    def _on_written(self, done: Bundled) -> None:
        self.message.emit(f"Shared as {done.path.name}, {size_text(done.num_bytes)}")


def ask_bundle(controller: Controller, folder: Path | None, parent: QWidget) -> None:
    """Ask for a file name and share a run, or the current one."""
    name = "run" if folder is None else folder.name
    chosen, _ = QFileDialog.getSaveFileName(parent, "Share run", f"{name}{ENDING}", _FILTER)
    if chosen:
        controller.sharing.share(Path(chosen), folder)
