"""The network as a graph that can be zoomed: boxes, edges, and how much of each layer is kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsPathItem,
    QGraphicsScene,
    QGraphicsView,
    QStyleOptionGraphicsItem,
    QWidget,
)

from snip_gui.core.base.text import short_count
from snip_gui.ui.widgets.guarded import Guarded
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import plain_tip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent, QWheelEvent

    from snip_gui.core.views.graph.network_graph import GraphNode, NetworkGraph
    from snip_gui.ui.theme.theme import Colours

_WIDTH, _HEIGHT, _LEVEL = 190.0, 66.0, 102.0
_SMALL = 26.0  # side of a point where tensors meet
_THIN, _THICK = 1.0, 8.0
_DECADES = 3  # fractions of a thousandth and less are drawn alike
_LEGIBLE = 0.45  # text is left out at smaller scales
_LEAST_SCALE, _LEAST_FIT, _MOST_SCALE = 0.02, 0.5, 4.0
_STEP = 1.25
_MARGIN = 24.0

Share = tuple[int, int]
"""Kept and total parameters of a layer."""


def strength(fraction: float) -> float:
    """Return how strongly a kept fraction is drawn, 0 to 1, by its logarithm."""
    if fraction <= 0:
        return 0.0
    return max(0.0, 1 + math.log10(fraction) / _DECADES)


def blended(low: str, high: str, amount: float) -> QColor:
    """Return a colour between two."""
    start, end = QColor(low), QColor(high)
    return QColor(
        round(start.red() + (end.red() - start.red()) * amount),
        round(start.green() + (end.green() - start.green()) * amount),
        round(start.blue() + (end.blue() - start.blue()) * amount),
    )


class _Box(Guarded, QGraphicsItem):
    """A node."""

    def __init__(self, node: GraphNode, centre: QPointF, view: GraphView) -> None:
        super().__init__()
        self.node, self._view = node, view
        is_small = node.kind in ("sum", "concat")
        width = _SMALL if node.kind == "sum" else 64.0 if is_small else _WIDTH
        height = _SMALL if is_small else _HEIGHT
        self._rect = QRectF(-width / 2, -height / 2, width, height)
        self.setPos(centre)
        self.setZValue(1)

    @property
    def half_height(self) -> float:
        return self._rect.height() / 2

    def boundingRect(self) -> QRectF:
        """Return the box with its frame."""
        return self._rect.adjusted(-3, -3, 3, 3)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Paint the box; text only where it is legible."""
        colours, share = self._view.colours, self._view.shares.get(self.node.layer)
        is_selected = bool(self.node.layer) and self.node.layer == self._view.selected
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours.accent if is_selected else colours.border),
                            3 if is_selected else 1))  # fmt: skip
        painter.setBrush(QColor(colours.raised))
        radius = _SMALL / 2 if self.node.kind == "sum" else 6
        painter.drawRoundedRect(self._rect, radius, radius)
        if share is not None:
            bar = QRectF(self._rect.left() + 4, self._rect.bottom() - 9, self._rect.width() - 8, 5)
            painter.fillRect(bar, QColor(colours.bar_track))
            amount = strength(share[0] / share[1])
            bar.setWidth(bar.width() * amount)
            painter.fillRect(bar, blended(colours.removed, colours.kept, 0.35 + 0.65 * amount))
        if option.levelOfDetailFromTransform(painter.worldTransform()) < _LEGIBLE:
            return
        inner = self._rect.adjusted(8, 3, -8, -3)
        metrics = painter.fontMetrics()
        if self.node.kind in ("sum", "concat"):
            painter.setPen(QColor(colours.text))
            painter.drawText(self._rect, Qt.AlignmentFlag.AlignCenter, self.node.title)
            return
        line = metrics.height()
        texts = [(self.node.title, colours.text), (self.node.details, colours.muted)]
        if share is not None:
            kept = f"{short_count(share[0])} of {short_count(share[1])} kept"
            texts.append((kept, colours.muted))
        for number, (text, colour) in enumerate(texts):
            painter.setPen(QColor(colour))
            elided = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, round(inner.width()))
            place = QRectF(inner.left(), inner.top() + number * line, inner.width(), line)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, elided)


class GraphView(Guarded, QGraphicsView):
    """Boxes from top to bottom. Wheel and + - 0 zoom, dragging moves, a click selects a layer."""

    layer_selected = Signal(str)
    layer_chosen = Signal(str)  # with a double click or Enter

    def __init__(self, colours: Colours, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "network_graph", "Graph of the network",
              "Wheel or + and - zoom, dragging moves, a click selects a layer")  # fmt: skip
        self.colours, self.selected = colours, ""
        self.shares: Mapping[str, Share] = {}
        self._graph: NetworkGraph | None = None
        self._boxes: list[_Box] = []
        self._edges: list[QGraphicsPathItem] = []
        self._is_fitted = True
        self._pressed_at = QPointF()
        self.setScene(QGraphicsScene(self))
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setMinimumWidth(140)

    # Contents

    def show_graph(self, graph: NetworkGraph | None) -> None:
        """Replace the graph."""
        if graph is self._graph:
            return
        self._graph = graph
        self.scene().clear()
        self._boxes, self._edges = [], []
        if graph is None:
            return
        spots = [QPointF(x * _WIDTH, level * _LEVEL) for x, level in graph.placed.centres]
        self._boxes = [_Box(n, at, self) for n, at in zip(graph.nodes, spots, strict=True)]
        for (start, end), lane in zip(graph.edges, graph.placed.lanes, strict=True):
            item = QGraphicsPathItem(_edge_path(self._boxes[start], self._boxes[end], lane))
            self._edges.append(item)
            self.scene().addItem(item)
        for box in self._boxes:
            self.scene().addItem(box)
            box.setToolTip(plain_tip(f"{box.node.title}\n{box.node.details}".rstrip()))
        bounds = self.scene().itemsBoundingRect()
        self.scene().setSceneRect(bounds.adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN))
        self._draw()
        self.fit()

    def show_shares(self, shares: Mapping[str, Share]) -> None:
        """Show how much of each layer is kept."""
        self.shares = shares
        self._draw()

    def show_selected(self, layer: str) -> None:
        """Highlight a layer."""
        if layer != self.selected:
            self.selected = layer
            self.viewport().update()

    def show_colours(self, colours: Colours) -> None:
        """Change the colours."""
        self.colours = colours
        self._draw()

    def _draw(self) -> None:
        """Update the edges: each is as thick as the layer that it leads to is dense."""
        self.setBackgroundBrush(QColor(self.colours.base))
        if self._graph is None:
            return
        for (_, end), item in zip(self._graph.edges, self._edges, strict=True):
            share = self.shares.get(self._graph.nodes[end].layer)
            amount = 0.0 if share is None else strength(share[0] / share[1])
            colour = QColor(self.colours.muted)
            if share is not None:
                colour = blended(self.colours.removed, self.colours.kept, 0.35 + 0.65 * amount)
            width = _THIN + (_THICK - _THIN) * amount
            item.setPen(QPen(colour, width, c=Qt.PenCapStyle.FlatCap))
        self.viewport().update()

    # Zoom

    def fit(self) -> None:
        """Show the whole width if it is legible, from the top."""
        self._is_fitted = True
        bounds = self.sceneRect()
        if self._graph is None or bounds.isEmpty():
            return
        scale = min(1.0, max(self.viewport().width() / bounds.width(), _LEAST_FIT))
        self.resetTransform()
        self.scale(scale, scale)
        self.centerOn(bounds.center().x(), bounds.top())

    def zoom(self, factor: float) -> None:
        """Change the scale, within bounds."""
        scale = self.transform().m11()
        factor = min(max(scale * factor, _LEAST_SCALE), _MOST_SCALE) / scale
        self._is_fitted = False
        self.scale(factor, factor)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit again, unless the user has zoomed."""
        super().resizeEvent(event)
        if self._is_fitted:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom."""
        self.zoom(_STEP ** (event.angleDelta().y() / 120))
        event.accept()

    # Pointer and keys

    def box_of(self, layer: str) -> QPointF | None:
        """Return the centre of a layer's box in the scene; None if there is none."""
        return next((box.pos() for box in self._boxes if box.node.layer == layer), None)

    def _layer_at(self, place: QPointF) -> str:
        item = self.itemAt(place.toPoint())
        return item.node.layer if isinstance(item, _Box) else ""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where a click or a drag began."""
        self._pressed_at = event.position()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Select the layer under the pointer, unless the graph was dragged."""
        super().mouseReleaseEvent(event)
        moved = (event.position() - self._pressed_at).manhattanLength()
        layer = self._layer_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and moved < 4 and layer:
            self.layer_selected.emit(layer)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show the weights of the layer under the pointer."""
        layer = self._layer_at(event.position())
        if layer:
            self.layer_chosen.emit(layer)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom with + - 0; go through the layers with the arrow keys; Enter shows the weights."""
        match event.key():
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(_STEP)
            case Qt.Key.Key_Minus:
                self.zoom(1 / _STEP)
            case Qt.Key.Key_0:
                self.fit()
            case Qt.Key.Key_Down:
                self._select_next(1)
            case Qt.Key.Key_Up:
                self._select_next(-1)
            case Qt.Key.Key_Return | Qt.Key.Key_Enter if self.selected:
                self.layer_chosen.emit(self.selected)
            case _:
                super().keyPressEvent(event)

    def _select_next(self, step: int) -> None:
        layers = [box.node.layer for box in self._boxes if box.node.kind == "layer"]
        if not layers:
            return
        place = layers.index(self.selected) + step if self.selected in layers else 0
        layer = layers[min(max(place, 0), len(layers) - 1)]
        self.layer_selected.emit(layer)
        centre = self.box_of(layer)
        if centre is not None:
            self.ensureVisible(QRectF(centre, centre).adjusted(-9, -_HEIGHT, 9, _HEIGHT))


def _edge_path(start: _Box, end: _Box, lane: float | None) -> QPainterPath:
    """Return a line between two boxes, or a curve through a lane beside those in between."""
    top = start.pos() + QPointF(0, start.half_height)
    bottom = end.pos() - QPointF(0, end.half_height)
    path = QPainterPath(top)
    if lane is None:
        middle = (top.y() + bottom.y()) / 2
        path.cubicTo(QPointF(top.x(), middle), QPointF(bottom.x(), middle), bottom)
        return path
    x, bend = lane * _WIDTH, _LEVEL * 0.45
    path.cubicTo(top + QPointF(0, bend), QPointF(x, top.y()), QPointF(x, top.y() + bend))
    path.lineTo(x, bottom.y() - bend)
    path.cubicTo(QPointF(x, bottom.y()), bottom - QPointF(0, bend), bottom)
    return path
