"""A delegate that paints fractions as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QWidget

from snip_gui.ui.widgets.guarded import Guarded

if TYPE_CHECKING:
    from snip_gui.ui.theme.theme import Themes


class BarDelegate(Guarded, QStyledItemDelegate):
    """Paints the sparsity as a bar with its value on top."""

    def __init__(self, themes: Themes, parent: QWidget) -> None:
        super().__init__(parent)
        self._themes = themes

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint a bar."""
        colours = self._themes.colours
        place = option.rect.adjusted(4, 4, -4, -4)
        painter.fillRect(place, QColor(colours.bar_track))
        filled = place.adjusted(0, 0, 0, 0)
        filled.setWidth(round(place.width() * index.data(Qt.ItemDataRole.UserRole)))
        bar = QColor(colours.bar)
        bar.setAlphaF(0.55)
        painter.fillRect(filled, bar)
        painter.setPen(QColor(colours.text))
        # Not clipped: without its sign «>99.99%» would mean something else.
        painter.drawText(
            place.adjusted(0, 0, -3, 0),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip,
            index.data(),
        )
