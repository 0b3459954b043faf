"""The BUILD stage: network, images, minibatch and device of a recipe.

Shapes: K scored images, C channels, H rows, W columns.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from snip_gui.core.base.environment import default_num_threads
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.machine.devices import set_up
from snip_gui.core.base.seeding import numpy_stream, stream_seed
from snip_gui.core.data.images.decoders import Decoders
from snip_gui.core.data.images.resident import ResidentImages
from snip_gui.core.data.images.store import FileStore
from snip_gui.core.data.images.streaming import StreamedImages
from snip_gui.core.data.minibatch.chosen import ChosenFrom
from snip_gui.core.data.minibatch.curation import Split, minibatch_indices, split_training
from snip_gui.core.data.minibatch.own_images import find_own_images
from snip_gui.core.graph.parameters import PrunableParameters, prunable_parameters
from snip_gui.core.models.describe import describe_architecture
from snip_gui.core.models.memory import refuse_large_network
from snip_gui.core.models.networks import find_input_shape, make_network, reinitialise
from snip_gui.core.models.own.probe import try_out
from snip_gui.core.models.own.source import OWN, pin_files

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Sequence
    from pathlib import Path

    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.batches import Batches
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.data.images.store import ImageStore
    from snip_gui.core.models.architecture import Architecture
    from snip_gui.core.recipe.recipe import Recipe

_MOST_DECODERS = 8


class Minibatch(NamedTuple):
    """Standardised images (K, C, H, W) and their labels (K)."""

    indices_K: NDArray[np.int64]
    inputs_KCHW: Tensor
    labels_K: Tensor


@dataclass(frozen=True, eq=False)
class Workbench:
    """The inputs of scoring and training.

    Attributes
    ----------
    notes
        Sentences for the log on how the network was created.
    trusted_code
        Digests of the Python files that the user has agreed to run.
    image_folders
        Folders of user-supplied images.
    event_files
        Whether training also writes an event file for TensorBoard.
    """

    recipe: Recipe
    images: ImageSet
    split: Split
    device: torch.device
    model: nn.Module
    architecture: Architecture
    prunable: PrunableParameters
    decoders: Decoders
    notes: tuple[str, ...] = ()
    trusted_code: Collection[str] = ()
    image_folders: Sequence[Path] = ()
    event_files: bool = False

    @functools.cached_property
    def minibatch_indices_K(self) -> NDArray[np.int64]:
        """Indices (K) of the minibatch; raises `UserError` if it is empty or cannot be drawn."""
        images = self.images
        return minibatch_indices(self.recipe, images.train_labels_N, images.classes, self.split)

    @functools.cached_property
    def minibatch(self) -> Minibatch:
        """The images to score; cached, so the tensors must not be modified.

        Raises
        ------
        UserError
            If the minibatch is empty or cannot be drawn, or a user-supplied image cannot be read.
        """
        indices_K = self.minibatch_indices_K
        images, own = self.images, find_own_images(self.recipe)
        source = ChosenFrom(images, own, self.image_folders)
        chosen = ResidentImages(
            source.read(indices_K),
            source.labels[indices_K],
            images.mean_C,
            images.deviation_C,
            self.device,
            self.architecture.input_shape,
        )
        return Minibatch(indices_K, *chosen.batch(slice(None)))

    def training_batches(self) -> Batches:
        """Return the images to train on, with the labels that the recipe specifies."""
        train_indices = self.split.train_indices
        labels_N = self.images.train_labels_N
        if self.recipe.training.labels == "shuffled":
            shuffled = numpy_stream(self.recipe.seed, "labels").permutation(train_indices)
            labels_N = labels_N.copy()
            labels_N[train_indices] = self.images.train_labels_N[shuffled]
        return self._batches(self.images.train_images, labels_N, train_indices)

    def batches(self, part: str, indices: NDArray[np.int64] | None = None) -> Batches:
        """Return all or some images of the ``train`` or ``test`` file, with their true labels."""
        images = self.images
        if part == "test":
            return self._batches(images.test_images, images.test_labels_N, indices)
        return self._batches(images.train_images, images.train_labels_N, indices)

    def _batches(
        self, store: ImageStore, labels_N: NDArray[np.int64], indices: NDArray[np.int64] | None
    ) -> Batches:
        """Return images of a file: on the device if the data set is in memory, else streamed."""
        images = self.images
        shape = self.architecture.input_shape
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
                shape,
            )
        return ResidentImages(
            store.read(indices),
            labels_N[indices],
            images.mean_C,
            images.deviation_C,
            self.device,
            shape,
        )

    def reinitialise(self) -> None:
        """Reinitialise the weights with the seed of the weights to be trained."""
        reinitialise(
            self.model,
            self.recipe.model,
            self.architecture.input_shape,
            self.architecture.num_classes,
            seed=stream_seed(self.recipe.seed, "redraw"),
            trusted=self.trusted_code,
        )


def build_steps(
    recipe: Recipe, environment: Environment, images: ImageSet, cancel: CancelToken
) -> Generator[Event, None, Workbench]:
    """Build the workbench of a recipe, yielding events; a user-supplied network is tried out first.

    Raises
    ------
    UserError
        If a file of the recipe is missing or has changed, or a user-supplied network does not work;
        and as `build_workbench` does.
    Cancelled
        If cancelled meanwhile.
    """
    yield Progress("Building the network")
    recipe = pin_files(recipe)
    if recipe.model.name == OWN:
        num_classes = len(images.classes)
        shape = find_input_shape(recipe.model, images.image_shape, num_classes)
        yield from try_out(recipe.model, shape, num_classes, environment.trusted_code, cancel)
    bench = build_workbench(recipe, environment, images)
    for note in (*bench.notes, *bench.architecture.remarks, bench.architecture.resized):
        if note:
            yield Note(note)
    return bench


def build_workbench(recipe: Recipe, environment: Environment, images: ImageSet) -> Workbench:
    """Build the network with its initial weights and split the images.

    Raises
    ------
    UserError
        If the device does not exist, the network does not fit the images or free memory, or there
        is nothing to prune.
    """
    device = set_up(environment)
    if device.type == "cpu":
        refuse_large_network(recipe.model)
    network = make_network(
        recipe.model,
        images.image_shape,
        len(images.classes),
        seed=stream_seed(recipe.seed, "init"),
        trusted=environment.trusted_code,
    )
    model = network.module.to(device)
    prunable = prunable_parameters(
        model,
        biases=recipe.pruning.prunable == "weights-and-biases",
        exclude=recipe.pruning.exclude,
    )
    return Workbench(
        recipe=recipe,
        images=images,
        split=split_training(images.train_labels_N, recipe.data.validation_fraction, recipe.seed),
        device=device,
        model=model,
        architecture=describe_architecture(
            model,
            network.input_shape,
            images.image_shape,
            len(images.classes),
            network.computed,
        ),
        prunable=prunable,
        decoders=Decoders(min(default_num_threads(), _MOST_DECODERS)),
        notes=network.notes,
        trusted_code=environment.trusted_code,
        image_folders=environment.image_folders,
        event_files=environment.event_files,
    )
