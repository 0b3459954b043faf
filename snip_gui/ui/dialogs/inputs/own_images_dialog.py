"""Pictures of one's own on their way into the minibatch: how they look now, and their class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.data.minibatch.own_images import negative
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.array_image import ArrayImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.data.minibatch.own_images import Fitted

_SIDE = 64


class OwnImagesDialog(QDialog):
    """One row a picture.

    Parameters
    ----------
    pictures
        As images of the data set.
    classes, label
        Names of the classes, and the one that is proposed.
    """

    def __init__(
        self,
        pictures: Sequence[Fitted],
        classes: Sequence[str],
        label: int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add pictures of your own")
        self.setObjectName("own_images_dialog")
        self._rows: list[_Row] = []
        intro = QLabel(
            "They are scaled and cropped to the size of the data set's images, and kept with the "
            "recipe. Sensitivity depends on the class, so choose what each is to be taken for."
        )
        intro.setWordWrap(True)
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setColumnStretch(1, 1)
        grid.setHorizontalSpacing(12)
        for number, picture in enumerate(pictures):
            row = _Row(picture, classes, label)
            row.place(grid, number)
            self._rows.append(row)
        grid.setRowStretch(len(pictures), 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inner)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setText("Add to minibatch")
        ok.setEnabled(any(row.is_good for row in self._rows))
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (intro, area, self.buttons):
            column.addWidget(widget)
        self.resize(480, min(520, 170 + (_SIDE + 14) * len(pictures)))

    def chosen(self) -> list[tuple[NDArray[np.uint8], int]]:
        """Return the images (C, H, W) as they were chosen, with their labels."""
        return [row.chosen() for row in self._rows if row.is_good]


class _Row:
    """A picture, its name, its class, and whether light and dark are exchanged."""

    def __init__(self, picture: Fitted, classes: Sequence[str], label: int) -> None:
        self._picture = picture
        self.is_good = not picture.problem
        self._image = ArrayImage(_SIDE)
        self._name = QLabel(picture.name)
        self._name.setTextFormat(Qt.TextFormat.PlainText)
        self._name.setWordWrap(True)
        self._problem = QLabel(picture.problem)
        self._problem.setProperty("role", "error")
        self._problem.setWordWrap(True)
        self.label = named(QComboBox(), "own_label", f"Class of {picture.name}")
        for number, name in enumerate(classes):
            self.label.addItem(f"class {name}", number)
        self.label.setCurrentIndex(label)
        self.exchange = named(
            QCheckBox("Negative"), "own_negative", "Exchange light and dark",
            "Exchange light and dark, as for black ink on paper among white digits on black",
        )  # fmt: skip
        self.exchange.setChecked(picture.is_negative)
        self.exchange.toggled.connect(self._show)
        self._show()

    def place(self, grid: QGridLayout, number: int) -> None:
        """Lay the row out."""
        grid.addWidget(self._image, number, 0)
        grid.addWidget(self._name, number, 1)
        if self.is_good:
            grid.addWidget(self.label, number, 2)
            grid.addWidget(self.exchange, number, 3)
        else:
            grid.addWidget(self._problem, number, 2, 1, 2)

    def chosen(self) -> tuple[NDArray[np.uint8], int]:
        """Return the image and its label."""
        return self._shown(), int(self.label.currentData())

    def _shown(self) -> NDArray[np.uint8]:
        image_CHW = self._picture.image_CHW
        return negative(image_CHW) if self.exchange.isChecked() else image_CHW

    def _show(self) -> None:
        self._image.show_array(self._shown() if self.is_good else None)
