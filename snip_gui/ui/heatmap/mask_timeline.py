"""The moving mask of a training run: whether it is shown, and which of its states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSlider, QWidget

from snip_gui.ui.widgets.moving.slider_player import SliderPlayer
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.session.looking.live_masks import LiveMasks

_REDRAW_MS = 200


class MaskTimeline(QWidget):
    """A switch, and a slider over the states, whose right end follows the training."""

    def __init__(self, masks: LiveMasks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._masks = masks
        self.follow = named(
            QCheckBox("Mask of the training"), "mask_follow", "Show the mask of the training",
            "This method moves its mask while it trains: show that mask instead of the scored one",
        )  # fmt: skip
        self.slider = named(
            QSlider(Qt.Orientation.Horizontal), "mask_timeline", "State of the mask",
            "Show the mask at an earlier step; at the right end it follows the training",
        )  # fmt: skip
        self.slider.setMaximum(0)
        self.player = named(
            SliderPlayer(self.slider), "mask_timeline_play", "Play",
            "Play how the mask moved, or stop it",
        )  # fmt: skip
        self._text = named(Label(), "mask_timeline_text", "Step shown")
        self._text.setProperty("role", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 6, 0)
        row.addWidget(self.follow)
        row.addWidget(self.player)
        row.addWidget(self.slider, 1)
        row.addWidget(self._text)
        self.follow.toggled.connect(self._on_follow)
        self.slider.valueChanged.connect(self._on_moved)
        self._soon = QTimer(self, interval=_REDRAW_MS, singleShot=True)
        self._soon.timeout.connect(self._show)
        masks.changed.connect(self._on_changed)
        self._show()

    @Slot()
    def _on_changed(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    @Slot()
    def _show(self) -> None:
        masks = self._masks
        last = len(masks.steps) - 1
        self.setVisible(last > 0)
        is_following = masks.is_following
        with QSignalBlocker(self.follow), QSignalBlocker(self.slider):
            self.follow.setChecked(is_following)
            self.slider.setMaximum(max(0, last))
            self.slider.setValue(last if masks.number < 0 else masks.number)
        for widget in (self.slider, self.player, self._text):
            widget.setEnabled(is_following)
        self._text.setText(masks.text(masks.number) if last > 0 else "")

    @Slot(bool)
    def _on_follow(self, is_on: bool) -> None:
        if is_on:
            self._masks.follow(self._number())
        else:
            self._masks.stop_following()
        self._show()

    @Slot()
    def _on_moved(self) -> None:
        self._masks.follow(self._number())
        self._show()

    def _number(self) -> int:
        value = self.slider.value()
        return -1 if value == self.slider.maximum() else value
