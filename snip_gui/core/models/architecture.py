"""What a network is made of: shapes, parameters and work, layer by layer. No torch."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snip_gui.core.graph.wiring import Wiring


_NAMED = 5


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """A module with parameters of its own.

    Attributes
    ----------
    name
        Its name in the network, such as ``conv1``; empty for the network itself.
    kind
        Its class, such as ``Conv2d``.
    is_prunable
        Whether its kind is pruned: linear, convolutional, recurrent or attention.
    output_shape
        Of one image, without the batch; empty if the module gives no tensor.
    num_parameters, num_weights, num_frozen
        All its parameters, its prunable weights, and the parameters that are not trained, which
        neither compete nor change. Shared ones are counted where they come first.
    uses
        How many times each of its weights is used on one image.
    """

    name: str
    kind: str
    is_prunable: bool
    output_shape: tuple[int, ...]
    num_parameters: int
    num_weights: int
    num_frozen: int
    uses: int

    @property
    def multiply_accumulates(self) -> int:
        """Multiply-accumulates of its weights on one image."""
        return self.uses * self.num_weights


@dataclass(frozen=True)
class Architecture:
    """A network on images of one shape.

    Attributes
    ----------
    image_shape, input_shape
        Channels, rows and columns of the images, and of what the network sees of them.
    layers
        In the order of the state_dict.
    multiply_accumulates
        Of one image, of all operations that torch's own counter knows.
    activation_bytes
        Memory that one image's activations take in a forward and backward pass, roughly.
    first_linear
        Name of the first layer that works if it is linear and sees every pixel; else empty.
    wiring
        How its layers are joined; None if it cannot be followed.
    outside
        Names and sizes of parameters outside prunable layers, normalisation aside.
    """

    image_shape: tuple[int, int, int]
    input_shape: tuple[int, int, int]
    num_classes: int
    layers: tuple[LayerInfo, ...]
    multiply_accumulates: int
    activation_bytes: int
    first_linear: str = ""
    wiring: Wiring | None = None
    outside: tuple[tuple[str, int], ...] = ()

    @property
    def num_parameters(self) -> int:
        """All parameters."""
        return sum(layer.num_parameters for layer in self.layers)

    @property
    def num_frozen(self) -> int:
        """Parameters that are not trained."""
        return sum(layer.num_frozen for layer in self.layers)

    @functools.cached_property
    def prunable_layers(self) -> tuple[str, ...]:
        """Names of the layers that can be pruned."""
        return tuple(
            layer.name
            for layer in self.layers
            if layer.is_prunable and layer.num_parameters > layer.num_frozen
        )

    @functools.cached_property
    def uses(self) -> Mapping[str, int]:
        """By layer how many times each of its weights is used on one image."""
        return {layer.name: layer.uses for layer in self.layers if layer.is_prunable}

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on what a reader of its results has to know."""
        return (_outside_text(self.outside),) if self.outside else ()

    @property
    def resized(self) -> str:
        """A sentence on how images are changed to fit the network; empty if they are not."""
        (channels, rows, columns), (to_channels, *size) = self.image_shape, self.input_shape
        changes = []
        if [rows, columns] != size:
            changes.append(f"are resized from {rows}x{columns} to {size[0]}x{size[1]} pixels")
        if channels != to_channels:
            changes.append(f"are repeated from {channels} to {to_channels} channels")
        return f"Images {' and '.join(changes)} for this network." if changes else ""


def _outside_text(outside: tuple[tuple[str, int], ...]) -> str:
    """Return a sentence on parameters that do not compete because of where they are."""
    number = sum(size for _, size in outside)
    if len(outside) == 1:
        return f"{number:,} parameters of {outside[0][0]} are outside layers and are not pruned."
    names = ", ".join(f"{name} ({size:,})" for name, size in outside[:_NAMED])
    more = f" and {len(outside) - _NAMED:,} more" if len(outside) > _NAMED else ""
    return f"{number:,} parameters are outside layers and are not pruned: {names}{more}."
