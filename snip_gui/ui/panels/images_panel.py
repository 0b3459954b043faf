"""Images: the training set as thumbnails, from which to choose the minibatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import natural_order
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.image_grid import ImageGrid
from snip_gui.ui.widgets.plain_text import Label, plain_tip

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState

_ALL = -1


class ImagesPanel(QWidget):
    """A grid of thumbnails with a class filter."""

    def __init__(
        self, state: SessionState, controller: Controller, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._controller = state, controller
        self._was_listing = False
        self.filter = named(QComboBox(), "class_filter", "Show class", "Which classes to show")
        self.filter.currentIndexChanged.connect(self._show_filtered)
        self._count = named(Label(), "image_count", "Images shown")
        self._count.setProperty("role", "muted")
        self._count.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.grid = named(
            ImageGrid(56), "image_grid", "Training images",
            "Ctrl-click or Shift-click to select several; a dot marks images in the minibatch",
        )  # fmt: skip
        self.grid.setToolTip("")
        self.add = named(
            QPushButton("Add to minibatch"), "add_button", "Add to minibatch",
            "Add the selected images to the minibatch (Enter)",
        )  # fmt: skip
        self.remove = named(
            QPushButton("Remove"), "browser_remove_button", "Remove from minibatch",
            "Remove the selected images from the minibatch",
        )  # fmt: skip
        self.only = named(
            QPushButton("Only these"), "only_button", "Use only these",
            "Replace the minibatch with the selected images",
        )  # fmt: skip
        self._build()
        self.add.clicked.connect(self._on_add)
        self.remove.clicked.connect(self._on_remove)
        self.only.clicked.connect(self._on_only)
        self.grid.activated.connect(self._on_add)
        self.grid.selection_changed.connect(self._on_selection_changed)
        controller.pictures.changed.connect(self.grid.viewport().update)
        state.images_changed.connect(self._on_images_changed)
        state.minibatch_changed.connect(self._on_minibatch_changed)
        self._on_images_changed()
        self._on_selection_changed(0)

    def _build(self) -> None:
        top = QHBoxLayout()
        show = Label("Show")
        show.setBuddy(self.filter)
        top.addWidget(show)
        top.addWidget(self.filter)
        top.addWidget(self._count, 1)
        bottom = QHBoxLayout()
        self._selected = named(Label(), "selected_count", "Selected images")
        self._selected.setProperty("role", "muted")
        self._selected.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        bottom.addWidget(self._selected, 1)
        bottom.addWidget(self.only)
        bottom.addWidget(self.remove)
        bottom.addWidget(self.add)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addLayout(top)
        column.addWidget(self.grid, 1)
        column.addLayout(bottom)

    @Slot()
    def _on_images_changed(self) -> None:
        shown = self._state.images or self._state.listing
        self.setEnabled(shown is not None)
        if shown is None:
            self._was_listing = False
            self._count.setText(f"{self._state.dataset_title} is not loaded.")
            self.grid.images.show_indices(self._state.minibatch.indices_K)
            return
        # Keep the scroll position once the files have been read.
        top = self.grid.top_index() if self._was_listing else -1
        self._was_listing = self._state.listing is not None
        picture = self._controller.pictures.picture
        labels_N, classes = shown.train_labels_N, shown.classes
        self.grid.images.set_images(
            picture, lambda index: f"Image {index:,} of class {classes[int(labels_N[index])]}"
        )
        with QSignalBlocker(self.filter):
            chosen = self.filter.currentData()
            self.filter.clear()
            self.filter.addItem("all classes", _ALL)
            for label in natural_order(shown.classes):
                self.filter.addItem(f"class {shown.classes[label]}", label)
            self.filter.setCurrentIndex(max(0, self.filter.findData(chosen)))
        self._on_minibatch_changed()
        if top >= 0:
            self.grid.scroll_to_index(top)

    @Slot()
    def _on_minibatch_changed(self) -> None:
        if self._was_listing and self._state.listing is None:
            return  # new images are about to be announced
        self.grid.images.mark(self._state.minibatch.indices_K)
        self._show_filtered()

    @Slot()
    def _show_filtered(self) -> None:
        """Show the training images of the chosen class, or its files if they are not read yet."""
        images, split, listing = self._state.images, self._state.split, self._state.listing
        if images is not None and split is not None:
            indices, labels_N = split.train_indices, images.train_labels_N
            held_out = len(split.validation_indices)
            tip = f"The {held_out:,} images of the validation split are not shown"
            what = "images"
        elif listing is not None:
            indices, labels_N = np.arange(len(listing.train_paths)), listing.train_labels_N
            tip, what = "Reading… unreadable files are listed at the end", "files"
        else:
            return
        label = self.filter.currentData()
        if label is not None and label != _ALL:
            indices = indices[labels_N[indices] == label]
        self.grid.images.show_indices(indices)
        self._count.setText(f"{len(indices):,} {what}")
        self._count.setToolTip(plain_tip(tip))
        self._on_selection_changed(len(self.grid.selected_indices()))

    @Slot(int)
    def _on_selection_changed(self, number: int) -> None:
        is_read = self._state.listing is None
        text = f"{number:,} selected" if number else "Select images to add them"
        self._selected.setText(text if is_read else "Reading…")
        self._selected.setToolTip("" if is_read else "Images can be added once all have been read")
        for button in (self.add, self.remove, self.only):
            button.setEnabled(number > 0 and self._state.images is not None)

    @Slot()
    def _on_add(self) -> None:
        if self._state.images is not None:  # a double click may come earlier
            self._controller.minibatch.add(self.grid.selected_indices())

    @Slot()
    def _on_remove(self) -> None:
        self._controller.minibatch.remove(self.grid.selected_indices())

    @Slot()
    def _on_only(self) -> None:
        self._controller.minibatch.pick(self.grid.selected_indices())
