"""A delegate that paints a small curve in a table cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from snip_gui.ui.widgets.guarded import Guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtCore import QModelIndex, QPersistentModelIndex

_MARGIN = 4


class CurveDelegate(Guarded, QStyledItemDelegate):
    """Draws a line through points, scaled to the cell.

    Parameters
    ----------
    get_curve
        Returns the points of a cell.
    """

    def __init__(
        self,
        get_curve: Callable[[QModelIndex | QPersistentModelIndex], Sequence[tuple[float, float]]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._get_curve = get_curve

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint a curve."""
        super().paint(painter, option, index)
        points = self._get_curve(index)
        if len(points) < 2:
            return
        place = option.rect.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        last, top = points[-1][0] or 1.0, max(value for _, value in points) or 1.0
        line = QPolygonF(
            [
                QPointF(
                    place.left() + place.width() * x / last,
                    place.bottom() - place.height() * min(value, top) / top,
                )
                for x, value in points
            ]
        )
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        palette = option.palette
        colour = (palette.highlightedText() if selected else palette.highlight()).color()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour, 1.2))
        painter.drawPolyline(line)
        painter.restore()
