"""The dialog that labels user-supplied pictures before they are added to the minibatch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import natural_order
from snip_gui.core.data.minibatch.own_images import negative
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.array_image import ArrayImage
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.data.minibatch.own_images import Fitted

_SIDE = 64
_ROWS = 50  # per page


class OwnImagesDialog(QDialog):
    """One row per picture, on pages small enough to open at once.

    Parameters
    ----------
    pictures
        The pictures, converted to images of the data set.
    classes, label
        Names of the classes, and the default one.
    """

    def __init__(
        self,
        pictures: Sequence[Fitted],
        classes: Sequence[str],
        label: int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add your own images")
        self.setObjectName("own_images_dialog")
        self._classes = classes
        self._choices = [_Choice(picture, label, picture.is_negative) for picture in pictures]
        self._first = 0
        intro = Label(
            "They are scaled and cropped to the size of the data set's images and saved with the "
            "recipe. Sensitivity depends on the label, so choose the class of each image."
        )
        intro.setWordWrap(True)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setText("Add to minibatch")
        ok.setEnabled(any(choice.is_good for choice in self._choices))
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (intro, self._make_common(label), self._area, self.buttons):
            column.addWidget(widget)
        self._show_page()
        self.resize(480, min(520, 170 + (_SIDE + 14) * len(pictures)))

    def _make_common(self, label: int) -> QWidget:
        """Return the controls for all pictures, hidden if there is only one page."""
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(0, 0, 0, 0)
        self._place = Label()
        self.back = named(QPushButton("Previous"), "own_back", "Previous pictures")
        self.forward = named(QPushButton("Next"), "own_forward", "Next pictures")
        self.back.clicked.connect(lambda: self._turn(-_ROWS))
        self.forward.clicked.connect(lambda: self._turn(_ROWS))
        self.common = named(QComboBox(), "own_common_label", "Class of all pictures")
        _fill(self.common, self._classes, label)
        self.common.activated.connect(self._set_common)
        for widget in (self._place, self.back, self.forward):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(Label("All are"))
        row.addWidget(self.common)
        bar.setVisible(len(self._choices) > _ROWS)
        return bar

    def _turn(self, step: int) -> None:
        self._first += step
        self._show_page()

    def _set_common(self) -> None:
        for choice in self._choices:
            choice.label = int(self.common.currentData())
        self._show_page()

    def _show_page(self) -> None:
        """Create the rows of the current page."""
        total, last = len(self._choices), min(self._first + _ROWS, len(self._choices))
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setColumnStretch(1, 1)
        grid.setHorizontalSpacing(12)
        for number, choice in enumerate(self._choices[self._first : last]):
            _Row(choice, self._classes, inner).place(grid, number)
        grid.setRowStretch(last - self._first, 1)
        self._area.setWidget(inner)  # deletes the previous rows
        self._place.setText(f"Pictures {self._first + 1:,} to {last:,} of {total:,}")
        self.back.setEnabled(self._first > 0)
        self.forward.setEnabled(last < total)

    def chosen(self) -> list[tuple[NDArray[np.uint8], int]]:
        """Return the chosen images (C, H, W) with their labels."""
        return [(choice.image_CHW, choice.label) for choice in self._choices if choice.is_good]


@dataclass
class _Choice:
    """The choices for a picture, whether or not it is on the current page."""

    picture: Fitted
    label: int
    is_negative: bool

    @property
    def is_good(self) -> bool:
        """Whether the picture can be used."""
        return not self.picture.problem

    @property
    def image_CHW(self) -> NDArray[np.uint8]:
        """The image to add, inverted if so chosen."""
        image_CHW = self.picture.image_CHW
        return negative(image_CHW) if self.is_negative else image_CHW


class _Row(QObject):
    """A picture, its name, its class, and whether it is inverted."""

    def __init__(self, choice: _Choice, classes: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self._choice, picture = choice, choice.picture
        self._image = ArrayImage(_SIDE)
        self._name = Label(picture.name)
        self._name.setWordWrap(True)
        self._problem = Label(picture.problem)
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self._problem.setProperty("role", "error")
        self._problem.setWordWrap(True)
        self.label = named(QComboBox(), "own_label", f"Class of {picture.name}")
        _fill(self.label, classes, choice.label)
        self.label.currentIndexChanged.connect(self._set_label)
        self.exchange = named(
            QCheckBox("Invert"), "own_negative", "Invert",
            "Swap light and dark, for instance to turn black ink on paper into a white digit on "
            "black",
        )  # fmt: skip
        self.exchange.setChecked(choice.is_negative)
        self.exchange.toggled.connect(self._set_negative)
        self._show()

    def place(self, grid: QGridLayout, number: int) -> None:
        """Add the row to the layout."""
        grid.addWidget(self._image, number, 0)
        grid.addWidget(self._name, number, 1)
        if self._choice.is_good:
            grid.addWidget(self.label, number, 2)
            grid.addWidget(self.exchange, number, 3)
        else:
            grid.addWidget(self._problem, number, 2, 1, 2)

    @Slot()
    def _set_label(self) -> None:
        self._choice.label = int(self.label.currentData())

    @Slot(bool)
    def _set_negative(self, is_negative: bool) -> None:
        self._choice.is_negative = is_negative
        self._show()

    def _show(self) -> None:
        self._image.show_array(self._choice.image_CHW if self._choice.is_good else None)


def _fill(box: QComboBox, classes: Sequence[str], label: int) -> None:
    """Fill a box with the classes in natural order, and choose one."""
    for position in natural_order(classes):
        box.addItem(f"class {classes[position]}", position)
    box.setCurrentIndex(box.findData(label))
