"""Which connections of a network the edits of a recipe keep or remove.

Shapes: M prunable parameters, in the flat order of `Layout`; C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.pruning.input_map import find_mapped_inputs
from snip_gui.core.recipe.edits import ConnectionsEdit, DeadPixelsEdit, PixelsEdit, UnitsEdit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.graph.layout import Layout, TensorSpec
    from snip_gui.core.models.catalogue import ModelInfo
    from snip_gui.core.recipe.edits import Box, Edit, Span

FREE, KEPT, REMOVED = 0, 1, 2
"""What edits do to a connection: nothing, keep it or remove it."""

_FIELD = "pruning.edits"
_IMAGES_AT_ONCE = 2_000


def edit_states(
    edits: Sequence[Edit],
    layout: Layout,
    model: ModelInfo,
    input_shape: tuple[int, int, int],
    images: ImageSet,
) -> NDArray[np.uint8]:
    """Return `FREE`, `KEPT` or `REMOVED` for each connection (M); later edits override earlier.

    Parameters
    ----------
    input_shape
        Channels, rows and columns that the network takes.

    Raises
    ------
    UserError
        If an edit names a part that the network does not have.
    """
    state_M = np.full(layout.num_parameters, FREE, np.uint8)
    for edit in edits:
        value = np.uint8(KEPT if edit.action == "keep" else REMOVED)
        match edit:
            case ConnectionsEdit():
                tensor = _find_tensor(edit.tensor, layout)
                state = state_M[tensor.offset : tensor.end].reshape(tensor.shape)
                for box in edit.boxes:
                    state[_slices(box, tensor.shape, tensor.name)] = value
            case UnitsEdit():
                for tensor in _find_layer(edit.layer, layout):
                    state = state_M[tensor.offset : tensor.end].reshape(tensor.shape)
                    for span in edit.units:
                        state[_slices((span,), _num_units(tensor), edit.layer)] = value
            case PixelsEdit() | DeadPixelsEdit():
                tensor = mapped_weight(layout, model)
                at_CHW = _chosen_inputs(edit, input_shape, model, images)
                state = state_M[tensor.offset : tensor.end].reshape(tensor.shape)
                state[:, _sources(at_CHW, model)] = value
    return state_M


def mapped_weight(layout: Layout, model: ModelInfo) -> TensorSpec:
    """Return the weight whose inputs are pixels; raises `UserError` if there is none."""
    if model.input_map not in ("pixels", "columns"):
        raise UserError(
            f"The pixels of {model.title} have no connections of their own: every kernel of its "
            "first layer reads all of them.",
            "Edit kernels or units instead.",
            field=_FIELD,
        )
    if model.mapped_layer not in layout.layers:
        raise UserError(
            f"The layer “{model.mapped_layer}”, which reads the pixels, is excluded from pruning.",
            "Take back the edit of the pixels, or prune the layer.",
            field=_FIELD,
        )
    return layout.get_weight(model.mapped_layer)


def find_dead_inputs(images: ImageSet) -> NDArray[np.bool_]:
    """Return which inputs (C, H, W) have the same value in all training images.

    These include the validation split, as do the mean and deviation of the data set.
    """
    store = images.train_images
    first_CHW = store.read([0])[0]
    is_dead_CHW = np.ones(first_CHW.shape, bool)
    # Few inputs remain after the first images, so that the rest takes little time.
    for start in range(0, len(store), _IMAGES_AT_ONCE):
        if not is_dead_CHW.any():
            break
        part_NCHW = store.read(np.arange(start, min(start + _IMAGES_AT_ONCE, len(store))))
        differs = part_NCHW[:, is_dead_CHW] != first_CHW[is_dead_CHW]
        is_dead_CHW[is_dead_CHW] = ~differs.any(axis=0)
    return is_dead_CHW


def _chosen_inputs(
    edit: PixelsEdit | DeadPixelsEdit,
    input_shape: tuple[int, int, int],
    model: ModelInfo,
    images: ImageSet,
) -> NDArray[np.bool_]:
    """Return which inputs (C, H, W) of the network an edit of pixels names."""
    if isinstance(edit, DeadPixelsEdit):
        is_dead_CHW = _dead_inputs_of(input_shape, images)
        # Read row by row, a column is dead only if all of it is.
        by_column = is_dead_CHW.all(axis=1, keepdims=True)
        return is_dead_CHW & by_column if model.input_map == "columns" else is_dead_CHW
    at_CHW = np.zeros(input_shape, bool)
    for rows, columns in edit.boxes:
        at_CHW[:, *_slices((rows, columns), input_shape[1:], "the input")] = True
    return at_CHW


def _dead_inputs_of(input_shape: tuple[int, int, int], images: ImageSet) -> NDArray[np.bool_]:
    """Return the dead inputs; raises `UserError` if they are unknown."""
    if len(images.train_images) == 0:
        raise UserError(
            "Which pixels are dead depends on all training images, which are not available.",
            "Name the folder or file of the images.",
            field="data.name",
        )
    if input_shape != images.image_shape:
        raise UserError(
            "The images are resized for this network, so that none of its inputs is a single "
            "pixel of an image.",
            "Edit rectangles of pixels instead.",
            field=_FIELD,
        )
    return find_dead_inputs(images)


def _sources(at_CHW: NDArray[np.bool_], model: ModelInfo) -> NDArray[np.int64]:
    """Return the inputs of the mapped layer that read the chosen inputs of the network.

    A network that reads row by row reads all pixels of a column through the same connections.
    """
    shape = (at_CHW.shape[0], at_CHW.shape[1], at_CHW.shape[2])
    if model.input_map == "pixels":
        return np.flatnonzero(at_CHW)
    found: set[int] = set()
    for _, row, column in np.argwhere(at_CHW):
        found.update(find_mapped_inputs(model.input_map, shape, int(row), int(column)))
    return np.array(sorted(found), np.int64)


def _find_tensor(name: str, layout: Layout) -> TensorSpec:
    for tensor in layout.tensors:
        if tensor.name == name:
            return tensor
    raise UserError(
        f"An edit names “{name}”, which is not prunable in this network.",
        "Take back the edit, or choose its network and prunable parameters again.",
        field=_FIELD,
    )


def _find_layer(layer: str, layout: Layout) -> tuple[TensorSpec, ...]:
    tensors = layout.get_tensors(layer)
    if not tensors:
        _find_tensor(layer, layout)
    return tensors


def _num_units(tensor: TensorSpec) -> tuple[int, ...]:
    return tensor.shape[:1]


def _slices(box: Box | tuple[Span, Span], shape: tuple[int, ...], name: str) -> tuple[slice, ...]:
    """Return a box as slices; raises `UserError` if it does not lie within a shape."""
    if len(box) > len(shape) or any(end > side for (_, end), side in zip(box, shape, strict=False)):
        size = "x".join(map(str, shape))
        where = ", ".join(f"{first}:{end}" for first, end in box)
        raise UserError(
            f"An edit names [{where}] of {name}, whose size is {size}.",
            "Take back the edit, or choose its network and data set again.",
            field=_FIELD,
        )
    return tuple(slice(first, end) for first, end in box)
