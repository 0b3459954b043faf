"""Files of masks: opening one that was made elsewhere, pruning as it says, and saving one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.tensors import as_tensor, save_tensors
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.models.events import MasksFound
from snip_gui.core.models.networks import Images, find_input_shape, find_network
from snip_gui.core.models.own.source import digest_file
from snip_gui.core.models.recognising import empty_network
from snip_gui.core.pruning.events import MasksSaved, Pruned
from snip_gui.core.pruning.mask_source import OneMask
from snip_gui.core.recipe.methods.given import GivenMasks
from snip_gui.core.weight_files.masks.mask_files import read_masks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.graph.layout import Layout
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.recipe.recipe import Recipe


def open_masks(
    path: Path,
    recipe: Recipe,
    images: Images | None,
    environment: Environment,
    cancel: CancelToken,
) -> Iterator[Event]:
    """Read a file of masks for the network of a recipe; ends with `MasksFound`.

    Layers without a mask stay dense, and so do biases if only weights have masks.

    Parameters
    ----------
    images
        Images of the recipe's data set; None if it is not loaded.

    Raises
    ------
    UserError
        If the file cannot be read, or a mask does not fit the network; the error names it.
    """
    yield Progress(f"Reading {path.name}")
    if images is None:
        raise UserError("There are no images to open masks with.", "Choose a data set first.")
    digest = digest_file(path)
    shape = find_input_shape(recipe.model, images.shape, images.num_classes)
    model = empty_network(recipe.model, shape, images.num_classes, environment)
    cancel.raise_if_cancelled()
    layout = prunable_parameters(model, biases=True).layout
    masks = read_masks(path, _shapes(layout), find_network(recipe.model).title)
    has_biases = any(mask.ndim == 1 for mask in masks.values())
    covered = {layout[name].layer for name in masks}
    dense = tuple(layer for layer in layout.layers if layer not in covered)
    layout = prunable_parameters(model, biases=has_biases, exclude=dense).layout
    masks = _completed(masks, layout)
    num_kept = sum(int(np.count_nonzero(mask)) for mask in masks.values())
    if num_kept == 0:
        raise UserError(f"The masks in “{path.name}” keep no connection.", "Choose another file.")
    pruning = GivenMasks(
        file=str(path.absolute()),
        file_digest=digest,
        sparsity=1 - num_kept / layout.num_parameters,
        prunable="weights-and-biases" if has_biases else "weights",
        exclude=dense,
    )
    found = msgspec.structs.replace(recipe, pruning=pruning)
    yield MasksFound(path, found, num_kept, layout.num_parameters, dense)


def prune(bench: Workbench) -> Iterator[Event]:
    """Keep what the file of the recipe keeps; ends with `Pruned`.

    Raises
    ------
    UserError
        If the file cannot be read, has changed, or does not fit the network.
    """
    settings = bench.recipe.pruning
    assert isinstance(settings, GivenMasks)
    yield Progress("Reading the masks")
    if not settings.file:
        raise UserError("No file of masks is chosen.", "Choose one by File > Open masks.")
    path = Path(settings.file)
    if settings.file_digest not in ("", digest_file(path)):
        raise UserError(
            f"“{path}” has changed since its masks were opened.",
            "Open it again to use it as it is now.",
            field="pruning.file",
        )
    layout = bench.prunable.layout
    shapes = _shapes(prunable_parameters(bench.model, biases=True).layout)
    masks = read_masks(path, shapes, find_network(bench.recipe.model).title)
    yield Pruned(OneMask(layout, _completed(masks, layout)))


def save_masks(path: Path, scored: Scored, num_kept: int, cancel: CancelToken) -> Iterator[Event]:
    """Write masks to a safetensors file as uint8, 1 where kept; ends with `MasksSaved`.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    yield Progress(f"Writing {path.name}")
    masks = scored.masks.mask_at(num_kept)
    cancel.raise_if_cancelled()
    save_tensors(path, {name: as_tensor(mask.astype(np.uint8)) for name, mask in masks.items()})
    yield MasksSaved(path, num_kept)


def _shapes(layout: Layout) -> dict[str, tuple[int, ...]]:
    return {tensor.name: tensor.shape for tensor in layout.tensors}


def _completed(
    masks: Mapping[str, NDArray[np.bool_]], layout: Layout
) -> dict[str, NDArray[np.bool_]]:
    """Return the masks of exactly the tensors of a layout; those without a mask are kept."""
    return {
        tensor.name: masks.get(tensor.name, np.ones(tensor.shape, np.bool_))
        for tensor in layout.tensors
    }
