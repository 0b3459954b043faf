"""Estimates of time, memory and disk space that training will take. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.text import size_text
from snip_gui.core.data.images.store import ArrayStore, num_bytes
from snip_gui.core.reports.tables import duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.models.architecture import Architecture
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.recipe.training import Training
    from snip_gui.core.runs.listing import RunEntry

_FLOAT = 4
# A forward pass takes about a third of a step.
_FORWARD = 1 / 3
_ROW_BYTES, _ROWS_PER_EPOCH = 90, 23
_PICTURES_BYTES = 60_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated cost of training.

    Attributes
    ----------
    seconds
        None if nothing is known about the speed.
    is_measured
        Whether the time is based on an earlier run; otherwise it is based on scoring the whole
        network, and a shrunk one may be much faster.
    """

    seconds: float | None
    is_measured: bool
    memory_bytes: int
    disk_bytes: int

    @property
    def text(self) -> str:
        """The estimate as a sentence."""
        sizes = f"{size_text(self.memory_bytes)} of memory, {size_text(self.disk_bytes)} on disk."
        if self.seconds is None:
            return f"Takes about {sizes}"
        if self.seconds < 1:
            return f"Less than a second, {sizes}"
        about = "About" if self.is_measured else "At most about"
        return f"{about} {duration(self.seconds)}, {sizes}"


def estimate(
    recipe: Recipe,
    architecture: Architecture,
    images: ImageSet,
    scored: Scored | None = None,
    earlier: Iterable[RunEntry] = (),
) -> Estimate:
    """Return the estimated cost of training a recipe.

    Parameters
    ----------
    architecture
        Architecture of the recipe's network for its images.
    scored
        A scoring of this network on these images, whose duration indicates its speed; None if there
        is none.
    earlier
        Earlier runs, some of which may be of the same kind.
    """
    measured = _seconds_per_epoch(recipe, earlier)
    seconds = measured
    if seconds is None and scored is not None and len(scored.indices_K) and scored.seconds:
        seconds = _judged(recipe, images, scored.seconds / len(scored.indices_K))
    return Estimate(
        seconds=None if seconds is None else seconds * recipe.num_epochs,
        is_measured=measured is not None,
        memory_bytes=_memory(recipe, architecture, images),
        disk_bytes=_disk(recipe, architecture),
    )


def _seconds_per_epoch(recipe: Recipe, earlier: Iterable[RunEntry]) -> float | None:
    """Return the time per epoch of the newest run that takes equally long."""
    kind = _kind(recipe)
    for entry in earlier:
        if entry.recipe is not None and entry.epochs_done >= 1 and _kind(entry.recipe) == kind:
            return entry.seconds / entry.epochs_done
    return None


def _kind(recipe: Recipe) -> Recipe:
    """Return the recipe reset in all fields that do not affect the time per epoch."""
    replace = msgspec.structs.replace
    training = replace(
        recipe.training,
        epochs=1,
        added_epochs=0,
        added_rate=0.0,
        learning_rate=0.1,
        weight_decay=0.0,
        schedule="steps",
        decay_at=(),
        decay_factor=0.1,
        labels="true",
        order=0,
    )
    pruning = replace(recipe.pruning, after="keep")
    return replace(recipe, training=training, pruning=pruning, seed=0)


def _judged(recipe: Recipe, images: ImageSet, seconds_per_image: float) -> float:
    """Return the time per epoch of the whole network, including evaluation."""
    held_out = round(len(images.train_images) * recipe.data.validation_fraction)
    trained = len(images.train_images) - held_out
    measured = held_out + len(images.test_images)
    return seconds_per_image * (trained + _FORWARD * measured)


def _memory(recipe: Recipe, architecture: Architecture, images: ImageSet) -> int:
    """Return the bytes of weights, gradients, mask, optimizer, checkpoint, images and batch."""
    copies = 3 + 2 * _num_slots(recipe.training) + 1
    resident = sum(
        num_bytes(store)
        for store in (images.train_images, images.test_images)
        if isinstance(store, ArrayStore)
    )
    batch = recipe.training.batch_size * architecture.activation_bytes
    return copies * _FLOAT * architecture.num_parameters + resident + batch


def _disk(recipe: Recipe, architecture: Architecture) -> int:
    """Return the bytes of a run folder."""
    channels, rows, columns = architecture.input_shape
    minibatch = recipe.minibatch
    number = getattr(minibatch, "size", None) or len(getattr(minibatch, "indices", ()))
    weights = _FLOAT * architecture.num_parameters
    # Initial weights, scores, masks of one byte each, checkpoint, and other weights at the start of
    # training, if any.
    copies = 1 + 1 + 1 / _FLOAT + 1 + _num_slots(recipe.training)
    copies += recipe.pruning.after != "keep"
    number *= max(1, recipe.pruning.num_batches)
    pixels = number * (channels * rows * columns * _FLOAT + 8)
    metrics = recipe.num_epochs * _ROWS_PER_EPOCH * _ROW_BYTES
    return int(copies * weights + pixels + metrics + _PICTURES_BYTES)


def _num_slots(training: Training) -> int:
    """Return the number of values that the optimizer keeps per weight."""
    if training.optimizer == "sgd":
        return 1 if training.momentum else 0
    return 2
