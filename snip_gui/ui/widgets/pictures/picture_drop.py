"""Accepts pictures that are dropped on a widget or pasted into it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QEvent, QIODevice, QObject, Qt, Signal
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage, QImageWriter, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractScrollArea

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtWidgets import QWidget


class PictureDrop(QObject):
    """Watches a widget and its children.

    Signals
    -------
    brought
        A list with a `Path` for each file, or the bytes of a PNG file for a picture.
    """

    brought = Signal(object)

    def __init__(self, watched: QWidget) -> None:
        super().__init__(watched)
        for widget in (watched, *_viewports(watched)):
            widget.setAcceptDrops(True)
            widget.installEventFilter(self)
        paste = QShortcut(QKeySequence(QKeySequence.StandardKey.Paste), watched)
        paste.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        paste.activated.connect(self.paste)

    def paste(self) -> None:
        """Paste the picture on the clipboard, if there is one."""
        self._bring(QGuiApplication.clipboard().mimeData())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Accept drags with a picture or files."""
        # Avoid listing thousands of files again on every move of a drag.
        is_moving = event.type() == QEvent.Type.DragMove
        if isinstance(event, QDropEvent) and (is_moving or _has_pictures(event.mimeData())):
            event.acceptProposedAction()
            if event.type() == QEvent.Type.Drop:
                self._bring(event.mimeData())
            return True
        return super().eventFilter(watched, event)

    def _bring(self, data: QMimeData) -> None:
        files = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if files:
            self.brought.emit(files)
        elif data.hasImage():
            image = data.imageData()
            if isinstance(image, QImage) and not image.isNull():
                self.brought.emit([_png(image)])


def _has_pictures(data: QMimeData) -> bool:
    return data.hasImage() or any(url.isLocalFile() for url in data.urls())


def _viewports(widget: QWidget) -> list[QWidget]:
    """Return the viewports of scrollable children, which receive mouse events."""
    return [area.viewport() for area in widget.findChildren(QAbstractScrollArea)]


def _png(image: QImage) -> bytes:
    """Return an image as the contents of a PNG file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, b"png").write(image)
    return bytes(buffer.data().data())
