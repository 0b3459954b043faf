"""Setup: network, data, initial weights, what is pruned, seed, and where it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.data.catalogue import DATASETS
from snip_gui.core.fields import METHOD, field
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.surroundings import default_num_threads
from snip_gui.ui.widgets.field_form import FieldForm
from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller
    from snip_gui.session.state import SessionState

_FILE_FIELDS = (field("data.image_size"), field("data.skip_unreadable"))  # of image files only
_FIELDS = (
    field("model.name"),
    field("data.name"),
    *_FILE_FIELDS,
    field("model.init"),
    METHOD,
    field("pruning.prunable"),
    field("pruning.exclude"),
    field("pruning.floor"),
    field("pruning.after"),
    field("data.validation_fraction"),
    field("seed"),
)


class SetupPanel(QWidget):
    """What the recipe says of network, data and pruning, and the surroundings."""

    def __init__(
        self, state: SessionState, controller: Controller, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._controller = state, controller
        self.form = FieldForm(_FIELDS)
        self.form.set_choices("model.name", [(model.name, model.title) for model in MODELS])
        self.form.set_choices("data.name", [(data.name, data.title) for data in DATASETS])
        self.form.edited.connect(controller.set_field)
        self._about = QLabel()
        self._about.setWordWrap(True)
        self._about.setProperty("role", "muted")
        self._build()
        state.recipe_changed.connect(self._show_recipe)
        state.images_changed.connect(self._show_data)
        state.devices_changed.connect(self._show_devices)
        state.preferences_changed.connect(self._show_preferences)
        self._show_devices()
        self._show_recipe()

    def _build(self) -> None:
        self._folder = named(
            QPushButton("Choose…"),
            "data_folder",
            "Data folder",
            "Where the images are",
        )
        self._folder.clicked.connect(self._on_folder)
        self._device = named(
            QComboBox(), "device", "Device", "Where scoring and training run; not part of a recipe"
        )
        self._device.setMinimumContentsLength(8)
        self._device.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._device.activated.connect(self._on_device)
        self._threads = named(
            QSpinBox(),
            "num_threads",
            "Threads",
            "Threads of one operation on the CPU; one less than the cores keeps the window smooth",
        )
        self._threads.setRange(1, 256)
        self._threads.setKeyboardTracking(False)
        self._threads.valueChanged.connect(self._on_threads)
        self._memory = named(
            QDoubleSpinBox(),
            "image_memory",
            "Image memory",
            "What a folder of images may take in memory; one that needs more is streamed from "
            "disk. Automatic: half of what is free",
        )
        self._memory.setRange(0, 4096)
        self._memory.setDecimals(2)
        self._memory.setSuffix(" GB")
        self._memory.setSpecialValueText("automatic")
        self._memory.setKeyboardTracking(False)
        self._memory.valueChanged.connect(self._on_memory)
        self.form.add_row("Data folder", self._folder, below="data.name")
        self.form.add_row("Device", self._device)
        self.form.add_row("Threads", self._threads)
        self.form.add_row("Image memory", self._memory)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.form)
        column.addWidget(self._about)
        column.addStretch()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inner)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)

    @Slot()
    def _show_recipe(self) -> None:
        recipe = self._state.recipe
        self.form.set_choices("pruning.exclude", [(n, n) for n in self._state.layer_names])
        raw = msgspec.to_builtins(recipe)
        has_files = DATASETS[recipe.data.name].has_files
        values: dict[str, object] = {}
        for one in _FIELDS:
            part, _, name = one.path.rpartition(".")
            source = raw[part] if part else raw
            if name in source and (has_files or one not in _FILE_FIELDS):
                values[one.path] = source[name]
        self.form.show_values(values)
        self.form.show_row(self._folder, DATASETS[recipe.data.name].needs_folder)
        self.form.show_row(self._memory, has_files)
        self._show_preferences()
        self._show_data()

    @Slot()
    def _show_data(self) -> None:
        model = MODELS[self._state.recipe.model.name]
        published = ", ".join(f"{100 * sparsity:g} %" for sparsity in model.paper_sparsities)
        network = f"{model.description} The paper prunes it to {published}. {model.reconstructed}"
        images = self._state.images
        if images is None:
            about = DATASETS[self._state.recipe.data.name].description
            self._about.setText(f"{network.strip()}\n\n{about}")
            return
        split = self._state.split
        assert split is not None
        self._about.setText(
            f"{network.strip()}\n\n"
            f"{len(split.train_indices):,} images to train, {len(split.validation_indices):,} held "
            f"out, {len(images.test_labels_N):,} to test. Standardised with mean "
            f"{_numbers(images.mean_C)} and deviation {_numbers(images.deviation_C)}. "
            f"{images.kept[:1].upper()}{images.kept[1:]}."
        )

    @Slot()
    def _show_devices(self) -> None:
        with QSignalBlocker(self._device):
            self._device.clear()
            if self._state.devices:
                self._device.addItem("Automatic", "auto")
                for name, title in self._state.devices:
                    self._device.addItem(title, name)
            else:
                self._device.addItem("Loading torch…", self._state.preferences.device)
        self._device.setEnabled(bool(self._state.devices))
        self._show_preferences()

    @Slot()
    def _show_preferences(self) -> None:
        preferences = self._state.preferences
        with (
            QSignalBlocker(self._device),
            QSignalBlocker(self._threads),
            QSignalBlocker(self._memory),
        ):
            self._memory.setValue(preferences.image_memory_gb or 0)
            number = self._device.findData(preferences.device)
            if number < 0:
                self._device.addItem(f"{preferences.device} (not here)", preferences.device)
                number = self._device.count() - 1
            self._device.setCurrentIndex(number)
            self._threads.setValue(preferences.num_threads or default_num_threads())
        name = Path(preferences.data_folder).name
        self._folder.setText(name or "Choose…")
        inside = DATASETS[self._state.recipe.data.name].inside
        hint = f"The folder that contains “{inside}”"
        self._folder.setToolTip(f"{hint}\n{preferences.data_folder}".rstrip())

    @Slot()
    def _on_folder(self) -> None:
        start = self._state.preferences.data_folder
        chosen = QFileDialog.getExistingDirectory(self, self._folder.toolTip(), start)
        if chosen:
            self._controller.open_data_folder(chosen)

    @Slot(int)
    def _on_device(self, _number: int) -> None:
        self._controller.prefer(device=self._device.currentData())

    @Slot(int)
    def _on_threads(self, number: int) -> None:
        self._controller.prefer(num_threads=number)

    @Slot(float)
    def _on_memory(self, gigabytes: float) -> None:
        self._controller.prefer(image_memory_gb=gigabytes or None)


def _numbers(values: tuple[float, ...]) -> str:
    """Return one number for each channel."""
    return ", ".join(f"{value:.4f}" for value in values)
