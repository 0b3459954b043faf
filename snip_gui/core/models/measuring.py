"""Jobs that measure networks and read weight files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.models.events import (
    NetworkMeasured,
    NetworksListed,
    SeveralFound,
    WeightSet,
    WeightsRead,
)
from snip_gui.core.models.networks import find_input_shape, find_network, measure
from snip_gui.core.models.own.probe import try_out
from snip_gui.core.models.own.source import OWN, digest_file
from snip_gui.core.weight_files.checkpoint import distinct
from snip_gui.core.weight_files.reading import read_checkpoints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.recipe.recipe import ModelChoice


def list_networks(cancel: CancelToken) -> Iterator[Event]:
    """Report torchvision's classification networks; raises `UserError` without torchvision."""
    yield Progress("Listing the networks of torchvision")
    cancel.raise_if_cancelled()
    from snip_gui.core.models.torchvision_models import names

    yield NetworksListed(names())


def check_weights(path: Path, cancel: CancelToken, key: str = "") -> Iterator[Event]:
    """Read a weight file; ends with `WeightsRead`, or with `SeveralFound` if one has to be chosen.

    Parameters
    ----------
    key
        Location of the weights in the file; empty to search for them.

    Raises
    ------
    UserError
        If it is not a weight file.
    """
    yield Progress(f"Reading {path.name}")
    cancel.raise_if_cancelled()
    found = [
        WeightSet(one.key, sum(tensor.numel() for tensor in distinct(one.state).values()))
        for one in read_checkpoints(path, key)
    ]
    if len(found) > 1:
        yield SeveralFound(path, tuple(found))
    else:
        yield WeightsRead(path, digest_file(path), key, found[0].num_values)


def measure_network(
    choice: ModelChoice,
    image_shape: tuple[int, int, int],
    num_classes: int,
    environment: Environment,
    cancel: CancelToken,
) -> Iterator[Event]:
    """Measure a network for images of a shape (C, H, W); ends with `NetworkMeasured`.

    Raises
    ------
    UserError
        If the network cannot be created for such images or has no prunable layer.
    """
    yield Progress("Analysing the network")
    trusted = environment.trusted_code
    if choice.name == OWN:
        shape = find_input_shape(choice, image_shape, num_classes)
        yield from try_out(choice, shape, num_classes, trusted, cancel)
    architecture = measure(choice, image_shape, num_classes, trusted)
    if not architecture.prunable_layers:
        raise UserError(
            f"{find_network(choice).title} has no layer to prune.",
            "It needs trainable linear, convolutional, recurrent or attention layers.",
            field="model.name",
        )
    yield NetworkMeasured(architecture)
