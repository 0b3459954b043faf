"""Measures the effect of half precision on the test error of a network."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.network_state import load_state
from snip_gui.core.data.images.resident import ResidentImages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.export.package import Package

_BATCH = 200
_MOST_SECONDS = 20.0


def measure_half(package: Package, images: ImageSet | None, cancel: CancelToken) -> Iterator[Event]:
    """Store the test errors in both precisions in the package, on as many images as time allows."""
    if images is None:
        yield Note("The effect of half precision on the test error was not measured: no images.")
        return
    try:
        single = package.network
    except UserError as error:
        yield Note(
            f"The effect of half precision on the test error was not measured: {error.message}"
        )
        return
    half = package.copy_network()
    load_state(half, widened(halved(package.state)))
    wrong, total = np.zeros(2, int), 0
    number = len(images.test_labels_N)
    # Interleaved by class, so that all classes count wherever time runs out.
    order_N = np.random.default_rng(0).permutation(number)
    ends = time.monotonic() + _MOST_SECONDS
    while total < number and time.monotonic() < ends:
        cancel.raise_if_cancelled()
        yield Progress("Measuring half precision", total, number)
        chosen_B = np.sort(order_N[total : total + _BATCH])
        wrong += _wrong(package, images, chosen_B, (single, half))
        total += len(chosen_B)
    before, after = (float(count) / total for count in wrong)
    package.half_precision.update(single=before, half=after, num_test_images=total)
    yield Note(
        f"Test error in half precision {after:.2%}, in single precision {before:.2%}, "
        f"on {total:,} of {number:,} test images."
    )


@torch.no_grad()
def _wrong(
    package: Package,
    images: ImageSet,
    chosen_B: NDArray[np.int64],
    networks: tuple[torch.nn.Module, torch.nn.Module],
) -> list[int]:
    """Return how many of some test images each network misclassifies."""
    _, rows, columns = (int(side) for side in package.images_BCHW.shape[1:])
    shape = (int(package.images_BCHW.shape[1]), rows, columns)
    batch = ResidentImages(
        images.test_images.read(chosen_B),
        images.test_labels_N[chosen_B],
        images.mean_C,
        images.deviation_C,
        torch.device("cpu"),
        shape,
    )
    inputs_BCHW, labels_B = batch.batch(slice(None))
    return [int((network(inputs_BCHW.clone()).argmax(1) != labels_B).sum()) for network in networks]


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with floating-point values in half precision.

    Raises
    ------
    UserError
        If a value is too large for half precision.
    """
    half = {n: t.half() if t.is_floating_point() else t for n, t in state.items()}
    for name, tensor in half.items():
        if bool((tensor.isinf() & state[name].isfinite()).any()):
            raise UserError(
                f"“{name}” holds values too large for half precision.",
                "Choose safetensors in single precision.",
            )
    return half


def widened(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with half-precision values in single precision."""
    return {n: t.float() if t.dtype == torch.float16 else t for n, t in state.items()}
