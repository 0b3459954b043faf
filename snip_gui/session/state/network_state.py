"""What is known about the chosen network, and the networks to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from snip_gui.core.models.networks import find_network, with_architecture

if TYPE_CHECKING:
    from snip_gui.core.models.architecture import Architecture
    from snip_gui.core.models.catalogue import ModelInfo
    from snip_gui.core.recipe.recipe import ModelChoice


class NetworkState(QObject):
    """The network of the recipe."""

    changed = Signal()  # the network was measured, or torchvision's were listed

    def __init__(self, choice: ModelChoice, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice = choice
        self._architecture: Architecture | None = None
        self._names: tuple[str, ...] = ()

    @property
    def info(self) -> ModelInfo:
        """The chosen network, as described by catalogue and measurement."""
        info = find_network(self._choice)
        return with_architecture(info, self._architecture) if self._architecture else info

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of its layers; empty if unknown."""
        return self.info.layers

    def set_choice(self, choice: ModelChoice) -> None:
        """Follow the recipe, which has its own signal."""
        self._choice = choice

    @property
    def architecture(self) -> Architecture | None:
        """Its architecture; None until it has been measured."""
        return self._architecture

    def set_architecture(self, architecture: Architecture | None) -> None:
        """Replace the architecture."""
        if architecture != self._architecture:
            self._architecture = architecture
            self.changed.emit()

    @property
    def names(self) -> tuple[str, ...]:
        """Torchvision's classification networks; empty until they have been listed."""
        return self._names

    def set_names(self, names: tuple[str, ...]) -> None:
        """Replace the list of torchvision's classification networks."""
        self._names = names
        self.changed.emit()
