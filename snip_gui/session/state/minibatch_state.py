"""The images to score, worked out of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.minibatch.chosen import ChosenFrom
from snip_gui.core.data.minibatch.curation import Split, minibatch_indices, split_training
from snip_gui.core.data.minibatch.own_images import find_own_images
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import Recipe

_NO_IMAGES = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class MinibatchState:
    """The images to score, or why there are none.

    Attributes
    ----------
    indices_K
        Into ``source``; own images come after the training images.
    source
        Training images and own ones; None while there are no images.
    """

    indices_K: NDArray[np.int64]
    source: ChosenFrom | None = None
    problem: Problem | None = None


def resolve_minibatch(
    images: ImageSet | None, recipe: Recipe, folders: Sequence[Path]
) -> tuple[Split | None, MinibatchState]:
    """Return how the training images are split, and those of them that are scored.

    Parameters
    ----------
    images
        The recipe's data set; None until it can be used.
    folders
        Where images of the user's own are kept.
    """
    if images is None:
        return None, MinibatchState(_NO_IMAGES)
    labels_N = images.train_labels_N
    split = split_training(labels_N, recipe.data.validation_fraction, recipe.seed)
    try:
        source = ChosenFrom(images, find_own_images(recipe), folders)
        indices_K = minibatch_indices(recipe, labels_N, images.classes, split)
        return split, MinibatchState(indices_K, source)
    except UserError as error:
        return split, MinibatchState(_NO_IMAGES, problem=Problem.of(error))
