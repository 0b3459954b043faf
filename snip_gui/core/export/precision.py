"""Measures how the precision of a format changes the test error of a network.

Shapes: B images per batch, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.data.images.resident import ResidentImages
from snip_gui.core.export.catalogue import PRECISION_TITLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.export.catalogue import ExportFormat
    from snip_gui.core.export.package import Package

_BATCH = 200
_MOST_SECONDS = 20.0


@dataclass(frozen=True)
class ChangedError:
    """Test errors of a network before and after a change of precision.

    Attributes
    ----------
    before, after
        Fractions of the test images that are misclassified in single precision, and in that of the
        format.
    num_images
        Number of test images.
    """

    before: float
    after: float
    num_images: int


def measure_error(
    package: Package, chosen: ExportFormat, images: ImageSet | None, cancel: CancelToken
) -> Iterator[Event]:
    """Measure the error of a format on as many test images as time allows; store it in the package.

    Parameters
    ----------
    images
        The data set of the run; None if it is not available, which yields a note.
    """
    precision = PRECISION_TITLES[chosen.precision]
    unknown = f"The effect of {precision} on the test error was not measured"
    if images is None:
        yield Note(f"{unknown}: no images.")
        return
    try:
        single = package.network
    except UserError as error:
        yield Note(f"{unknown}: {error.message}")
        return
    both = (single, chosen.scorer(package))
    wrong, total = np.zeros(2, int), 0
    number = len(images.test_labels_N)
    # Interleaved by class, so that all classes count wherever time runs out.
    order_N = np.random.default_rng(0).permutation(number)
    ends = time.monotonic() + _MOST_SECONDS
    while total < number and time.monotonic() < ends:
        cancel.raise_if_cancelled()
        yield Progress(f"Measuring {precision}", total, number)
        chosen_B = np.sort(order_N[total : total + _BATCH])
        wrong += _count_wrong(package, images, chosen_B, both)
        total += len(chosen_B)
    before, after = (float(count) / total for count in wrong)
    package.changed_errors[chosen.name] = ChangedError(before, after, total)
    yield Note(
        f"Test error in {precision} {after:.2%}, in single precision {before:.2%}, "
        f"on {total:,} of {number:,} test images."
    )


@torch.no_grad()
def _count_wrong(
    package: Package,
    images: ImageSet,
    chosen_B: NDArray[np.int64],
    scorers: tuple[Callable[[Tensor], Tensor], ...],
) -> list[int]:
    """Return how many of some test images each scorer misclassifies."""
    _, channels, rows, columns = package.images_BCHW.shape
    batch = ResidentImages(
        images.test_images.read(chosen_B),
        images.test_labels_N[chosen_B],
        images.mean_C,
        images.deviation_C,
        torch.device("cpu"),
        (channels, rows, columns),
    )
    inputs_BCHW, labels_B = batch.batch(slice(None))
    return [int((scorer(inputs_BCHW.clone()).argmax(1) != labels_B).sum()) for scorer in scorers]
