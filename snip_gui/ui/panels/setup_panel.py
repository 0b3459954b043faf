"""Setup: network, data, initial weights, pruning, seed and environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.environment import default_num_threads
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.models.networks import SUGGESTED, TORCHVISION, find_network
from snip_gui.core.models.own.source import OWN
from snip_gui.core.recipe.fields import METHOD, all_fields, field
from snip_gui.core.recipe.methods import GIVEN
from snip_gui.session.state.values import torch_text
from snip_gui.ui.commands.data_commands import DataCommands
from snip_gui.ui.commands.network_commands import NetworkCommands
from snip_gui.ui.widgets.field_form import FieldForm
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label, plain_tip

if TYPE_CHECKING:
    from snip_gui.core.recipe.pruning import PruningSpec
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState

_FILE_FIELDS = (field("data.image_size"), field("data.skip_unreadable"))  # for image files only
_SLIDER = "pruning.sparsity"  # has its own control, under the picture
# Shown on demand: their defaults are those of the paper.
_ADVANCED = (
    "model.init",
    "model.input_size",
    "data.validation_fraction",
    "pruning.prunable",
    "pruning.exclude",
    "pruning.floor",
    "pruning.after",
    "pruning.scoring_mode",
    "pruning.batches",
    "pruning.granularity",
    "pruning.gather",
    "pruning.perturbation",
    "pruning.inner_rate",
    "pruning.l1",
    "pruning.lower_dropout",
    "pruning.drop_units",
    "pruning.gamma",
    "pruning.power",
    "pruning.mu",
    "pruning.mu_growth",
    "pruning.damping",
    "pruning.downdate",
    "pruning.log_alpha",
    "pruning.ramp_start",
    "pruning.ramp_epochs",
)
_FIELDS = (
    field("model.name"),
    field("data.name"),
    *_FILE_FIELDS,
    field("model.init"),
    field("model.input_size"),
    METHOD,
    *(one for one in all_fields() if one.path.startswith("pruning.") and one.path != _SLIDER),
    field("data.validation_fraction"),
    field("seed"),
)

# Entries in the list of networks that open a dialog.
_MORE, _YOURS = "more", "yours"
_METHODS = "methods"


class SetupPanel(QWidget):
    """The recipe's settings of network, data and pruning, and the environment."""

    def __init__(
        self, state: SessionState, controller: Controller, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._controller = state, controller
        self.form = FieldForm(_FIELDS)
        self._commands = NetworkCommands(controller, self)
        self._data = DataCommands(controller, self)
        self.form.set_choices("data.name", [(data.name, data.title) for data in DATASETS])
        self.form.edited.connect(self._on_edited)
        self._about = Label()
        self._about.setWordWrap(True)
        self._about.setProperty("role", "muted")
        self._build()
        state.recipe_changed.connect(self._show_recipe)
        state.images_changed.connect(self._show_data)
        state.status.activity_changed.connect(self._show_download)
        state.network.changed.connect(self._show_network)
        state.devices_changed.connect(self._show_devices)
        state.preferences_changed.connect(self._show_preferences)
        self._show_devices()
        self._show_recipe()

    def _build(self) -> None:
        self._folder = named(
            QPushButton("Choose…"),
            "data_folder",
            "Data folder or file",
            "Where the images are",
        )
        self._folder.clicked.connect(self._data.choose_place)
        self._download = named(QPushButton("Download…"), "download", "Download the data set")
        self._download.clicked.connect(self._data.download)
        self._code = named(
            QPushButton(), "network_file", "Network file", "The code of your own network"
        )
        self._code.clicked.connect(self._commands.choose_own)
        self._weights = named(QToolButton(), "weights_file", "Weights from", "")
        self._weights.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._weights.setMenu(self._commands.weights_menu)
        self._weights.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._device = named(
            QComboBox(),
            "device",
            "Device",
            "Where scoring and training run; not part of the recipe",
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
            "CPU threads per operation; one fewer than the number of cores keeps the window "
            "responsive",
        )
        self._threads.setRange(1, 256)
        self._threads.setKeyboardTracking(False)
        self._threads.valueChanged.connect(self._on_threads)
        self.form.add_row("", self._download, below="data.name")
        self.form.add_row("Data location", self._folder, below="data.name")
        self.form.add_row("Network file", self._code, below="model.name")
        self._memory = named(
            QDoubleSpinBox(),
            "image_memory",
            "Image memory",
            "Memory limit for a folder of images; larger folders are streamed from disk. "
            "Automatic: half of the free memory",
        )
        self._memory.setRange(0, 4096)
        self._memory.setDecimals(2)
        self._memory.setSuffix(" GB")
        self._memory.setSpecialValueText("automatic")
        self._memory.setKeyboardTracking(False)
        self._memory.valueChanged.connect(self._on_memory)
        self.form.add_row("Weights from", self._weights, below="model.init")
        self.form.add_row("Device", self._device)
        self.form.add_row("Threads", self._threads)
        self.form.add_row("Image memory", self._memory)
        self.advanced = named(
            QToolButton(), "advanced", "Advanced", "Show or hide settings that are rarely changed"
        )
        self.advanced.setText("Advanced")
        self.advanced.setCheckable(True)
        self.advanced.setProperty("role", "compact")
        self.advanced.setChecked(self._state.preferences.shows_advanced)
        self.advanced.toggled.connect(self._on_advanced)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.form)
        column.addWidget(self.advanced)
        column.addWidget(self._about)
        column.addStretch()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)

    @Slot()
    def _show_recipe(self) -> None:
        recipe = self._state.recipe
        self.form.set_choices("model.name", self._networks())
        self.form.set_choices(METHOD.path, _methods(recipe.pruning))
        self.form.set_choices("pruning.exclude", [(n, n) for n in self._state.network.layers])
        self.form.show_values(self._values())
        self.form.show_row(self._folder, DATASETS[recipe.data.name].needs_folder)
        advanced = self.advanced.isChecked()
        for widget in (self._device, self._threads):
            self.form.show_row(widget, advanced)
        self.form.show_row(self._memory, DATASETS[recipe.data.name].has_files)
        self._show_files()
        self._show_preferences()
        self._show_data()

    def _values(self) -> dict[str, object]:
        """Return the values of the recipe by dotted path."""
        raw = msgspec.to_builtins(self._state.recipe)
        has_files = DATASETS[self._state.recipe.data.name].has_files
        values: dict[str, object] = {}
        for one in _FIELDS:
            part, _, name = one.path.rpartition(".")
            source = raw[part] if part else raw
            if name not in source or not self._is_shown(one.path):
                continue
            if has_files or one not in _FILE_FIELDS:
                values[one.path] = source[name]
        return values

    def _is_shown(self, path: str) -> bool:
        """Return whether a field is not an advanced one, or these are shown."""
        return path not in _ADVANCED or self.advanced.isChecked()

    @Slot(bool)
    def _on_advanced(self, is_shown: bool) -> None:
        self._controller.prefer(shows_advanced=is_shown)
        self._show_recipe()

    def _networks(self) -> list[tuple[str, str]]:
        """Return the networks to choose from, always including the current one."""
        chosen = self._state.recipe.model
        listed = [(model.name, model.title) for model in MODELS]
        listed += [(f"{TORCHVISION}{name}", title) for name, title in SUGGESTED.items()]
        if chosen.name not in dict(listed):
            listed.append((chosen.name, find_network(chosen).title))
        return [*listed, (_MORE, "More from torchvision…"), (_YOURS, "Your own network…")]

    def _show_files(self) -> None:
        """Show the files of network and weights."""
        model = self._state.recipe.model
        self.form.show_row(self._code, model.name == OWN)
        self.form.show_row(self._weights, self.advanced.isChecked() or bool(model.weights))
        self._code.setText(Path(model.file).name or "Choose…")
        self._code.setToolTip(plain_tip(f"The code of your own network\n{model.file}".rstrip()))
        source = Path(model.weights).name if model.weights else "random"
        self._weights.setText(f"{source}: {model.weights_key}" if model.weights_key else source)
        self._weights.setToolTip(model.weights or "Weights are initialised as chosen above")

    @Slot()
    def _show_network(self) -> None:
        self.form.set_choices("pruning.exclude", [(n, n) for n in self._state.network.layers])
        self.form.show_values(self._values())
        self._show_data()

    @Slot(str, object)
    def _on_edited(self, path: str, value: object) -> None:
        if path == "model.name" and value in (_MORE, _YOURS, OWN):
            if value == _MORE:
                self._commands.choose_torchvision()
            else:
                self._commands.choose_own()
            self._show_recipe()  # nothing changes until the dialog is answered
        elif (path, value) == (METHOD.path, _METHODS):
            self._choose_method()
            self._show_recipe()
        else:
            self._controller.set_field(path, value)
            if path == "data.name" and self._lacks_place(str(value)):
                QTimer.singleShot(0, self._data.choose_place)

    def _lacks_place(self, name: str) -> bool:
        """Return whether a data set can only be opened from a place that was never chosen."""
        dataset = DATASETS[name]
        is_placed = bool(self._state.preferences.data_place(name))
        return dataset.needs_folder and dataset.download is None and not is_placed

    def _choose_method(self) -> None:
        """Ask for a method in the list of all."""
        from snip_gui.ui.dialogs.inputs.methods_dialog import MethodsDialog

        dialog = MethodsDialog(self._state.recipe.pruning.method, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._controller.set_field(METHOD.path, dialog.name))
        dialog.open()

    def _about_network(self) -> str:
        """Return a description of the chosen network."""
        network, architecture = self._state.network.info, self._state.network.architecture
        sentences = [network.description]
        if network.paper_sparsities:
            published = ", ".join(map(sparsity_text, network.paper_sparsities))
            sentences.append(f"The paper prunes it to {published}.")
        sentences.append(network.reconstructed)
        if architecture is not None:
            sentences += [f"{architecture.num_parameters:,} parameters.", architecture.resized]
        return " ".join(filter(None, sentences))

    @Slot()
    def _show_data(self) -> None:
        network = self._about_network()
        images = self._state.images
        self._show_download()
        if images is None:
            about = DATASETS[self._state.recipe.data.name].description
            self._about.setText(f"{network}\n\n{about}")
            return
        split = self._state.split
        assert split is not None
        self._about.setText(
            f"{network}\n\n{len(split.train_indices):,} training, "
            f"{len(split.validation_indices):,} validation and {len(images.test_labels_N):,} "
            f"test images. Standardised with mean {_numbers(images.mean_C)} and standard "
            f"deviation {_numbers(images.deviation_C)}. "
            f"{images.kept[:1].upper()}{images.kept[1:]}."
        )

    @Slot()
    def _show_download(self) -> None:
        """Offer to download the data set if it is unavailable."""
        dataset, activity = DATASETS[self._state.recipe.data.name], self._state.status.activity
        is_missing = self._state.images_problem is not None
        self.form.show_row(self._download, dataset.download is not None and is_missing)
        is_coming = activity is not None and activity.kind == "download"
        self._download.setEnabled(not is_coming)
        self._download.setText("Downloading…" if is_coming else "Download…")
        self._download.setToolTip(f"Download {dataset.title}; its size and source are shown first")

    @Slot()
    def _show_devices(self) -> None:
        with QSignalBlocker(self._device):
            self._device.clear()
            if self._state.devices:
                self._device.addItem("Automatic", "auto")
                for name, title in self._state.devices:
                    self._device.addItem(title, name)
            else:
                text = torch_text(self._state.versions)
                self._device.addItem(text, self._state.preferences.device)
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
                self._device.addItem(f"{preferences.device} (not available)", preferences.device)
                number = self._device.count() - 1
            self._device.setCurrentIndex(number)
            self._threads.setValue(preferences.num_threads or default_num_threads())
        self.advanced.setChecked(preferences.shows_advanced)
        dataset = DATASETS[self._state.recipe.data.name]
        place = preferences.data_place(dataset.name)
        self._folder.setText(Path(place).name or "Choose…")
        hint = f"The {dataset.takes} that contains “{dataset.inside}”"
        self._folder.setToolTip(plain_tip(f"{hint}\n{place}".rstrip()))

    @Slot(int)
    def _on_device(self, _number: int) -> None:
        self._controller.prefer(device=self._device.currentData())

    @Slot(int)
    def _on_threads(self, number: int) -> None:
        self._controller.prefer(num_threads=number)

    @Slot(float)
    def _on_memory(self, gigabytes: float) -> None:
        self._controller.prefer(image_memory_gb=gigabytes or None)


def _methods(pruning: PruningSpec) -> list[tuple[str, str]]:
    """Return the methods to choose from, always including the current one."""
    known = list(METHOD.choices)
    if pruning.method == GIVEN.name:
        known.append((GIVEN.name, GIVEN.title))
    return [*known, (_METHODS, "Compare methods…")]


def _numbers(values: tuple[float, ...]) -> str:
    """Format one number per channel."""
    return ", ".join(f"{value:.4f}" for value in values)
