"""The architecture of a network: shapes, parameters and operations, layer by layer. No torch."""

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
        Its name in the network, such as ``conv1``; empty for the root module.
    kind
        Its class, such as ``Conv2d``.
    is_prunable
        Whether layers of its kind are prunable: linear, convolutional, recurrent and attention.
    output_shape
        Shape for one image, without the batch axis; empty if the output is not a tensor.
    num_parameters, num_weights, num_frozen
        Numbers of all its parameters, of its prunable weights, and of parameters that are frozen,
        which are neither ranked nor trained. Shared parameters count where they first occur.
    uses
        How often each of its weights is applied to one image.
    num_frozen_weights
        Number of weights among its frozen parameters.
    """

    name: str
    kind: str
    is_prunable: bool
    output_shape: tuple[int, ...]
    num_parameters: int
    num_weights: int
    num_frozen: int
    uses: int
    num_frozen_weights: int = 0

    @property
    def multiply_accumulates(self) -> int:
        """Multiply-accumulate operations of its weights on one image."""
        return self.uses * (self.num_weights + self.num_frozen_weights)


@dataclass(frozen=True)
class Architecture:
    """The architecture of a network for images of one shape.

    Attributes
    ----------
    image_shape, input_shape
        Channels, rows and columns of the images, and of the network's input.
    layers
        Layers in state_dict order.
    other_multiply_accumulates
        MACs of one image other than those of weights of prunable layers: those of parameters
        outside layers, and of products of activations, as in attention.
    activation_bytes
        Estimated memory of one image's activations in a forward and backward pass.
    first_linear
        Name of the first layer to be applied, if it is linear and sees every pixel; otherwise
        empty.
    wiring
        How its layers are connected; None if it cannot be traced.
    outside
        Names and sizes of parameters outside prunable layers, except for normalisation.
    computed
        Names of weights that the network's code computed from other parameters.
    unstorable
        State_dict keys of extra state that cannot be stored.
    """

    image_shape: tuple[int, int, int]
    input_shape: tuple[int, int, int]
    num_classes: int
    layers: tuple[LayerInfo, ...]
    other_multiply_accumulates: int
    activation_bytes: int
    first_linear: str = ""
    wiring: Wiring | None = None
    outside: tuple[tuple[str, int], ...] = ()
    computed: tuple[str, ...] = ()
    unstorable: tuple[str, ...] = ()

    @property
    def num_parameters(self) -> int:
        """Number of all parameters."""
        return sum(layer.num_parameters for layer in self.layers)

    @property
    def multiply_accumulates(self) -> int:
        """MACs of one image."""
        layers = sum(layer.multiply_accumulates for layer in self.layers)
        return layers + self.other_multiply_accumulates

    @property
    def num_frozen(self) -> int:
        """Number of parameters that are not trained."""
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
        """By layer, how often each of its weights is applied to one image."""
        return {layer.name: layer.uses for layer in self.layers if layer.is_prunable}

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences with caveats on its results."""
        remarks = [_computed_text(self.computed)] if self.computed else []
        if self.outside:
            remarks.append(_outside_text(self.outside))
        if self.unstorable:
            names = ", ".join(f"“{name}”" for name in self.unstorable[:_NAMED])
            remarks.append(
                f"The extra state {names} is not stored: it is of a type that cannot be read back "
                "safely. Resumed runs and exports use what the network's code creates."
            )
        return tuple(remarks)

    @property
    def resized(self) -> str:
        """A sentence on how images are adapted to the network; empty if they are not."""
        (channels, rows, columns), (to_channels, *size) = self.image_shape, self.input_shape
        changes = []
        if [rows, columns] != size:
            changes.append(f"are resized from {rows}x{columns} to {size[0]}x{size[1]} pixels")
        if channels != to_channels:
            changes.append(f"are repeated from {channels} to {to_channels} channels")
        return f"Images {' and '.join(changes)} for this network." if changes else ""


def _computed_text(computed: tuple[str, ...]) -> str:
    """Return a sentence on weights that are no longer computed from other parameters."""
    more = f" and {len(computed) - _NAMED:,} more" if len(computed) > _NAMED else ""
    return (
        f"Computed by the network's code from other parameters: {', '.join(computed[:_NAMED])}"
        f"{more}. Their values in evaluation mode are pruned and trained as ordinary weights; the "
        "parametrization no longer applies."
    )


def _outside_text(outside: tuple[tuple[str, int], ...]) -> str:
    """Return a sentence on parameters that are not ranked because they are outside layers."""
    number = sum(size for _, size in outside)
    if len(outside) == 1:
        what = "parameters" if number > 1 else "parameter"
        are = "are" if number > 1 else "is"
        name = outside[0][0]
        return f"{number:,} {what} of {name} {are} outside layers and {are} not pruned."
    names = ", ".join(f"{name} ({size:,})" for name, size in outside[:_NAMED])
    more = f" and {len(outside) - _NAMED:,} more" if len(outside) > _NAMED else ""
    return f"{number:,} parameters are outside layers and are not pruned: {names}{more}."
