"""Horizontal bars of the probabilities of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from snip_gui.core.base.text import natural_order
from snip_gui.ui.widgets.guarded import Guarded

if TYPE_CHECKING:
    from snip_gui.core.execution.answers import Answer
    from snip_gui.ui.theme.theme import Themes

_MOST_CLASSES = 12
"""More classes are listed by probability, only the most probable ones."""

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class AnswerBars(Guarded, QWidget):
    """One bar per class; the most probable class in the accent colour."""

    def __init__(self, themes: Themes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._rows: list[tuple[str, float]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        themes.changed.connect(self.update)

    @property
    def rows(self) -> list[tuple[str, float]]:
        """Names and probabilities, as listed."""
        return self._rows

    def show_answer(self, answer: Answer | None) -> None:
        """Show the probabilities of an answer; None for nothing."""
        self._rows = []
        if answer is not None:
            number = len(answer.classes)
            order = (
                natural_order(answer.classes)
                if number <= _MOST_CLASSES
                else np.argsort(-answer.probability_K, kind="stable")[:_MOST_CLASSES]
            )
            self._rows = [(answer.classes[k], float(answer.probability_K[k])) for k in order]
        text = ", ".join(f"{name}: {share:.1%}" for name, share in self._rows)
        self.setAccessibleDescription(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size with a line for each class."""
        return QSize(180, max(1, len(self._rows)) * (self.fontMetrics().height() + 6))

    def minimumSizeHint(self) -> QSize:
        """Return the same height, and room for names and percentages."""
        return QSize(120, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the bars."""
        if not self._rows:
            return
        painter, metrics, colours = QPainter(self), self.fontMetrics(), self._themes.colours
        line = metrics.height() + 6
        widest = max(metrics.horizontalAdvance(name) for name, _ in self._rows)
        names, shares = min(widest, self.width() // 3), metrics.horizontalAdvance("100.0%")
        room = max(10, self.width() - names - shares - 16)
        highest = max(share for _, share in self._rows)
        for number, (name, share) in enumerate(self._rows):
            top = number * line
            elided = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, names)
            painter.setPen(self.palette().color(self.foregroundRole()))
            painter.drawText(QRect(0, top, names, line), _LEFT, elided)
            track = QRect(names + 8, top + 3, room, line - 6)
            painter.fillRect(track, QColor(colours.bar_track))
            track.setWidth(round(room * share))
            painter.fillRect(track, QColor(colours.accent if share == highest else colours.bar))
            place = QRect(self.width() - shares, top, shares, line)
            painter.drawText(place, _RIGHT, f"{share:.1%}")
