"""Minibatch: the scored images, and quick ways to choose others."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import natural_order
from snip_gui.core.data.minibatch.curation import class_choice, class_counts, class_positions
from snip_gui.core.recipe.recipe import Draw
from snip_gui.ui.widgets.layouts.class_buttons import ALL, ClassButtons
from snip_gui.ui.widgets.layouts.wrapping_row import WrappingRow
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.array_image import ArrayImage
from snip_gui.ui.widgets.pictures.class_bars import ClassBars
from snip_gui.ui.widgets.pictures.image_grid import ImageGrid
from snip_gui.ui.widgets.pictures.picture_drop import PictureDrop
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.core.data.minibatch.own_images import Fitted
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes

_PICTURES = "Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.tif *.tiff *.webp);;All files (*)"


class MinibatchPanel(QWidget):
    """The tray of scored images."""

    browse_asked = Signal()

    def __init__(
        self,
        state: SessionState,
        controller: Controller,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._controller, self._themes = state, controller, themes
        self._summary = named(Label(), "minibatch_summary", "Minibatch")
        self._summary.setWordWrap(True)
        self._mean = named(ArrayImage(92), "mean_image", "Mean image", "Mean of the minibatch")
        self._bars = named(ClassBars(), "class_histogram", "Images of each class")
        self.tray = named(ImageGrid(44), "minibatch_tray", "Images in the minibatch")
        self.tray.setMinimumHeight(52)
        # Otherwise the panel would scroll before the tray gets smaller.
        self.tray.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self._make_buttons()
        self._build()
        state.images_changed.connect(self._on_images_changed)
        state.minibatch_changed.connect(self._on_minibatch_changed)
        controller.minibatch.fitted.connect(self._on_fitted)
        PictureDrop(self).brought.connect(controller.minibatch.bring)
        controller.pictures.changed.connect(self.tray.viewport().update)
        controller.pictures.mean_changed.connect(self._show_mean)
        self.tray.selection_changed.connect(self._on_selection_changed)
        themes.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self._on_images_changed()

    def _make_buttons(self) -> None:
        self.draw_size = named(QSpinBox(), "draw_size", "Images to draw", "How many images to draw")
        self.draw_size.setRange(1, 1_000_000)
        self.draw_size.setValue(100)
        self.draw_size.setGroupSeparatorShown(True)
        self.draw_size.setFixedWidth(70)
        self.classes = ClassButtons()
        self.classes.chosen.connect(self._on_draw)
        self.draw_class = self.classes.list
        self.draw_button = named(
            QPushButton("Draw"),
            "draw_button",
            "Draw at random",
            "Draw this many training images at random; press again for different ones",
        )
        self.draw_button.clicked.connect(self._on_draw)
        self.per_class = named(QSpinBox(), "per_class_number", "Images per class")
        self.per_class.setRange(1, 100_000)
        self.per_class.setValue(10)
        self.per_class.setFixedWidth(70)
        self.take = named(
            QPushButton("Fill"), "per_class_button", "Fill per class",
            "Fill the minibatch with this many training images of every class",
        )  # fmt: skip
        self.take.clicked.connect(self._on_take)
        self.browse = named(
            QPushButton("Browse…"), "browse_button", "Browse images",
            "Choose individual images from the training set",
        )  # fmt: skip
        self.browse.clicked.connect(self.browse_asked)
        self.own = named(
            QPushButton("Own…"), "own_button", "Add your own images",
            "Add your own images: choose files here, drop them on the tray, or paste one (Ctrl+V)",
        )  # fmt: skip
        self.own.clicked.connect(self._on_own)
        self.by_hand = named(
            QPushButton("By hand…"), "by_hand_button", "Draw an image by hand",
            "Draw an image with the mouse and add it",
        )  # fmt: skip
        self.by_hand.clicked.connect(self._on_by_hand)
        self.remove = named(
            QPushButton("Remove"), "remove_button", "Remove selected images",
            "Remove the selected images from the minibatch (Delete)",
        )  # fmt: skip
        self.remove.clicked.connect(self._on_remove)
        self.clear = named(
            QPushButton("Clear"),
            "clear_button",
            "Clear minibatch",
            "Remove all images from the minibatch",
        )
        self.clear.clicked.connect(self._controller.minibatch.clear)
        delete = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.tray)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._on_remove)

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        grid.addWidget(self.draw_size, 0, 0)
        grid.addWidget(_buddy("images", self.draw_size), 0, 1)
        grid.addWidget(self.draw_button, 0, 2)
        grid.addWidget(self.per_class, 1, 0)
        grid.addWidget(_buddy("per class", self.per_class), 1, 1)
        grid.addWidget(self.take, 1, 2)
        grid.setColumnStretch(1, 1)
        pictures = QHBoxLayout()
        pictures.addWidget(self._mean)
        pictures.addWidget(self._bars, 1)
        buttons = QWidget()
        row = WrappingRow(buttons, spacing=4)
        for button in (self.browse, self.own, self.by_hand, self.remove, self.clear):
            button.setProperty("role", "compact")
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(6)
        column.addWidget(self._summary)
        column.addLayout(pictures)
        column.addWidget(self.classes)
        column.addWidget(self.tray, 1)
        column.addLayout(grid)
        column.addWidget(buttons)
        order = (
            self.classes, self.tray, self.draw_size, self.draw_button,
            self.per_class, self.take, self.browse, self.own, self.by_hand,
            self.remove, self.clear,
        )  # fmt: skip
        for first, second in itertools.pairwise(order):
            QWidget.setTabOrder(first, second)

    @Slot()
    def _on_images_changed(self) -> None:
        images = self._state.images
        for widget in (self.draw_button, self.take, self.browse, self.own, self.by_hand):
            widget.setEnabled(images is not None)
        if images is None:
            self._on_minibatch_changed()
            return
        self.tray.images.set_images(self._controller.pictures.picture, self._describe)
        self.classes.show_classes(images.classes)
        self._on_minibatch_changed()

    @Slot()
    def _on_minibatch_changed(self) -> None:
        images, minibatch = self._state.images, self._state.minibatch
        indices_K = minibatch.indices_K
        self.clear.setEnabled(len(indices_K) > 0)
        if images is None:
            being_read = self._state.listing is not None
            text = "being read; images can be added afterwards" if being_read else "not loaded"
            self._summary.setText(f"{self._state.dataset_title} is {text}.")
            self._summary.setProperty("role", "")
            self._summary.style().polish(self._summary)
            self._mean.show_array(None)
            self._bars.clear()
            self.tray.images.show_indices(indices_K)
            return
        labels_K = minibatch.source.labels[indices_K] if minibatch.source else indices_K
        counts = class_counts(labels_K, len(images.classes))
        self.tray.images.show_indices(indices_K)
        order = natural_order(images.classes)
        self._bars.show_counts(counts[order], tuple(images.classes[label] for label in order))
        self._show_mean()
        self._show_draw()
        self._show_summary(int((counts > 0).sum()))

    def _describe(self, index: int) -> str:
        """Return the description of an image in the tray."""
        images, source = self._state.images, self._state.minibatch.source
        if images is None or source is None:
            return f"Image {index:,}"
        what = "Your own image," if source.own(index) is not None else f"Image {index:,} of"
        return f"{what} class {images.classes[int(source.labels[index])]}"

    @Slot()
    def _show_mean(self) -> None:
        self._mean.show_array(self._controller.pictures.mean_CHW)

    def _show_summary(self, num_classes: int) -> None:
        minibatch = self._state.minibatch
        number = len(minibatch.indices_K)
        is_problem = minibatch.problem is not None
        if minibatch.problem is not None:
            text = f"{minibatch.problem.message} {minibatch.problem.hint}"
        else:
            kind = "drawn" if isinstance(self._state.recipe.minibatch, Draw) else "picked"
            images = "image" if number == 1 else "images"
            classes = "class" if num_classes == 1 else "classes"
            text = f"{number:,} {images} {kind} from {num_classes} {classes}"
        self._summary.setText(text)
        self._summary.setProperty("role", "warning" if is_problem else "")
        self._summary.style().polish(self._summary)

    def _show_draw(self) -> None:
        """Show the size and class of a draw in the controls for drawing."""
        draw = self._state.recipe.minibatch
        if isinstance(draw, Draw):
            with QSignalBlocker(self.draw_size):
                self.draw_size.setValue(draw.size)
            self.classes.show_chosen(self._drawn_class(draw))
        else:
            self.classes.show_chosen(None)

    def _drawn_class(self, draw: Draw) -> int:
        """Return the only class drawn from; `ALL` if there are several, or it does not exist."""
        images = self._state.images
        if images is None or len(draw.classes) != 1:
            return ALL
        try:
            return class_positions(draw.classes, images.classes)[0]
        except UserError:  # reported with the minibatch
            return ALL

    @Slot()
    def _on_draw(self) -> None:
        label, images = self.classes.label(), self._state.images
        if images is not None:
            only = () if label == ALL else (class_choice(label, images.classes),)
            self._controller.minibatch.draw(self.draw_size.value(), only)

    @Slot()
    def _on_take(self) -> None:
        self._controller.minibatch.take_per_class(self.per_class.value())

    @Slot()
    def _on_own(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Add your own images", "", _PICTURES)
        self._controller.minibatch.bring([Path(name) for name in names])

    @Slot()
    def _on_by_hand(self) -> None:
        """Open a canvas to draw an image."""
        images = self._state.images
        if images is None:
            return
        from snip_gui.ui.dialogs.inputs.draw_dialog import DrawDialog

        label = max(0, self.classes.label())
        dialog = DrawDialog(
            images.image_shape, images.classes, label, self.window(), dataset=images.name
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._controller.minibatch.add_own([dialog.chosen()]))
        dialog.open()

    @Slot(object)
    def _on_fitted(self, pictures: tuple[Fitted, ...]) -> None:
        """Ask for the classes of user-supplied pictures."""
        images = self._state.images
        if images is None:
            return
        from snip_gui.ui.dialogs.inputs.own_images_dialog import OwnImagesDialog

        label = max(0, self.classes.label())
        dialog = OwnImagesDialog(pictures, images.classes, label, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._controller.minibatch.add_own(dialog.chosen()))
        dialog.open()

    @Slot()
    def _on_remove(self) -> None:
        if chosen := self.tray.selected_indices():
            self._controller.minibatch.remove(chosen)

    @Slot(int)
    def _on_selection_changed(self, number: int) -> None:
        self.remove.setEnabled(number > 0)

    @Slot()
    def _on_theme_changed(self) -> None:
        self._bars.set_colour(self._themes.colours.bar)
        self.remove.setEnabled(bool(self.tray.selected_indices()))


def _buddy(text: str, widget: QWidget) -> QLabel:
    label = Label(text)
    label.setBuddy(widget)
    return label
