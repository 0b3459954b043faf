"""The BUILD stage: network, images, minibatch and device of a recipe, ready to be worked on.

Shapes: K scored images, C channels, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from snip_gui.core.data.curation import Split, minibatch_indices, split_training
from snip_gui.core.data.decoders import Decoders
from snip_gui.core.data.resident import ResidentImages
from snip_gui.core.data.store import FileStore
from snip_gui.core.data.streaming import StreamedImages
from snip_gui.core.devices import set_up
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.models.init import initialise
from snip_gui.core.pruning.parameters import PrunableParameters, prunable_parameters
from snip_gui.core.seeding import stream_seed
from snip_gui.core.surroundings import default_num_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from snip_gui.core.data.batches import Batches
    from snip_gui.core.data.image_set import ImageSet
    from snip_gui.core.recipe import Recipe
    from snip_gui.core.surroundings import Surroundings

_MOST_DECODERS = 8


@dataclass(frozen=True, eq=False)
class Workbench:
    """Everything that scoring and training start from."""

    recipe: Recipe
    images: ImageSet
    split: Split
    device: torch.device
    model: nn.Module
    prunable: PrunableParameters
    decoders: Decoders

    def minibatch(self) -> tuple[NDArray[np.int64], Tensor, Tensor]:
        """Return indices (K), standardised inputs (K, C, H, W) and labels (K) of the minibatch.

        Raises
        ------
        UserError
            If the minibatch is empty or cannot be drawn.
        """
        indices_K = minibatch_indices(self.recipe, self.images.train_labels_N, self.split)
        images = self.images
        chosen = ResidentImages(
            images.train_images.read(indices_K),
            images.train_labels_N[indices_K],
            images.mean_C,
            images.deviation_C,
            self.device,
        )
        return indices_K, *chosen.batch(slice(None))

    def batches(self, part: str, indices: NDArray[np.int64] | None = None) -> Batches:
        """Return images of the ``train`` or ``test`` file, all or some, to train and test on.

        Resident on the device if the set is in memory, else streamed.
        """
        images = self.images
        if part == "test":
            store, labels_N = images.test_images, images.test_labels_N
        else:
            store, labels_N = images.train_images, images.train_labels_N
        if indices is None:
            indices = np.arange(len(store))
        if isinstance(store, FileStore):
            return StreamedImages(
                store,
                labels_N,
                indices,
                images.mean_C,
                images.deviation_C,
                self.device,
                self.decoders,
            )
        return ResidentImages(
            store.read(indices), labels_N[indices], images.mean_C, images.deviation_C, self.device
        )


def build(recipe: Recipe, surroundings: Surroundings, images: ImageSet) -> Workbench:
    """Build the network with its initial weights and split the images.

    Raises
    ------
    UserError
        If the device does not exist, the network does not fit the images, or nothing is left to
        prune.
    """
    device = set_up(surroundings)
    # torch's layers draw weights of their own when made; a training under way must not notice.
    with torch.random.fork_rng(devices=[]):
        model = MODELS[recipe.model.name].build(images.image_shape, len(images.classes))
    initialise(model, recipe.model.init, stream_seed(recipe.seed, "init"))
    model.to(device)
    prunable = prunable_parameters(
        model,
        biases=recipe.pruning.prunable == "weights-and-biases",
        exclude=recipe.pruning.exclude,
    )
    split = split_training(images.train_labels_N, recipe.data.validation_fraction, recipe.seed)
    decoders = Decoders(min(default_num_threads(), _MOST_DECODERS))
    return Workbench(recipe, images, split, device, model, prunable, decoders)
