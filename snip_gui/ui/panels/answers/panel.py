"""Recognise: what the pruned and the dense network see in an image, live."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Slot
from PySide6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from snip_gui.session.runs.recognition import NO_NETWORK
from snip_gui.ui.dialogs.inputs.drawing_canvas import DrawingCanvas
from snip_gui.ui.panels.answers.bars import AnswerBars
from snip_gui.ui.widgets.layouts.wrapping_row import WrappingRow
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.array_image import ArrayImage
from snip_gui.ui.widgets.pictures.picture_drop import PictureDrop
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent

    from snip_gui.core.execution.answers import Answer
    from snip_gui.session.runs.recognition import Recognition
    from snip_gui.ui.theme.theme import Themes

_PICTURES = "Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.tif *.tiff *.webp);;All files (*)"
_HINT = (
    "Draw with the left mouse button (the right one rubs out), drop or paste a picture (Ctrl+V), "
    "or select an image under Minibatch or Images."
)
_PREVIEW = 84
# Width from which the answers are beside the canvas.
_WIDE = 620
# Width from which tools and hint are beside the canvas, if the answers are not.
_NARROW = 460


class AnswersPanel(QWidget):
    """A canvas, and beside it the answers of two networks."""

    def __init__(
        self, recognition: Recognition, themes: Themes, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._recognition = recognition
        self.canvas = named(
            DrawingCanvas(), "answers_canvas", "Canvas",
            "Draw with the left mouse button, rub out with the right one",
        )  # fmt: skip
        self.rubber = named(QCheckBox("Rubber"), "answers_rubber", "Rubber", "Strokes remove ink")
        self.clear = named(QPushButton("Clear"), "answers_clear", "Clear", "Remove all ink")
        self.open = named(
            QPushButton("Open image…"), "answers_open", "Open image", "Ask about an image in a file"
        )
        self.network = named(
            QComboBox(), "answers_network", "Network",
            "A trained run of this data set; its dense companion answers beside it",
        )  # fmt: skip
        self.network.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.preview = named(
            ArrayImage(_PREVIEW), "answers_preview", "Image", "The image as the networks see it"
        )
        self.what = named(Label(), "answers_what", "What was asked, and the answers")
        self.what.setWordWrap(True)
        self.titles = [named(Label(), f"answer_title_{n}", "Network") for n in range(2)]
        self.bars = [
            named(AnswerBars(themes), f"answer_bars_{n}", "Probability of each class")
            for n in range(2)
        ]
        self.empty = named(Label(NO_NETWORK), "answers_empty", "No network")
        self._build()
        self._connect()
        self._show_subjects()
        self._show()

    def _build(self) -> None:
        tools = QWidget()
        row = WrappingRow(tools, spacing=6)
        for widget in (self.rubber, self.clear, self.open):
            row.addWidget(widget)
        hint = named(Label(_HINT), "answers_hint", "Hint")
        hint.setProperty("role", "muted")
        hint.setWordWrap(True)
        beside = QVBoxLayout()
        beside.addWidget(tools)
        beside.addWidget(hint)
        beside.addStretch()
        left = self._drawing = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        left.addWidget(self.canvas, 0, Qt.AlignmentFlag.AlignTop)
        left.addLayout(beside, 1)
        sides = QHBoxLayout()
        sides.setSpacing(24)
        for title, bars in zip(self.titles, self.bars, strict=True):
            title.setWordWrap(True)
            title.setProperty("role", "heading")
            side = QVBoxLayout()
            side.addWidget(title)
            side.addWidget(bars)
            side.addStretch()
            sides.addLayout(side, 1)
        asked = QHBoxLayout()
        asked.setSpacing(12)
        asked.addWidget(self.preview)
        asked.addWidget(self.what, 1)
        right = QVBoxLayout()
        right.setSpacing(10)
        right.addWidget(self.network)
        right.addLayout(asked)
        right.addLayout(sides)
        right.addStretch(1)
        answers = QWidget()
        answers.setLayout(right)
        right.setContentsMargins(0, 0, 0, 0)
        self.empty.setProperty("role", "empty")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        stack = QWidget()
        self._pages = QStackedLayout(stack)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(answers)
        whole = self._whole = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        whole.setContentsMargins(12, 12, 12, 12)
        whole.setSpacing(20)
        whole.addLayout(left)
        whole.addWidget(stack, 1)
        tools.setMaximumWidth(self.canvas.sizeHint().width())
        hint.setMaximumWidth(self.canvas.sizeHint().width())

    def _connect(self) -> None:
        asks = self._recognition
        self.canvas.drawn.connect(self._on_drawn)
        self.rubber.toggled.connect(self._on_rubber)
        self.clear.clicked.connect(self.canvas.clear)
        self.open.clicked.connect(self._on_open)
        self.network.activated.connect(self._on_network)
        PictureDrop(self).brought.connect(asks.bring)
        asks.subjects_changed.connect(self._show_subjects)
        asks.changed.connect(self._show)

    def minimumSizeHint(self) -> QSize:
        """Return the width of the canvas: in a narrow window the answers are below it."""
        margins = self._whole.contentsMargins()
        width = self.canvas.sizeHint().width() + margins.left() + margins.right()
        return QSize(width, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place the answers beside the canvas, or below it if the window is narrow."""
        directions = QBoxLayout.Direction
        is_wide = event.size().width() >= _WIDE
        self._whole.setDirection(directions.LeftToRight if is_wide else directions.TopToBottom)
        is_tall = is_wide or event.size().width() < _NARROW
        self._drawing.setDirection(directions.TopToBottom if is_tall else directions.LeftToRight)
        super().resizeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Ask the networks while visible."""
        super().showEvent(event)
        self._recognition.want(wanted=True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop asking."""
        super().hideEvent(event)
        self._recognition.want(wanted=False)

    @Slot()
    def _show_subjects(self) -> None:
        subjects, chosen = self._recognition.subjects, self._recognition.subject
        with QSignalBlocker(self.network):
            self.network.clear()
            for subject in subjects:
                self.network.addItem(subject.title, subject)
            if chosen is not None:
                self.network.setCurrentIndex(subjects.index(chosen))
        self._pages.setCurrentIndex(1 if subjects else 0)

    @Slot()
    def _show(self) -> None:
        asks = self._recognition
        self.preview.show_array(asks.image_CHW)
        answers = asks.answers
        for number, (title, bars) in enumerate(zip(self.titles, self.bars, strict=True)):
            answer = answers[number] if number < len(answers) else None
            title.setText(answer.title if answer is not None else "")
            bars.show_answer(answer)
        self.what.setText(asks.problem or _sentence(asks.image_title, answers, asks.image_CHW))

    @Slot()
    def _on_drawn(self) -> None:
        self._recognition.show_drawing(self.canvas.ink())

    @Slot(bool)
    def _on_rubber(self, is_rubber: bool) -> None:
        self.canvas.is_rubber = is_rubber

    @Slot()
    def _on_open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Open an image", "", _PICTURES)
        if name:
            self._recognition.bring([Path(name)])

    @Slot(int)
    def _on_network(self, number: int) -> None:
        self._recognition.choose(self.network.itemData(number))


def _sentence(title: str, answers: tuple[Answer, ...], image: object) -> str:
    """Return what was asked and answered, such as ``Your drawing: both networks see 3.``."""
    if image is None:
        return "Draw or choose an image."
    what = f"{title[:1].upper()}{title[1:]}"
    if not answers:
        return f"{what}: asking…"
    first = answers[0].best
    if len(answers) == 1:
        return f"{what}: {first}."
    if answers[1].best == first:
        return f"{what}: both networks see {first}."
    return f"{what}: {first}; without pruning {answers[1].best}."
