"""A network as a flow from left to right: bars of units, with bands of connections in between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from snip_gui.core.base.text import short_count
from snip_gui.ui.widgets.guarded import Guarded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.views.network_flow import FlowLayer, NetworkFlow, Units

_MARGIN, _BAR, _LEAST_STEP, _WIDE_STEP = 26, 9, 62, 150
_APART = 10  # gap between a bar and the band of a layer that it does not feed
_MOST_ARCS = 4
_LEAST = 2.0


@dataclass(frozen=True, slots=True)
class FlowColours:
    """Colours by meaning, as ``#rrggbb``."""

    total: str
    kept: str
    no_path: str
    units: str
    idle: str
    ink: str
    muted: str
    mark: str


class FlowView(Guarded, QWidget):
    """Shows a `NetworkFlow`; a click or Enter chooses a layer.

    Thickness and height are proportional to the square root of counts, so that small layers are
    visible beside large ones.

    Signals
    -------
    hovered, chosen
        Position of a layer, from 1, or 0 for the input; -1 if nothing is hovered.
    """

    hovered = Signal(int)
    chosen = Signal(int)

    def __init__(self, colours: FlowColours, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._flow: NetworkFlow | None = None
        self._colours = colours
        self._marked, self._current = "", 0
        self._small = QFont(self.font())
        self._small.setPointSizeF(max(7.5, self.font().pointSizeF() - 1.5))
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_flow(self, flow: NetworkFlow | None) -> None:
        """Show a network, or nothing if None."""
        before, self._flow = self._flow, flow
        if before is None or flow is None or len(before.layers) != len(flow.layers):
            self._current = 0
            self.updateGeometry()
        if flow is not None:
            self.setAccessibleDescription("; ".join(map(_describe_layer, flow.layers)))
        self.update()

    def set_colours(self, colours: FlowColours) -> None:
        """Set the colours of the theme."""
        self._colours = colours
        self.update()

    def mark(self, layer: str) -> None:
        """Frame a layer."""
        if layer != self._marked:
            self._marked = layer
            self.update()

    # Figures

    @property
    def title(self) -> str:
        """Title of the figure."""
        return str(self.accessibleName())

    @property
    def picture(self) -> NetworkFlow | None:
        """The flow; None if nothing is shown."""
        return self._flow

    def numbers(self) -> dict[str, NDArray[np.generic]]:
        """Return the counts of every layer."""
        layers = self._flow.layers if self._flow else ()
        units = [layer.units for layer in layers]
        return {
            "layer": np.array([layer.layer for layer in layers]),
            "total": np.array([layer.total for layer in layers]),
            "kept": np.array([layer.kept for layer in layers]),
            "kept_on_paths": np.array([layer.on_paths for layer in layers]),
            "units": np.array([u.total if u else -1 for u in units]),
            "units_on_paths": np.array([u.alive if u else -1 for u in units]),
        }

    # Geometry

    def sizeHint(self) -> QSize:
        """Return a size with room for every layer and its name."""
        num_layers = len(self._flow.layers) if self._flow else 1
        return QSize(2 * _MARGIN + _BAR + num_layers * _LEAST_STEP, 150)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which layers are distinguishable."""
        return QSize(self.sizeHint().width(), 52)

    def _step(self) -> float:
        num_layers = max(1, len(self._flow.layers) if self._flow else 1)
        return max(_LEAST_STEP, (self.width() - 2 * _MARGIN - _BAR) / num_layers)

    def _line(self) -> int:
        return QFontMetrics(self._small).height()

    def _middle(self) -> QRectF:
        """Return the rectangle of bars and bands, between names and numbers."""
        top = self._line() + 8
        below = self._num_lines * self._line() + 8
        return QRectF(0, top, self.width(), max(12, self.height() - top - below))

    @property
    def _num_lines(self) -> int:
        """Number of lines with numbers that there is room for."""
        if self.height() < 5 * self._line():
            return 0
        return 1 if self._is_wide else 2

    @property
    def _is_wide(self) -> bool:
        """Whether both numbers of a layer are on one line."""
        return self._step() > _WIDE_STEP

    def _bar(self, place: int, share: float) -> QRectF:
        """Return the rectangle of the units at a position."""
        middle = self._middle()
        height = max(_LEAST, middle.height() * share)
        x = _MARGIN + place * self._step()
        return QRectF(x, middle.center().y() - height / 2, _BAR, height)

    def _band(self, place: int, share: float) -> QRectF:
        """Return the rectangle of the connections of the layer at a position."""
        assert self._flow is not None
        middle = self._middle()
        apart = 0 if place - 1 in self._flow.layers[place - 1].feeders else _APART
        left = _MARGIN + (place - 1) * self._step() + _BAR + apart
        right = _MARGIN + place * self._step()
        height = middle.height() * share
        return QRectF(left, middle.center().y() - height / 2, right - left, height)

    def place_at(self, point: QPointF) -> int:
        """Return the position under a point: 0 for the input, -1 for none."""
        if self._flow is None:
            return -1
        across = point.x() - _MARGIN - _BAR
        if across < -_MARGIN - _BAR or across > len(self._flow.layers) * self._step() + _MARGIN:
            return -1
        return 0 if across < 0 else min(len(self._flow.layers), int(across // self._step()) + 1)

    # Painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the flow."""
        self.paint_on(QPainter(self))

    def paint_on(self, painter: QPainter) -> None:
        """Paint the contents of the widget."""
        flow = self._flow
        if flow is None or not flow.layers:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._small)
        most = max(layer.total for layer in flow.layers) or 1
        units = [flow.inputs, *(layer.units for layer in flow.layers)]
        most_units = max((u.total for u in units if u is not None), default=1)
        for place, layer in enumerate(flow.layers, 1):
            self._paint_arcs(painter, place, layer)
            self._paint_layer(painter, place, layer, most)
        for place, part in enumerate(units):
            self._paint_units(painter, place, part, most_units)
        if self.hasFocus():
            painter.setPen(QPen(QColor(self._colours.mark), 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self._frame(max(1, self._current)))

    def _frame(self, place: int) -> QRectF:
        """Return the rectangle of a layer, from its name to its numbers."""
        left = _MARGIN + (place - 1) * self._step() + _BAR
        return QRectF(left + 1, 2, self._step() - _BAR - 2, self.height() - 4)

    def _paint_layer(self, painter: QPainter, place: int, layer: FlowLayer, most: int) -> None:
        colours = self._colours
        for number, colour in (
            (layer.total, colours.total),
            (layer.kept, colours.no_path if layer.on_paths < layer.kept else colours.kept),
            (layer.on_paths, colours.kept),
        ):
            if number:
                share = max(math.sqrt(number / most), _LEAST / self._middle().height())
                painter.fillRect(self._band(place, min(1.0, share)), QColor(colour))
        frame, line = self._frame(place), self._line()
        if layer.layer == self._marked:
            painter.setPen(QPen(QColor(colours.mark), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(frame, 4, 4)
        metrics = painter.fontMetrics()
        room = int(frame.width()) - 4
        centred = Qt.AlignmentFlag.AlignCenter
        painter.setPen(QColor(colours.ink))
        name = metrics.elidedText(layer.layer, Qt.TextElideMode.ElideLeft, room)
        painter.drawText(QRectF(frame.left(), 4, frame.width(), line), centred, name)
        if self._num_lines == 0:
            return
        foot = QRectF(frame.left(), self.height() - 2 * line - 4, frame.width(), line)
        if self._is_wide:
            text = f"{layer.kept:,} kept, {_share(layer)}"
            painter.drawText(foot.translated(0, line), centred, text)
            return
        kept = f"{layer.kept:,}" if metrics.horizontalAdvance(f"{layer.kept:,}") <= room else (
            short_count(layer.kept)
        )  # fmt: skip
        painter.drawText(foot, centred, kept)
        painter.setPen(QColor(colours.muted))
        painter.drawText(foot.translated(0, line), centred, _share(layer))

    def _paint_units(self, painter: QPainter, place: int, units: Units | None, most: int) -> None:
        """Paint a bar of units, with those on a path in the middle."""
        colours = self._colours
        if units is None:
            painter.fillRect(self._bar(place, 0.5), QColor(colours.total))
            return
        bar = self._bar(place, math.sqrt(units.total / most))
        top = bar.top()
        for number, colour in (
            (units.unreached, colours.no_path),
            (units.alive, colours.units),
            (units.idle, colours.idle),
        ):
            height = bar.height() * number / units.total
            painter.fillRect(QRectF(bar.left(), top, bar.width(), height), QColor(colour))
            top += height

    def _paint_arcs(self, painter: QPainter, place: int, layer: FlowLayer) -> None:
        """Paint arcs from the inputs of a layer other than the previous layer."""
        painter.setPen(QPen(QColor(self._colours.muted), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        middle = self._middle()
        end = QPointF(self._band(place, 0).left(), middle.center().y())
        for feeder in [f for f in layer.feeders if f != place - 1][-_MOST_ARCS:]:
            start = QPointF(_MARGIN + feeder * self._step() + _BAR / 2, middle.center().y())
            height = middle.height() * min(0.5, 0.16 * math.sqrt(place - feeder))
            path = QPainterPath(start)
            path.cubicTo(start - QPointF(0, 1.3 * height), end - QPointF(0, 1.3 * height), end)
            painter.drawPath(path)

    # Pointer and keys

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Emit the position under the pointer."""
        self.hovered.emit(self.place_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Emit that there is none."""
        self.hovered.emit(-1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose the layer under the pointer."""
        place = self.place_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and place > 0:
            self._current = place
            self.chosen.emit(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrow keys; choose with Enter or Space."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        step = steps.get(Qt.Key(event.key()))
        if self._flow is None:
            super().keyPressEvent(event)
        elif step is not None:
            self._current = min(max(1, self._current + step), len(self._flow.layers))
            self.hovered.emit(self._current)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(max(1, self._current))
        else:
            super().keyPressEvent(event)


def _share(layer: FlowLayer) -> str:
    if not layer.is_pruned:
        return "dense"
    return f"{layer.kept / layer.total:.1%}" if layer.total else "–"


def _describe_layer(layer: FlowLayer) -> str:
    return f"{layer.layer}: {layer.kept:,} of {layer.total:,} kept"
