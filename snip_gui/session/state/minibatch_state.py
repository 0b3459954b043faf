"""The images to score, derived from a recipe."""

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
    """The images to score, or the reason that there are none.

    Attributes
    ----------
    indices_K
        Indices into ``source``; user-supplied images follow the training images.
    source
        Training images and user-supplied ones; None before any are loaded.
    """

    indices_K: NDArray[np.int64]
    source: ChosenFrom | None = None
    problem: Problem | None = None


def resolve_minibatch(
    images: ImageSet | None, recipe: Recipe, folders: Sequence[Path]
) -> tuple[Split | None, MinibatchState]:
    """Return the validation split of the training images, and the images to score.

    Parameters
    ----------
    images
        The recipe's data set; None until it is loaded.
    folders
        Folders of user-supplied images.
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
