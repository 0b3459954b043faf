"""Edits of what a view shows: boxes of a painted region, and the parts around a position."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.pruning.input_map import find_mapped_inputs, find_pixel
from snip_gui.core.recipe.edits import ConnectionsEdit, DeadPixelsEdit, PixelsEdit, UnitsEdit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import TensorSpec
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.recipe.edits import Box, Edit, Span


@dataclass(frozen=True, slots=True)
class Target:
    """Something that can be edited: its name in a menu, and the edit that keeps it."""

    label: str
    edit: Edit


def find_boxes(chosen: NDArray[np.bool_]) -> tuple[Box, ...]:
    """Return few boxes that together contain exactly the chosen connections of a tensor.

    Equal neighbours along an axis share their boxes, so that a rectangle is a single one.
    """
    if not chosen.any():
        return ()
    if chosen.all():
        return ((),)
    if chosen.ndim == 1:
        edges = np.flatnonzero(np.diff(np.pad(chosen.astype(np.int8), 1)))
        return tuple(
            ((int(first), int(end)),) for first, end in zip(edges[::2], edges[1::2], strict=True)
        )
    found: list[Box] = []
    first = 0
    for _, run in itertools.groupby(chosen, key=lambda part: np.packbits(part).tobytes()):
        parts = list(run)
        end = first + len(parts)
        found += [((first, end), *box) for box in find_boxes(parts[0])]
        first = end
    return tuple(found)


def connection_targets(
    scored: Scored, tensor: TensorSpec, position: tuple[int, ...]
) -> tuple[Target, ...]:
    """Return the parts around a connection of a weight: itself, kernel, unit, input, layer."""
    unit, source, *place = position
    one = tuple((index, index + 1) for index in position)
    found = [
        Target(f"connection {list(position)}", ConnectionsEdit(
            action="keep", tensor=tensor.name, boxes=(one,)
        ))
    ]  # fmt: skip
    if place:
        kernel = ConnectionsEdit(action="keep", tensor=tensor.name, boxes=(one[:2],))
        found.append(Target(f"kernel from {source} to {unit}", kernel))
    units: tuple[Span, ...] = ((unit, unit + 1),)
    found.append(
        Target(
            f"unit {unit}, with its bias", UnitsEdit(action="keep", layer=tensor.layer, units=units)
        )
    )
    column = ((0, tensor.shape[0]), (source, source + 1))
    of_input = ConnectionsEdit(action="keep", tensor=tensor.name, boxes=(column,))
    found.append(Target(f"input {source}, to all units", of_input))
    if tensor.layer == scored.model.mapped_layer:
        shape = scored.architecture.input_shape
        pixel = find_pixel(scored.model.input_map, shape, source)
        if pixel is not None:
            found.append(_pixel_target(*pixel))
    found.append(layer_target(tensor))
    return tuple(found)


def layer_target(tensor: TensorSpec) -> Target:
    """Return all weights of a layer."""
    edit = ConnectionsEdit(action="keep", tensor=tensor.name)
    return Target(f"all {tensor.size:,} weights of {tensor.label}", edit)


def pixel_targets(scored: Scored, row: int, column: int, unit: int | None) -> tuple[Target, ...]:
    """Return the parts around a pixel of the input map; with a unit, its connections to that.

    Empty if pixels have no connections of their own, or these are not pruned.
    """
    if scored.model.mapped_layer not in scored.layout.layers:
        return ()
    found = []
    kind, shape = scored.model.input_map, scored.architecture.input_shape
    sources = find_mapped_inputs(kind, shape, row, column)
    if not sources:
        return ()
    if unit is not None:
        tensor = scored.layout.get_weight(scored.model.mapped_layer)
        boxes = tuple(((unit, unit + 1), (source, source + 1)) for source in sources)
        edit = ConnectionsEdit(action="keep", tensor=tensor.name, boxes=boxes)
        found.append(Target(f"connections from the pixel to unit {unit}", edit))
    found.append(_pixel_target(row, column))
    found.append(Target("dead pixels, equal in all training images", DeadPixelsEdit(action="keep")))
    return tuple(found)


def painted_pixels(chosen_HW: NDArray[np.bool_]) -> PixelsEdit | None:
    """Return the edit that keeps painted pixels of the input; None if there are none."""
    rows, columns = chosen_HW.shape
    whole: Sequence[Span] = ((0, rows), (0, columns))
    boxes = []
    for box in find_boxes(chosen_HW):
        down, across = (*box, *whole[len(box) :])
        boxes.append((down, across))
    return PixelsEdit(action="keep", boxes=tuple(boxes)) if boxes else None


def painted_inputs(
    scored: Scored, chosen_HW: NDArray[np.bool_], unit: int
) -> ConnectionsEdit | None:
    """Return the edit that keeps the connections from painted pixels to a unit."""
    tensor = scored.layout.get_weight(scored.model.mapped_layer)
    kind, shape = scored.model.input_map, scored.architecture.input_shape
    chosen = np.zeros(tensor.shape, bool)
    for row, column in np.argwhere(chosen_HW):
        chosen[unit, list(find_mapped_inputs(kind, shape, int(row), int(column)))] = True
    return painted_connections(tensor, chosen)


def painted_connections(tensor: TensorSpec, chosen: NDArray[np.bool_]) -> ConnectionsEdit | None:
    """Return the edit that keeps painted connections of a tensor; None if there are none."""
    boxes = find_boxes(chosen)
    return ConnectionsEdit(action="keep", tensor=tensor.name, boxes=boxes) if boxes else None


def _pixel_target(row: int, column: int) -> Target:
    box = ((row, row + 1), (column, column + 1))
    edit = PixelsEdit(action="keep", boxes=(box,))
    return Target(f"pixel at row {row}, column {column}", edit)
