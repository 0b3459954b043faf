"""The selected part of the network, shown in every view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snip_gui.core.graph.layout import Layout, TensorSpec

Pixel = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Selection:
    """A layer, and in it a unit, an input, or both with a kernel position: a connection.

    Attributes
    ----------
    tensor
        State_dict key of a weight; empty before the first scoring.
    unit, source
        Output and input, counted from 0.
    place
        Position in the kernel, for a connection of a convolution.
    pixel
        Row and column of the image.
    """

    tensor: str = ""
    unit: int | None = None
    source: int | None = None
    place: tuple[int, ...] = ()
    pixel: Pixel | None = None

    @property
    def position(self) -> tuple[int, ...] | None:
        """Position of the connection in the tensor; None if none is selected."""
        if self.unit is None or self.source is None:
            return None
        return (self.unit, self.source, *self.place)

    @property
    def is_pinned(self) -> bool:
        """Whether more than a layer is selected."""
        return (self.unit, self.source, self.pixel) != (None, None, None)

    def clear_selection(self) -> Selection:
        """Return the selection of the layer only."""
        return Selection(self.tensor)


def connection(tensor: TensorSpec, position: tuple[int, ...]) -> Selection:
    """Return the selection of a connection of a weight."""
    unit, source, *place = position
    return Selection(tensor.name, unit, source, tuple(place))


def fitted(selection: Selection, layout: Layout) -> Selection:
    """Return the part of a selection that a network has; its first weight if there is none."""
    if not layout.weights:
        return Selection()
    names = {tensor.name for tensor in layout.weights}
    if selection.tensor not in names:
        return Selection(layout.weights[0].name)
    shape = layout[selection.tensor].shape
    if selection.place and len(selection.place) != len(shape) - 2:
        return selection.clear_selection()
    for axis, index in enumerate((selection.unit, selection.source)):
        if index is not None and index >= shape[axis]:
            return selection.clear_selection()
    return selection


def same_shape(selection: Selection, one: Layout, other: Layout) -> bool:
    """Return whether the selected weight has the same shape in two networks."""
    shapes = [
        [tensor.shape for tensor in layout.weights if tensor.name == selection.tensor]
        for layout in (one, other)
    ]
    return shapes[0] == shapes[1]
