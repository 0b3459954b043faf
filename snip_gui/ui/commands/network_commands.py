"""Commands to choose networks and weights with a dialog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QDialog, QFileDialog, QMenu, QWidget

from snip_gui.core.models.networks import TORCHVISION
from snip_gui.ui.dialogs.inputs.networks_dialog import NetworksDialog
from snip_gui.ui.dialogs.inputs.own_network_dialog import OwnNetworkDialog

if TYPE_CHECKING:
    from snip_gui.core.models.events import SeveralFound
    from snip_gui.session.controller import Controller

_WEIGHTS = "Weights (*.safetensors *.pt *.pth *.bin);;All files (*)"


class NetworkCommands(QObject):
    """The commands, each with its dialog."""

    def __init__(self, controller: Controller, parent: QWidget) -> None:
        super().__init__(parent)
        self._controller, self._state, self._parent = controller, controller.state, parent
        self.weights_menu = QMenu(parent)
        self.weights_menu.setObjectName("weights_menu")
        self.weights_menu.addAction("Choose a file…", self.choose_weights)
        self._draw = self.weights_menu.addAction("Initialise randomly", self._on_draw)
        self.weights_menu.aboutToShow.connect(self._on_menu)
        controller.network.several_found.connect(self._on_several)
        controller.network.trust_asked.connect(self.choose_own, Qt.ConnectionType.QueuedConnection)

    @Slot()
    def choose_torchvision(self) -> None:
        """Choose among all of torchvision's networks."""
        self._controller.network.list_networks()
        self._open(NetworksDialog(self._state, self._parent.window()))

    @Slot()
    def choose_own(self) -> None:
        """Choose a user-supplied network, or agree to run that of the recipe."""
        model, trusted = self._state.recipe.model, self._state.preferences.trusted_code
        window = self._parent.window()
        if window.findChild(OwnNetworkDialog) is None:
            self._open(OwnNetworkDialog(model.file, model.symbol, trusted, window))

    @Slot()
    def choose_weights(self) -> None:
        """Ask for a weight file and use it."""
        start = self._state.recipe.model.weights
        name, _ = QFileDialog.getOpenFileName(
            self._parent, "Choose initial weights", start, _WEIGHTS
        )
        if name:
            self._controller.network.use_weights(Path(name))

    @Slot(object)
    def _on_several(self, found: SeveralFound) -> None:
        from snip_gui.ui.dialogs.files.weight_set_dialog import WeightSetDialog

        dialog = WeightSetDialog(found, self._parent.window())
        dialog.chosen.connect(self._controller.network.use_weights)
        self._open(dialog)

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(self._on_finished)
        dialog.open()

    @Slot(int)
    def _on_finished(self, result: int) -> None:
        """Use the choice of a dialog; code that was not agreed to is not run."""
        dialog = self.sender()
        accepted = result == QDialog.DialogCode.Accepted
        if isinstance(dialog, NetworksDialog) and accepted:
            self._controller.set_field("model.name", f"{TORCHVISION}{dialog.name()}")
        elif isinstance(dialog, OwnNetworkDialog) and accepted:
            self._controller.network.use_code(*dialog.chosen())
        elif isinstance(dialog, OwnNetworkDialog) and not self._controller.network.is_agreed:
            self._controller.network.refuse_code()

    @Slot()
    def _on_menu(self) -> None:
        self._draw.setEnabled(bool(self._state.recipe.model.weights))

    @Slot()
    def _on_draw(self) -> None:
        self._controller.network.initialise_weights()
