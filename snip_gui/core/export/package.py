"""The input of an export: the pruned network of a run, and what is derived from it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.seeding import numpy_stream
from snip_gui.core.data.images.resident import ResidentImages
from snip_gui.core.data.minibatch.curation import split_training
from snip_gui.core.export.quantization import Quantized, quantize
from snip_gui.core.export.shrinking.shrunk_export import ShrunkExport, make_shrunk_export
from snip_gui.core.runs.folder import read_recipe
from snip_gui.core.runs.network import RunNetwork, read_network

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.data.images.store import ImageStore
    from snip_gui.core.export.precision import ChangedError

_CALIBRATION_IMAGES = 256


@dataclass(frozen=True, eq=False)
class Package(RunNetwork):
    """A pruned network to export.

    Attributes
    ----------
    images
        The data set of the run; None if it is not available.
    changed_errors
        Effect of the precision of each format on the test error, by name of the format, once
        measured.
    """

    images: ImageSet | None = None
    changed_errors: dict[str, ChangedError] = field(default_factory=dict)

    @functools.cached_property
    def shrunk(self) -> ShrunkExport:
        """The equivalent smaller network; raises `UserError` if there is none."""
        return make_shrunk_export(self.network, self.images_BCHW)

    @functools.cached_property
    def quantized(self) -> Quantized:
        """The masked network in 8 bits; raises `UserError` as `quantize` and `calibration` do."""
        return quantize(self.network, self.images_BCHW, self.calibration())

    @functools.cached_property
    def shrunk_quantized(self) -> Quantized:
        """The smaller network in 8 bits; raises `UserError` as `shrunk` and `quantized` do."""
        return quantize(self.shrunk.network, self.images_BCHW, self.calibration())

    def calibration(self) -> Tensor:
        """Return a seeded sample of the images that the network was trained on, preprocessed.

        Not the scored minibatch, which may be of a single class.

        Raises
        ------
        UserError
            If the data set is not available.
        """
        if self.images is None:
            raise UserError(
                "8-bit integers are calibrated on training images, which are not available.",
                "Name their folder with --data-dir, or choose the data set under Setup.",
            )
        recipe, images = read_recipe(self.folder), self.images
        split = split_training(images.train_labels_N, recipe.data.validation_fraction, recipe.seed)
        order_N = numpy_stream(recipe.seed, "calibration").permutation(split.train_indices)
        chosen_B = np.sort(order_N[:_CALIBRATION_IMAGES])
        return self.read_images(images.train_images, images.train_labels_N, chosen_B)[0]

    def read_images(
        self, store: ImageStore, labels_N: NDArray[np.int64], chosen_B: NDArray[np.int64]
    ) -> tuple[Tensor, Tensor]:
        """Return some images of the data set as the network takes them, and their labels."""
        assert self.images is not None
        _, channels, rows, columns = self.images_BCHW.shape
        batch = ResidentImages(
            store.read(chosen_B),
            labels_N[chosen_B],
            self.images.mean_C,
            self.images.deviation_C,
            torch.device("cpu"),
            (channels, rows, columns),
        )
        return batch.batch(slice(None))


def package_run(
    folder: Path, trusted: Collection[str] = (), images: ImageSet | None = None
) -> Package:
    """Read the package of a run; raises `UserError` as `read_network` does."""
    network = read_network(folder, trusted)
    parts = {part.name: getattr(network, part.name) for part in fields(network)}
    return Package(**parts, images=images)
