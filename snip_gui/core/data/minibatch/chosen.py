"""The images of a minibatch, both from the data set and user-supplied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.data.images.store import ImageStore, Indices
    from snip_gui.core.recipe.recipe import OwnImage


class ChosenFrom:
    """Training images followed by user-supplied ones, with their labels.

    Raises
    ------
    UserError
        If a user-supplied image is unavailable, or its label is not a class.
    """

    def __init__(self, images: ImageSet, own: Sequence[OwnImage], folders: Sequence[Path]) -> None:
        for image in own:
            if image.label >= len(images.classes):
                raise UserError(
                    f"One of your own images has the label {image.label}, but there are only "
                    f"{len(images.classes)} classes.",
                    "Remove it from the minibatch and add it again.",
                    field="minibatch.images",
                )
        self._store: ImageStore = images.train_images
        self._own_JCHW = [_load(image, folders, images.image_shape) for image in own]
        labels_J = np.array([image.label for image in own], np.int64)
        self.labels = np.concatenate([images.train_labels_N, labels_J])
        self.in_memory = self._store.in_memory

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of an image."""
        return self._store.image_shape

    def __len__(self) -> int:
        return len(self.labels)

    def own(self, index: int) -> NDArray[np.uint8] | None:
        """Return the user-supplied image (C, H, W) at an index; None for a training image."""
        place = index - len(self._store)
        return self._own_JCHW[place] if 0 <= place < len(self._own_JCHW) else None

    def read(self, indices: Indices) -> NDArray[np.uint8]:
        """Return images (K, C, H, W)."""
        indices_K = np.asarray(indices, np.int64)
        is_own = indices_K >= len(self._store)
        images_KCHW = np.empty((len(indices_K), *self.image_shape), np.uint8)
        images_KCHW[~is_own] = self._store.read(indices_K[~is_own])
        for place in np.flatnonzero(is_own):
            images_KCHW[place] = self._own_JCHW[indices_K[place] - len(self._store)]
        return images_KCHW


def _load(
    image: OwnImage, folders: Sequence[Path], shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return a stored image (C, H, W); raises `UserError` if it is unavailable."""
    from snip_gui.core.data.minibatch.own_pictures import load_image

    return load_image(image.digest, folders, shape)
