"""The sparsity control: a slider that gets finer toward 100 %, and exact entry."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QMenu,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import sparsity_text
from snip_gui.ui.widgets.layouts.wrapping_row import WrappingRow
from snip_gui.ui.widgets.moving.slider_player import SliderPlayer
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label
from snip_gui.ui.widgets.slider_scale import SliderScale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

# Positions below the knee are linear in sparsity, up to 90 %; above it, every step removes the same
# fraction of the remaining connections, down to a single one.
_POSITIONS = 2000
_KNEE = 1000
_KNEE_SPARSITY = 0.9
# Narrower sliders are hard to move by small steps.
_LEAST_TRACK = 320


def sparsity_at(position: int, num_parameters: int) -> float:
    """Return the sparsity at a slider position, rounded."""
    if position <= _KNEE:
        return round(_KNEE_SPARSITY * position / _KNEE, 3)
    share = (position - _KNEE) / (_POSITIONS - _KNEE)
    left = 1 - _KNEE_SPARSITY
    fraction_kept = float(left * (1 / (num_parameters * left)) ** share)
    digits = 2 - math.floor(math.log10(fraction_kept))
    return 1 - max(round(fraction_kept, digits), 1 / num_parameters)


def to_position(sparsity: float, num_parameters: int) -> int:
    """Return the slider position nearest to a sparsity."""
    if sparsity <= _KNEE_SPARSITY:
        return round(_KNEE * sparsity / _KNEE_SPARSITY)
    left = 1 - _KNEE_SPARSITY
    fraction_kept = max(1 - sparsity, 1 / num_parameters)
    share = math.log(fraction_kept / left) / math.log(1 / (num_parameters * left))
    return min(_POSITIONS, _KNEE + round(share * (_POSITIONS - _KNEE)))


def played_sparsities(num_parameters: int, number: int) -> tuple[float, ...]:
    """Return sparsities at equal distances along the slider, from its start to its end."""
    positions = (round(_POSITIONS * n / (number - 1)) for n in range(number))
    return tuple(sparsity_at(position, num_parameters) for position in positions)


class SparsityControl(QWidget):
    """Slider, sparsity and number kept. Emits requests; shows only the values that are set."""

    sparsity_asked = Signal(float)
    num_kept_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._num_parameters = 1
        self.slider = named(
            QSlider(Qt.Orientation.Horizontal),
            "sparsity_slider",
            "Sparsity",
            "Fraction of the prunable parameters that is removed; arrow keys move in fine steps",
        )
        self.slider.setRange(0, _POSITIONS)
        self.slider.setSingleStep(2)
        self.slider.setPageStep(50)
        self.slider.valueChanged.connect(self._on_slider)
        self._scale = SliderScale()
        self.percent = named(
            QDoubleSpinBox(),
            "sparsity_percent",
            "Sparsity in percent",
            "Exact sparsity",
        )
        self.percent.setDecimals(4)
        self.percent.setRange(0, 99.9999)
        self.percent.setSuffix("%")
        self.percent.setSingleStep(0.5)
        self.percent.setKeyboardTracking(False)
        self.percent.valueChanged.connect(lambda value: self.sparsity_asked.emit(value / 100))
        self.kept = named(
            QSpinBox(), "num_kept", "Number of connections kept", "Exact number of connections kept"
        )
        self.kept.setGroupSeparatorShown(True)
        self.kept.setKeyboardTracking(False)
        self.kept.valueChanged.connect(self.num_kept_asked)
        self.presets = named(
            QToolButton(), "sparsity_presets", "Paper's sparsities",
            "Sparsities that the paper reports for this network",
        )  # fmt: skip
        self.presets.setText("Paper")
        self.presets.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.presets)
        menu.triggered.connect(lambda action: self.sparsity_asked.emit(action.data()))
        self.presets.setMenu(menu)
        self.play = named(
            SliderPlayer(self.slider), "sparsity_play", "Play",
            "Move the slider to the highest sparsity, or stop it",
        )  # fmt: skip
        self.note = named(Label(), "mask_note", "About the mask")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setWordWrap(True)
        self.note.setProperty("role", "warning")
        self.note.hide()
        self._total = Label()
        self._total.setProperty("role", "muted")
        self._build()

    def _build(self) -> None:
        heading = Label("Sparsity")
        heading.setProperty("role", "heading")
        heading.setBuddy(self.slider)
        kept = Label("kept")
        kept.setBuddy(self.kept)
        self._values = QWidget()
        values = WrappingRow(self._values, spacing=8)
        for widget in (self.play, heading, self.percent, kept, self.kept, self._total):
            values.addWidget(widget)
        self._track = QGridLayout()
        self._track.setSpacing(0)
        self._track.setHorizontalSpacing(8)
        self._track.setColumnStretch(1, 1)
        self._is_wide = False
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(2)
        column.addLayout(self._track)
        column.addWidget(self.note)
        self._arrange()
        QWidget.setTabOrder(self.slider, self.percent)
        QWidget.setTabOrder(self.percent, self.kept)
        QWidget.setTabOrder(self.kept, self.presets)

    def _arrange(self) -> None:
        """Put the numbers beside the slider if there is room, otherwise above it."""
        top = 0 if self._is_wide else 1
        across = 1 if self._is_wide else 3
        self._track.addWidget(self._values, 0, 0, 1, across)
        self._track.addWidget(self.slider, top, 1 if self._is_wide else 0, 1, 1 if top == 0 else 2)
        self._track.addWidget(self._scale, top + 1, 1 if top == 0 else 0, 1, 1 if top == 0 else 2)
        self._track.addWidget(self.presets, top, 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the numbers according to the width."""
        is_wide = event.size().width() >= self._values.sizeHint().width() + _LEAST_TRACK
        if is_wide != self._is_wide:
            self._is_wide = is_wide
            self._arrange()
        super().resizeEvent(event)

    def show_note(self, text: str) -> None:
        """Show a note on the mask below the slider; hide it if empty."""
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def show_presets(self, sparsities: Sequence[float]) -> None:
        """Offer sparsities as buttons."""
        menu = self.presets.menu()
        menu.clear()
        for sparsity in sparsities:
            action = menu.addAction(sparsity_text(sparsity))
            action.setData(sparsity)
        self.presets.setVisible(bool(sparsities))

    def show_values(self, sparsity: float, num_kept: int, num_parameters: int) -> None:
        """Show a sparsity and the number of connections kept."""
        if num_parameters != self._num_parameters:
            self._num_parameters = num_parameters
            self._scale.show_marks(
                [
                    (to_position(mark, num_parameters) / _POSITIONS, f"{mark * 100:g}")
                    for mark in (0, 0.5, 0.9, 0.99, 0.999, 0.9999)
                    if num_parameters * (1 - mark) >= 1
                ]
            )
            self.percent.setMaximum(100 * (1 - 1 / num_parameters))
        position = to_position(sparsity, num_parameters)
        for widget in (self.slider, self.percent, self.kept):
            widget.blockSignals(True)
        # While dragged, the slider stays under the pointer rather than at the rounded value.
        if abs(self.slider.value() - position) > 1:
            self.slider.setValue(position)
        self.percent.setValue(sparsity * 100)
        self.kept.setRange(1, num_parameters)
        self.kept.setValue(num_kept)
        for widget in (self.slider, self.percent, self.kept):
            widget.blockSignals(False)
        self._total.setText(f"of {num_parameters:,}")
        fewer = num_parameters / max(num_kept, 1)
        self.slider.setToolTip(f"{fewer:,.3g} times fewer connections than the dense network")

    def _on_slider(self, position: int) -> None:
        with QSignalBlocker(self.slider):
            self.sparsity_asked.emit(sparsity_at(position, self._num_parameters))
