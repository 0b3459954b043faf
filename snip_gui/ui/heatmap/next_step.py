"""A strip on the picture that says that it is out of date, with the button that renews it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from snip_gui.session.state.values import torch_text
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from PySide6.QtCore import QRect
    from PySide6.QtWidgets import QWidget

    from snip_gui.session.state.session_state import SessionState

_GAP = 8


class NextStep(QFrame):
    """Lies over the top of a picture; its owner places it when it changes."""

    changed = Signal()
    score_asked = Signal()

    def __init__(self, state: SessionState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self.setProperty("role", "offer")
        self.text = named(Label(), "stale_notice", "Next step")
        self.score = named(
            QPushButton("Score"), "stale_score", "Score",
            "Compute the sensitivities again with the new settings (F5)",
        )  # fmt: skip
        self.score.setProperty("role", "compact")
        self.score.clicked.connect(self.score_asked)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 3, 4, 3)
        row.addWidget(self.text)
        row.addWidget(self.score)
        self.hide()
        for signal in (
            state.recipe_changed,
            state.images_changed,
            state.minibatch_changed,
            state.scored_changed,
            state.devices_changed,
            state.status.activity_changed,
        ):
            signal.connect(self._show)
        self._show()

    @Slot()
    def _show(self) -> None:
        text = _describe(self._state)
        self.text.setText(text)
        self.score.setVisible(text == _STALE)
        self.setVisible(bool(text))
        self.changed.emit()

    def place_over(self, picture: QRect) -> None:
        """Move to the top of a rectangle of the parent, in its middle."""
        size = self.sizeHint().boundedTo(picture.size())
        self.resize(size)
        self.move(picture.center().x() - size.width() // 2, picture.top() + _GAP)
        self.raise_()


_STALE = "Settings changed: press Score (F5)"


def _describe(state: SessionState) -> str:
    """Return what to do next; empty if the picture is up to date."""
    if not state.devices:
        return torch_text(state.versions)
    if state.status.activity is not None and state.status.activity.kind == "score":
        return "Scoring…"
    if state.images is not None and len(state.minibatch.indices_K) == 0:
        return "The minibatch is empty: add images"
    return _STALE if state.is_stale and state.can_score else ""
