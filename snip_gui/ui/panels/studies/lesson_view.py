"""The lesson: one connection followed through the method, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from snip_gui.core.studies.figures.drawing import DARK, LIGHT
from snip_gui.core.studies.lesson.steps import CHOICES
from snip_gui.ui.widgets.figures.figure_view import FigureView
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.session.comparing.lesson import LessonKeeper
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes

_EMPTY = "Score a minibatch with SNIP (F5), and follow one of its connections."


class LessonView(QWidget):
    """Title, text and figure of a step, with buttons to go on and back."""

    def __init__(
        self,
        state: SessionState,
        keeper: LessonKeeper,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._keeper, self._themes = state, keeper, themes
        self._number = 0
        self.choice = named(
            QComboBox(), "lesson_choice", "Connection", "Which connection to follow"
        )
        for value, text in CHOICES.items():
            self.choice.addItem(text, value)
        self.choice.addItem("Selected", None)
        self.begin = named(
            QPushButton("Follow"), "lesson_begin", "Follow", "Follow this connection from the start"
        )
        self._title = named(Label(), "lesson_title", "Step")
        self._title.setProperty("role", "heading")
        self._text = named(Label(), "lesson_text", "Explanation")
        self._text.setWordWrap(True)
        self.figure = named(FigureView("Lesson"), "lesson_figure", "Figure of the step")
        self._place = named(Label(), "lesson_place", "Steps done")
        self._place.setProperty("role", "muted")
        self.back = named(QPushButton("Back"), "lesson_back", "Back", "The step before (Left)")
        self.next = named(QPushButton("Next"), "lesson_next", "Next", "The next step (Right)")
        self._build()
        self._connect()
        self._show()

    def _build(self) -> None:
        top, below = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.choice)
        top.addWidget(self.begin)
        top.addStretch()
        below.addWidget(self._place, 1)
        below.addWidget(self.back)
        below.addWidget(self.next)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addWidget(self._title)
        column.addWidget(self._text)
        column.addWidget(self.figure, 1)
        column.addLayout(below)

    def _connect(self) -> None:
        self.begin.clicked.connect(self._on_begin)
        self.choice.activated.connect(self._on_begin)
        self.back.clicked.connect(self._on_back)
        self.next.clicked.connect(self._on_next)
        for key, work in ((Qt.Key.Key_Right, self._on_next), (Qt.Key.Key_Left, self._on_back)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(work)
        for signal in (
            self._keeper.changed,
            self._state.scored_changed,
            self._state.sparsity_changed,
            self._themes.changed,
        ):
            signal.connect(self._show)

    @property
    def number(self) -> int:
        """Index of the current step, from 0."""
        return self._number

    @Slot()
    def _on_begin(self) -> None:
        self._number = 0
        self._keeper.begin(self.choice.currentData())
        self.next.setFocus()

    @Slot()
    def _on_next(self) -> None:
        self._go(self._number + 1)

    @Slot()
    def _on_back(self) -> None:
        self._go(self._number - 1)

    def _go(self, number: int) -> None:
        lesson = self._keeper.lesson
        if lesson is not None:
            self._number = min(max(0, number), len(lesson.steps) - 1)
            self._show()

    @Slot()
    def _show(self) -> None:
        """Show the current step, or how to begin."""
        lesson = self._keeper.lesson
        self.begin.setEnabled(self._state.scored is not None)
        if lesson is None:
            self._title.setText("A lesson")
            self._text.setText(_EMPTY)
            self._place.setText("")
            self.figure.show_figure(None, LIGHT)
        else:
            steps = lesson.steps
            step = steps[self._number]
            self._title.setText(step.title)
            self._text.setText(step.text)
            self._place.setText(f"{self._number + 1} of {len(steps)}")
            colours = DARK if self._themes.name == "dark" else LIGHT
            self.figure.show_figure(step.figure, colours, step.text)
        had_focus = self.next.hasFocus()
        self.back.setEnabled(lesson is not None and self._number > 0)
        self.next.setEnabled(lesson is not None and self._number + 1 < len(lesson.steps))
        if had_focus and not self.next.isEnabled():
            self.back.setFocus()  # so that the keys keep working
