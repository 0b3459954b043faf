"""Measures how the precision of a format changes the test error of a network.

Shapes: B images per batch, K classes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.export.catalogue import PRECISION_TITLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.export.catalogue import ExportFormat
    from snip_gui.core.export.package import Package

LEAST_SAME = 0.97
"""Smallest fraction of test images to which 8-bit integers must give the same class."""
MOST_ADDED = 0.01
"""Largest increase of the test error by 8-bit integers, as a fraction of the test images."""
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
    same
        Fraction that gets the same class in both.
    num_images
        Number of test images.
    """

    before: float
    after: float
    same: float
    num_images: int


def measure_error(
    package: Package, chosen: ExportFormat, cancel: CancelToken, most_seconds: float | None = None
) -> Iterator[Event]:
    """Measure the test error of a format and store it in the package.

    8-bit integers are measured on all test images, half precision on as many as time allows.

    Parameters
    ----------
    most_seconds
        Time to spend, for any precision.
    """
    precision = PRECISION_TITLES[chosen.precision]
    unknown = f"The effect of {precision} on the test error was not measured"
    if package.images is None:
        yield Note(f"{unknown}: no images.")
        return
    try:
        single = package.network
    except UserError as error:
        yield Note(f"{unknown}: {error.message}")
        return
    if most_seconds is None:
        most_seconds = float("inf") if chosen.precision == "int8" else _MOST_SECONDS
    rounded = chosen.scorer(package)
    images = package.images
    wrong, same, total = np.zeros(2, int), 0, 0
    number = len(images.test_labels_N)
    # Interleaved by class, so that all classes count wherever time runs out.
    order_N = np.random.default_rng(0).permutation(number)
    ends = time.monotonic() + most_seconds
    while total < number and time.monotonic() < ends:
        cancel.raise_if_cancelled()
        yield Progress(f"Measuring {precision}", total, number)
        chosen_B = np.sort(order_N[total : total + _BATCH])
        inputs_BCHW, labels_B = package.read_images(
            images.test_images, images.test_labels_N, chosen_B
        )
        with torch.no_grad():
            classes = [scorer(inputs_BCHW.clone()).argmax(1) for scorer in (single, rounded)]
        wrong += [int((found_B != labels_B).sum()) for found_B in classes]
        same += int((classes[0] == classes[1]).sum())
        total += len(chosen_B)
    before, after = (float(count) / total for count in wrong)
    package.changed_errors[chosen.name] = ChangedError(before, after, same / total, total)
    yield Note(
        f"Test error in {precision} {after:.2%}, in single precision {before:.2%}, "
        f"on {total:,} of {number:,} test images."
    )


def refuse_changed(package: Package, chosen: ExportFormat) -> None:
    """Raise `UserError` if 8-bit integers change too many test images, or that is unknown."""
    if chosen.precision != "int8":
        return
    found = package.changed_errors.get(chosen.name)
    hint = (
        "Choose another format. To write it nevertheless, add --allow-changes, or tick “Allow "
        "changed classes” in the export dialog."
    )
    if found is None:
        raise UserError(
            f"“{chosen.title}” cannot be verified without the test images.",
            f"Name their folder with --data-dir. {hint}",
        )
    if found.same < LEAST_SAME or found.after - found.before > MOST_ADDED:
        raise UserError(
            f"“{chosen.title}” gives {found.same:.2%} of {found.num_images:,} test images the "
            f"same class as single precision, and changes the test error from {found.before:.2%} "
            f"to {found.after:.2%}. At least {LEAST_SAME:.0%} must be the same, and the error may "
            f"increase by at most {100 * MOST_ADDED:.0f} percentage point.",
            hint,
        )
