"""The progress of runs in the background, with buttons to stop them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from snip_gui.core.base.text import duration_text
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label, plain_name, plain_tip

if TYPE_CHECKING:
    from snip_gui.session.runs.background import BackgroundRuns


class BackgroundStrip(QWidget):
    """A line that is visible while there are any."""

    def __init__(self, background: BackgroundRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._text = named(Label(), "background_text", "Runs in the background")
        self.stop = named(
            QPushButton("Stop"), "background_stop", "Stop runs in the background",
            "Stop all of them, keep their progress, and put the rest into the queue",
        )  # fmt: skip
        self.clear = named(
            QPushButton("Stop and clear"), "background_clear", "Stop and clear",
            "Stop all of them, keep their progress, and discard the rest",
        )  # fmt: skip
        self.stop_one = named(
            QPushButton("Stop one"), "background_stop_one", "Stop one of the runs",
            "Stop one of them and keep its progress; the others continue",
        )  # fmt: skip
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._list_runs)
        self._menu.triggered.connect(lambda action: background.stop_one(action.data()))
        self.stop_one.setMenu(self._menu)
        self.stop.clicked.connect(background.stop)
        self.clear.clicked.connect(background.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self._text, self.stop_one, self.stop, self.clear):
            row.addWidget(widget)
        row.addStretch()
        background.changed.connect(self._show)
        self._show()

    @Slot()
    def _list_runs(self) -> None:
        self._menu.clear()
        for name in self._background.names:
            self._menu.addAction(plain_name(name)).setData(name)

    @Slot()
    def _show(self) -> None:
        background = self._background
        text, seconds = background.text, background.seconds_left
        if seconds is not None:
            text += f" About {duration_text(seconds)} left."
        self._text.setText(text)
        self._text.setToolTip(plain_tip(background.details))
        self.stop_one.setVisible(bool(background.names))
        for button in (self.stop, self.clear):
            button.setVisible(background.has_queues)
        self.setVisible(bool(text))
