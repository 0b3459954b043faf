"""What is known of the chosen network, and which networks there are to choose from."""

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

    changed = Signal()  # it was measured, or torchvision's networks were listed

    def __init__(self, choice: ModelChoice, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice = choice
        self._architecture: Architecture | None = None
        self._names: tuple[str, ...] = ()

    @property
    def info(self) -> ModelInfo:
        """The chosen network as the catalogue and a measurement describe it."""
        info = find_network(self._choice)
        return with_architecture(info, self._architecture) if self._architecture else info

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of its layers; empty until they are known."""
        return self.info.layers

    def set_choice(self, choice: ModelChoice) -> None:
        """Follow the recipe, whose own signal tells of the change."""
        self._choice = choice

    @property
    def architecture(self) -> Architecture | None:
        """What it is made of; None until it was measured on the images."""
        return self._architecture

    def set_architecture(self, architecture: Architecture | None) -> None:
        """Replace what it is made of."""
        if architecture != self._architecture:
            self._architecture = architecture
            self.changed.emit()

    @property
    def names(self) -> tuple[str, ...]:
        """Torchvision's classification networks; empty until they were listed."""
        return self._names

    def set_names(self, names: tuple[str, ...]) -> None:
        """Replace the list of torchvision's classification networks."""
        self._names = names
        self.changed.emit()
