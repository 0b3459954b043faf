"""A button that moves a slider from one end to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QToolButton, QWidget

if TYPE_CHECKING:
    from PySide6.QtWidgets import QSlider

_INTERVAL_MS = 40
_SECONDS = 8.0


class SliderPlayer(QToolButton):
    """Plays a slider from where it is, or from its start if it is at the end."""

    def __init__(self, slider: QSlider, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider = slider
        self.setCheckable(True)
        self.setText("▶")
        self._timer = QTimer(self, interval=_INTERVAL_MS)
        self._timer.timeout.connect(self.step)
        self.toggled.connect(self._on_toggled)
        slider.sliderPressed.connect(self.stop)

    @Slot()
    def stop(self) -> None:
        """Stop where the slider is."""
        self.setChecked(False)

    @Slot()
    def step(self) -> None:
        """Move the slider by one frame, and stop at its end."""
        slider = self._slider
        length = slider.maximum() - slider.minimum()
        slider.setValue(slider.value() + max(1, round(length * _INTERVAL_MS / 1000 / _SECONDS)))
        if slider.value() == slider.maximum() or not slider.isEnabled():
            self.stop()

    @Slot(bool)
    def _on_toggled(self, is_playing: bool) -> None:
        self.setText("■" if is_playing else "▶")
        if not is_playing:
            self._timer.stop()
            return
        if self._slider.value() == self._slider.maximum():
            self._slider.setValue(self._slider.minimum())
        self._timer.start()
