"""Variations of a recipe with other draws of the minibatch, the weights, or both."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np

from snip_gui.core.base.seeding import numpy_stream
from snip_gui.core.data.minibatch.curation import minibatch_indices, split_training
from snip_gui.core.data.minibatch.own_images import minibatch_labels
from snip_gui.core.recipe.recipe import Draw, Picked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from snip_gui.core.data.minibatch.curation import Split
    from snip_gui.core.recipe.recipe import Recipe

_Find: TypeAlias = "Callable[[], tuple[Split, NDArray[np.int64]]]"
Vary: TypeAlias = Literal["images", "weights", "both"]


def vary(
    recipe: Recipe, what: Vary, number: int, labels_N: NDArray[np.int64], classes: Sequence[str]
) -> list[Recipe]:
    """Return a number of variations of a recipe, each different from the recipe itself.

    ``images`` draws other images for the same weights: the next draws, or, if the images were
    picked by hand, as many of each class (including user-supplied ones). ``weights`` scores the
    same images with the weights of the next seeds. ``both`` uses the next seeds for both.

    Parameters
    ----------
    labels_N
        Labels of the training file.
    classes
        Names of the classes.

    Raises
    ------
    UserError
        If the minibatch of the recipe cannot be drawn.
    """
    # At most once, because it reads the labels of all training images.
    find = functools.cache(lambda: _find_indices(recipe, labels_N, classes))
    return [_one(recipe, what, step, labels_N, find) for step in range(1, number + 1)]


def _one(recipe: Recipe, what: Vary, step: int, labels_N: NDArray[np.int64], find: _Find) -> Recipe:
    seed = recipe.seed if what == "images" else recipe.seed + step
    match recipe.minibatch:
        case Draw() as draw if what == "images":
            minibatch: Draw | Picked = msgspec.structs.replace(draw, seed=draw.seed + step)
        case Draw() as draw if what == "both":
            minibatch = draw  # another seed draws other images
        case Draw():
            minibatch = _picked(find()[1])
        case Picked() as picked if what == "weights":
            minibatch = picked
        case Picked():
            minibatch = _picked(_same_classes(recipe, step, labels_N, *find()))
    return msgspec.structs.replace(recipe, seed=seed, minibatch=minibatch)


def _same_classes(
    recipe: Recipe,
    step: int,
    labels_N: NDArray[np.int64],
    split: Split,
    indices_K: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Draw as many training images of each class as the recipe has."""
    generator = numpy_stream(recipe.seed, "minibatch", "variation", step)
    labels = minibatch_labels(recipe, indices_K, labels_N)
    drawn = [
        generator.permutation(split.train_indices[labels_N[split.train_indices] == label])[:count]
        for label, count in zip(*np.unique(labels, return_counts=True), strict=True)
    ]
    return np.sort(np.concatenate(drawn))


def _find_indices(
    recipe: Recipe, labels_N: NDArray[np.int64], classes: Sequence[str]
) -> tuple[Split, NDArray[np.int64]]:
    """Return the split of the training images, and which of them the recipe scores."""
    split = split_training(labels_N, recipe.data.validation_fraction, recipe.seed)
    return split, minibatch_indices(recipe, labels_N, classes, split)


def _picked(indices_K: NDArray[np.int64]) -> Picked:
    return Picked(indices=tuple(indices_K.tolist()))
