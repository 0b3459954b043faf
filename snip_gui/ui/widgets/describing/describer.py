"""Keeps the accessible description of a view up to date with what it paints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer, Slot
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

_REST_MS = 250


class Describer(QObject):
    """Describes a view a moment after it was painted, at most four times per second.

    Whatever changes a view makes it paint, so no other code has to tell.

    Parameters
    ----------
    words
        Returns what the view shows; it is called often, so it has to be fast.
    """

    def __init__(self, view: QWidget, words: Callable[[], str]) -> None:
        super().__init__(view)
        self._view, self._words = view, words
        self._timer = QTimer(self, singleShot=True, interval=_REST_MS)
        self._timer.timeout.connect(self._describe)
        painted = view.viewport() if isinstance(view, QAbstractScrollArea) else view
        painted.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Wait for a moment after painting; the event goes its way."""
        if event.type() == QEvent.Type.Paint and not self._timer.isActive():
            self._timer.start()
        return False

    @Slot()
    def _describe(self) -> None:
        words = self._words()
        if words != self._view.accessibleDescription():
            self._view.setAccessibleDescription(words)
