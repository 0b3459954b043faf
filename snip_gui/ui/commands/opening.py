"""Opens files of any kind: dropped on the window, double-clicked, or named at the start."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QFileOpenEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from snip_gui.session.controller import Controller

CHECKPOINTS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".snip", ".onnx")
_BUNDLES, _RECIPES = (".zip",), (".json",)


class FileOpener(QObject):
    """Opens a file by its ending: a recipe, a bundle or a checkpoint. None of them runs code.

    Parameters
    ----------
    inspect
        Reads a checkpoint; a dialog follows.
    """

    def __init__(
        self, controller: Controller, inspect: Callable[[Path], None], window: QWidget
    ) -> None:
        super().__init__(window)
        self._controller, self._inspect = controller, inspect
        window.setAcceptDrops(True)
        window.installEventFilter(self)
        if sys.platform == "darwin":  # where a double click arrives as an event
            QCoreApplication.instance().installEventFilter(self)

    def open(self, path: Path) -> None:
        """Open a file; whatever does not fit is reported in place."""
        name = path.name.lower()
        if name.endswith(_RECIPES):
            self._controller.recipes.open(path)
        elif name.endswith(_BUNDLES):
            self._controller.sharing.open(path)
        else:
            self._inspect(path)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Open a file dropped on the window where no widget handles it, or opened on macOS."""
        if isinstance(event, QDragEnterEvent) and event.type() == QEvent.Type.DragEnter:
            if dropped_file(event) is not None:
                event.acceptProposedAction()
                return True
        elif isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop:
            path = dropped_file(event)
            if path is not None:
                event.acceptProposedAction()
                self.open(path)
                return True
        elif isinstance(event, QFileOpenEvent) and event.file():
            self.open(Path(event.file()))
            return True
        return super().eventFilter(watched, event)


def dropped_file(event: QDropEvent) -> Path | None:
    """Return the single local file being dragged; None for anything that cannot be opened."""
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.name.lower().endswith((*CHECKPOINTS, *_BUNDLES, *_RECIPES)) else None
