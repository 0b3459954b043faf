"""The dialog to draw an image by hand and add it to the minibatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import natural_order
from snip_gui.core.data.minibatch.hand_drawn import to_digit
from snip_gui.ui.dialogs.inputs.drawing_canvas import DrawingCanvas
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.array_image import ArrayImage
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

_PREVIEW = 112


class DrawDialog(QDialog):
    """A canvas, the image that becomes of it, and its class.

    Parameters
    ----------
    shape
        Channels, rows and columns of the data set's images.
    classes, label
        Names of the classes, and the default one.
    dataset
        Name of the data set, whose form the drawing gets.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: Sequence[str],
        label: int,
        parent: QWidget | None = None,
        *,
        dataset: str = "",
    ) -> None:
        super().__init__(parent)
        self._shape, self._dataset = shape, dataset
        self.setWindowTitle("Draw an image")
        self.setObjectName("draw_dialog")
        self.canvas = named(
            DrawingCanvas(), "drawing_canvas", "Canvas",
            "Draw with the left mouse button, rub out with the right one",
        )  # fmt: skip
        self.canvas.drawn.connect(self._show)
        self._preview = named(ArrayImage(_PREVIEW), "drawing_preview", "Image", "As it is added")
        self.brush = named(QSpinBox(), "drawing_brush", "Brush", "Diameter of the brush")
        self.brush.setRange(4, 80)
        self.brush.setValue(self.canvas.brush)
        self.brush.valueChanged.connect(self._on_brush)
        self.rubber = named(QCheckBox("Rubber"), "drawing_rubber", "Rubber", "Strokes remove ink")
        self.rubber.toggled.connect(self._on_rubber)
        clear = named(QPushButton("Clear"), "drawing_clear", "Clear", "Remove all ink")
        clear.setAutoDefault(False)
        clear.clicked.connect(self.canvas.clear)
        self.label = named(QComboBox(), "drawing_label", "Class", "The class of the image")
        for position in natural_order(classes):
            self.label.addItem(f"class {classes[position]}", position)
        self.label.setCurrentIndex(self.label.findData(label))
        standard = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
        self.buttons.button(standard.Ok).setText("Add to minibatch")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow("Class", self.label)
        form.addRow("Brush", self.brush)
        form.addRow("", self.rubber)
        side = QVBoxLayout()
        side.addLayout(form)
        side.addWidget(clear)
        side.addWidget(Label("As the network sees it:"))
        side.addWidget(self._preview)
        side.addStretch()
        row = QHBoxLayout()
        row.addWidget(self.canvas)
        row.addLayout(side)
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(self.buttons)
        self._show()

    def chosen(self) -> tuple[NDArray[np.uint8], int]:
        """Return the image (C, H, W) and its class."""
        image_CHW = to_digit(self.canvas.ink(), self._shape, self._dataset)
        return image_CHW, int(self.label.currentData())

    @Slot()
    def _show(self) -> None:
        image_CHW, _ = self.chosen()
        self._preview.show_array(image_CHW)
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(bool(image_CHW.any()))

    @Slot(int)
    def _on_brush(self, diameter: int) -> None:
        self.canvas.brush = diameter

    @Slot(bool)
    def _on_rubber(self, is_rubber: bool) -> None:
        self.canvas.is_rubber = is_rubber
