"""The progress of the queue, and the last deletion, with the buttons for both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller


class QueueStrip(QWidget):
    """A line that is visible while there is something to say."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller, self._runs, self._queue = controller, controller.runs, controller.queue
        self._message = named(Label(), "runs_said", "Queue and deletions")
        self.resume = _button("Resume queue", "queue_go_on", "Train the next run in the queue")
        self.stop = _button(
            "Stop queue", "queue_stop", "Stop this run, keep its progress, and clear the queue"
        )
        self.clear = _button("Clear queue", "queue_clear", "Remove the waiting runs from the queue")
        self.undo = _button("Undo", "runs_undo", "Restore the deleted runs")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self._message, self.resume, self.stop, self.clear, self.undo):
            row.addWidget(widget)
        row.addStretch()
        self.resume.clicked.connect(self._queue.resume)
        self.clear.clicked.connect(self._queue.clear)
        self.stop.clicked.connect(self._on_stop)
        self.undo.clicked.connect(self._runs.undo_delete)
        self._queue.changed.connect(self._show)
        self._runs.changed.connect(self._show)
        self._show()

    @Slot()
    def _show(self) -> None:
        queue, num_deleted = self._queue, self._runs.num_deleted
        texts = []
        if queue.total:
            waits = f"{len(queue.waiting)} waiting"
            state = "paused" if queue.is_paused else "training"
            texts.append(f"Queue: run {max(1, queue.number)} of {queue.total}, {state}; {waits}.")
        if num_deleted:
            word = "run" if num_deleted == 1 else "runs"
            texts.append(f"{num_deleted} {word} moved to the bin.")
        self._message.setText(" ".join(texts))
        self.resume.setVisible(queue.is_paused)
        self.clear.setVisible(bool(queue.waiting))
        self.stop.setVisible(bool(queue.total) and not queue.is_paused)
        self.undo.setVisible(bool(num_deleted))
        self.setVisible(bool(texts))

    @Slot()
    def _on_stop(self) -> None:
        self._queue.clear()
        self._controller.stop()


def _button(text: str, name: str, tip: str) -> QPushButton:
    return named(QPushButton(text), name, text, tip)
