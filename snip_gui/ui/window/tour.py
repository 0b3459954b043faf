"""A guided tour in short steps, over the window, which stays usable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeySequence, QPainter, QPaintEvent, QPen, QRegion, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from snip_gui.ui.widgets.guarded import Guarded
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_GAP = 12
_CARD_WIDTH = 330


@dataclass(frozen=True, slots=True)
class TourStep:
    """A step of the tour.

    Attributes
    ----------
    target
        Returns the widget to point at.
    prepare
        Makes the widget visible.
    """

    title: str
    text: str
    target: Callable[[], QWidget]
    prepare: Callable[[], None]


class Tour(Guarded, QWidget):
    """Dims the window except for one widget, with a card beside it; clicks reach the window."""

    ended = Signal()

    def __init__(self, window: QWidget, steps: Sequence[TourStep]) -> None:
        super().__init__(window)
        self._window, self._steps, self._number = window, steps, -1
        self.setObjectName("tour")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        self.card = named(QFrame(window), "tour_card", "First look")
        self.card.setProperty("role", "card")
        self.card.setFixedWidth(_CARD_WIDTH)
        self.card.hide()
        self._title = named(Label(), "tour_title", "Step")
        self._title.setProperty("role", "heading")
        self._text = named(Label(), "tour_text", "Explanation")
        self._text.setWordWrap(True)
        self._place = named(Label(), "tour_place", "Steps done")
        self._place.setProperty("role", "muted")
        self.back = named(QPushButton("Back"), "tour_back", "Back")
        self.next = named(QPushButton("Next"), "tour_next", "Next")
        self.close_button = named(QPushButton("End"), "tour_end", "End the first look (Escape)")
        self.back.clicked.connect(self._on_back)
        self.next.clicked.connect(self._on_next)
        self.close_button.clicked.connect(self.end)
        for key, work in (
            (Qt.Key.Key_Right, self._on_next),
            (Qt.Key.Key_Return, self.next.click),
            (Qt.Key.Key_Enter, self.next.click),
            (Qt.Key.Key_Left, self._on_back),
        ):
            shortcut = QShortcut(QKeySequence(key), self.card)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(work)
        self._build()

    def _build(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self._place, 1)
        for button in (self.close_button, self.back, self.next):
            row.addWidget(button)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(14, 12, 14, 12)
        column.addWidget(self._title)
        column.addWidget(self._text)
        column.addLayout(row)

    @property
    def number(self) -> int:
        """Index of the current step, from 0; -1 if there is none."""
        return self._number

    def start(self) -> None:
        """Show the first step."""
        self._window.installEventFilter(self)
        self._show(0)

    @Slot()
    def end(self) -> None:
        """End the tour."""
        if self._number >= 0:
            self._number = -1
            self._window.removeEventFilter(self)
            self.hide()
            self.card.hide()
            self.ended.emit()

    @Slot()
    def _on_next(self) -> None:
        if self._number + 1 < len(self._steps):
            self._show(self._number + 1)
        else:
            self.end()

    @Slot()
    def _on_back(self) -> None:
        self._show(max(0, self._number - 1))

    def _show(self, number: int) -> None:
        self._number = number
        step = self._steps[number]
        step.prepare()
        self._title.setText(step.title)
        self._text.setText(step.text)
        self._place.setText(f"{number + 1} of {len(self._steps)}")
        self.back.setEnabled(number > 0)
        self.next.setText("Next" if number + 1 < len(self._steps) else "Done")
        self.card.adjustSize()
        self.show()
        self.card.show()
        self._lay_out()
        self.next.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the window."""
        kinds = (QEvent.Type.Resize, QEvent.Type.LayoutRequest)
        if watched is self._window and event.type() in kinds:
            self._lay_out()
        return super().eventFilter(watched, event)

    def _lay_out(self) -> None:
        """Cover the window, and put the card where there is most room beside the widget."""
        self.setGeometry(self._window.rect())
        spot, whole, card = self._spot(), self._window.rect(), self.card.sizeHint()
        size = QRect(0, 0, _CARD_WIDTH, card.height())
        lowest = whole.height() - size.height() - _GAP
        top = max(_GAP, min(spot.center().y() - size.height() // 2, lowest))
        right, left = whole.right() - spot.right(), spot.left()
        if max(right, left) >= _CARD_WIDTH + 2 * _GAP:
            across = spot.right() + _GAP if right >= left else spot.left() - _GAP - _CARD_WIDTH
        else:
            across = spot.center().x() - _CARD_WIDTH // 2
            below, above = spot.bottom() + _GAP, spot.top() - size.height() - _GAP
            inside = spot.bottom() - size.height() - _GAP
            top = below if below <= lowest else above if above >= _GAP else inside
        across = max(_GAP, min(across, whole.width() - _CARD_WIDTH - _GAP))
        size.moveTopLeft(QPoint(across, top))
        self.card.setGeometry(size)
        self.raise_()
        self.card.raise_()
        self.update()

    def _spot(self) -> QRect:
        """Return the rectangle of the widget, in window coordinates."""
        target = self._steps[self._number].target()
        return QRect(target.mapTo(self._window, QPoint(0, 0)), target.size())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Dim everything except one widget."""
        if self._number < 0:
            return
        painter = QPainter(self)
        spot = self._spot().adjusted(-3, -3, 3, 3)
        painter.setClipRegion(QRegion(self.rect()).subtracted(QRegion(spot)))
        painter.fillRect(self.rect(), QColor(0, 0, 0, 110))
        painter.setClipping(False)
        painter.setPen(QPen(self.palette().highlight().color(), 2))
        painter.drawRect(spot)
