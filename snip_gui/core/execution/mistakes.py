"""Mistakes of a trained network: the confusion matrix and the worst misclassified images.

Shapes: N evaluated images, B per batch, C channels, H rows, W columns, K classes, P images shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.batches import Batches
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.training.metrics import SplitName

MOST_SHOWN = 500
_BATCH = 500


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """The confusion matrix, by the C pairs of classes that occur: with many classes most do not.

    Attributes
    ----------
    true_C, predicted_C
        The pairs, in the order of the matrix's rows.
    counts_C
        Number of images of each pair.
    """

    true_C: NDArray[np.int64]
    predicted_C: NDArray[np.int64]
    counts_C: NDArray[np.int64]

    @staticmethod
    def of(labels_N: NDArray[np.int64], predicted_N: NDArray[np.int64], width: int) -> Confusion:
        """Count pairs of classes below ``width``."""
        keys_C, counts_C = np.unique(
            labels_N.astype(np.int64) * width + predicted_N, return_counts=True
        )
        return Confusion(keys_C // width, keys_C % width, counts_C)

    @property
    def num_images(self) -> int:
        """Number of evaluated images."""
        return int(self.counts_C.sum())

    @property
    def num_wrong(self) -> int:
        """Number of misclassified images."""
        return int(self.counts_C[self.true_C != self.predicted_C].sum())


@dataclass(frozen=True, slots=True, eq=False)
class Mistakes:
    """The evaluation of a run's latest weights on a split.

    Attributes
    ----------
    step
        Number of training steps of the weights.
    indices_P
        The misclassified images, largest loss first, at most `MOST_SHOWN`: indices into the
        training file, or the test file for ``test``.
    pictures_PCHW
        Pixels of these images.
    """

    folder: Path
    split: SplitName
    step: int
    classes: tuple[str, ...]
    images_digest: str
    confusion: Confusion
    indices_P: NDArray[np.int64]
    labels_P: NDArray[np.int64]
    taken_for_P: NDArray[np.int64]
    losses_P: NDArray[np.float32]
    pictures_PCHW: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class MistakesFound(Event):
    """A run has been evaluated for mistakes."""

    mistakes: Mistakes


def find_mistakes(
    folder: Path,
    split: SplitName,
    environment: Environment,
    images: ImageSet | None,
    cancel: CancelToken,
) -> Iterator[Event]:
    """Evaluate the latest weights of a run on a split, with its true labels.

    Parameters
    ----------
    images
        The run's data set if it is already in memory.

    Raises
    ------
    UserError
        If the run cannot be read or has no mask, or its images are not available.
    Cancelled
        If cancelled meanwhile.
    """
    from snip_gui.core.base.network_state import load_state
    from snip_gui.core.pruning.workbench import build_steps
    from snip_gui.core.runs.folder import read_recipe
    from snip_gui.core.runs.network import read_network, read_test_images

    yield Progress("Finding misclassified images")
    package = read_network(folder, environment.trusted_code)
    if images is None:
        images = yield from read_test_images(folder, environment, cancel)
    if images is None:
        raise UserError(
            f"The images of “{folder.name}” are not available.",
            "Choose the data folder that the run was trained with.",
            field="data.name",
        )
    recipe = read_recipe(folder)
    bench = yield from build_steps(recipe, environment, images, cancel)
    load_state(bench.model, package.state | package.extra)
    store = images.test_images if split == "test" else images.train_images
    indices_N = {
        "test": np.arange(len(store)),
        "train": bench.split.train_indices,
        "validation": bench.split.validation_indices,
    }[split]
    batches = bench.batches("test" if split == "test" else "train", indices_N)
    if not len(batches):
        raise UserError("There is no validation split.", "Choose another split.")
    try:
        taken_for_N, losses_N = yield from _measure(bench.model, batches, cancel)
    finally:
        batches.close()
    labels = images.test_labels_N if split == "test" else images.train_labels_N
    labels_N = labels[indices_N]
    wrong = np.flatnonzero(taken_for_N != labels_N)
    worst = wrong[np.argsort(-losses_N[wrong], kind="stable")][:MOST_SHOWN]
    order = np.argsort(indices_N[worst])  # read files in order
    pictures = store.read(np.sort(indices_N[worst])) if len(worst) else _none(images)
    yield MistakesFound(
        Mistakes(
            folder=folder,
            split=split,
            step=int(package.manifest["steps"]),
            classes=images.classes,
            images_digest=images.digest,
            confusion=Confusion.of(labels_N, taken_for_N, len(images.classes)),
            indices_P=indices_N[worst],
            labels_P=labels_N[worst],
            taken_for_P=taken_for_N[worst],
            losses_P=losses_N[worst],
            pictures_PCHW=pictures[np.argsort(order)],
        )
    )


def _measure(
    model: nn.Module, batches: Batches, cancel: CancelToken
) -> Generator[Event, None, tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Return the predicted class and the loss of each image (N)."""
    import torch
    from torch.nn import functional

    model.eval()
    taken_for, losses = [], []
    for inputs_BCHW, labels_B in batches.batches(None, _BATCH):
        cancel.raise_if_cancelled()
        with torch.no_grad():
            scores_BK = model(inputs_BCHW)
            taken_for.append(scores_BK.argmax(1).cpu().numpy())
            loss_B = functional.cross_entropy(scores_BK, labels_B, reduction="none")
            losses.append(loss_B.cpu().numpy())
        yield Progress("Finding misclassified images", _BATCH * len(losses), len(batches))
    return np.concatenate(taken_for), np.concatenate(losses)


def _none(images: ImageSet) -> NDArray[np.uint8]:
    return np.zeros((0, *images.image_shape), np.uint8)
