"""Selection of images: the validation split, and the minibatch to score.

Pure functions over labels and indices. An index is a position in the training file of the data set,
independent of the split. Shapes: N labels, K chosen images.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.seeding import numpy_stream
from snip_gui.core.base.text import listed, natural_order
from snip_gui.core.recipe.recipe import Draw, Picked, class_text, is_position, parse_class

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from snip_gui.core.recipe.recipe import ClassChoice, Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Indices into the training file; both arrays are ascending and read-only."""

    train_indices: NDArray[np.int64]
    validation_indices: NDArray[np.int64]


def split_training(labels_N: NDArray[np.int64], fraction: float, seed: int) -> Split:
    """Set aside a seeded random fraction of each class for validation.

    The validation split has ``round(N * fraction)`` images (6,000 of MNIST's 60,000, as in the
    paper), distributed over the classes in proportion.
    """
    generator = numpy_stream(seed, "split")
    classes, counts = np.unique(labels_N, return_counts=True)
    exact = counts * fraction
    take = np.floor(exact).astype(int)
    missing = round(len(labels_N) * fraction) - int(take.sum())
    take[np.argsort(take - exact, kind="stable")[:missing]] += 1
    held_out = np.zeros(len(labels_N), bool)
    for label, number in zip(classes, take, strict=True):
        held_out[generator.permutation(np.flatnonzero(labels_N == label))[:number]] = True
    train, validation = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    train.flags.writeable = validation.flags.writeable = False
    return Split(train, validation)


def class_positions(chosen: Sequence[ClassChoice], classes: Sequence[str]) -> tuple[int, ...]:
    """Return the positions of classes given by name or position.

    Text is matched as a name first, in any Unicode normalisation, and then as a position such as
    ``#2``.

    Raises
    ------
    UserError
        If there is no such class, or several have this name.
    """
    positions = defaultdict(list)
    for position, name in enumerate(classes):
        positions[_composed(name)].append(position)
    return tuple(_position(choice, positions, classes) for choice in chosen)


def class_choice(position: int, classes: Sequence[str]) -> ClassChoice:
    """Return a class by name, or by position if the name is ambiguous."""
    name = classes[position]
    is_unique = [_composed(other) for other in classes].count(_composed(name)) == 1
    return name if is_unique and not is_position(name) else position


def _position(
    choice: ClassChoice, positions: Mapping[str, Sequence[int]], classes: Sequence[str]
) -> int:
    found: Sequence[int] = ()
    if isinstance(choice, str):
        found = positions.get(_composed(choice), ())
        if len(found) > 1:
            raise UserError(
                f"{len(found)} classes of this data set are named “{choice}”.",
                f"Choose one by its position: {', '.join(f'#{at}' for at in found)}.",
                field="minibatch.classes",
            )
        if not found:
            choice = parse_class(choice)
    if isinstance(choice, int) and choice < len(classes):
        found = (choice,)
    if not found:
        some = [classes[at] for at in natural_order(classes)]
        raise UserError(
            f"There is no class “{class_text(choice)}” in this data set.",
            f"Choose among {listed(some, most=12)}, or by position from #0 to #{len(classes) - 1}.",
            field="minibatch.classes",
        )
    return found[0]


def _composed(name: str) -> str:
    """Return a name in Unicode's composed form (NFC), for comparison."""
    return unicodedata.normalize("NFC", name)


def draw_images(
    labels_N: NDArray[np.int64],
    classes: Sequence[str],
    candidates: NDArray[np.int64],
    draw: Draw,
    seed: int,
    num_batches: int = 1,
) -> NDArray[np.int64]:
    """Draw images at random, without replacement, from candidates of the chosen classes.

    Parameters
    ----------
    num_batches
        Number of minibatches of the draw's size, which together are drawn like one; 0 for all
        candidates.

    Raises
    ------
    UserError
        If a class does not exist or there are fewer images than requested.
    """
    if draw.classes:
        chosen = class_positions(draw.classes, classes)
        candidates = candidates[np.isin(labels_N[candidates], chosen)]
    number = draw.size * num_batches or len(candidates)
    if number > len(candidates):
        several = num_batches > 1 and draw.size <= len(candidates)
        raise UserError(
            f"{number:,} images were requested, but only {len(candidates):,} training images "
            "are available.",
            "Request fewer or smaller minibatches."
            if several
            else "Request fewer images or more classes.",
            field="minibatch.size",
            proposal=None if several or not len(candidates) else len(candidates),
        )
    generator = numpy_stream(seed, "minibatch", draw.seed)
    return np.sort(generator.choice(candidates, number, replace=False))


def draw_balanced(
    labels_N: NDArray[np.int64],
    classes: Sequence[str],
    candidates: NDArray[np.int64],
    draw: Draw,
    number: int,
    seed: int,
) -> NDArray[np.int64]:
    """Draw ``number`` images of each class, or of each that the draw names, ignoring its size.

    Raises
    ------
    UserError
        If a class does not exist or has fewer images.
    """
    generator = numpy_stream(seed, "minibatch", "balanced", draw.seed)
    chosen = []
    for label in class_positions(draw.classes, classes) or np.unique(labels_N).tolist():
        of_class = candidates[labels_N[candidates] == label]
        if number > len(of_class):
            raise UserError(
                f"{number:,} images of each class are asked for, but class “{classes[label]}” has "
                f"only {len(of_class):,} training images.",
                "Ask for fewer images per class.",
                field="pruning.samples_per_class",
            )
        chosen.append(generator.choice(of_class, number, replace=False))
    return np.sort(np.concatenate(chosen))


def draw_per_class(
    labels_N: NDArray[np.int64], candidates: NDArray[np.int64], number: int, seed: int
) -> NDArray[np.int64]:
    """Draw ``number`` images of every class, or all of a class that has fewer."""
    generator = numpy_stream(seed, "minibatch", "per-class")
    chosen = [
        generator.permutation(candidates[labels_N[candidates] == label])[:number]
        for label in np.unique(labels_N)
    ]
    return np.sort(np.concatenate(chosen))


def minibatch_indices(
    recipe: Recipe, labels_N: NDArray[np.int64], classes: Sequence[str], split: Split
) -> NDArray[np.int64]:
    """Return the ascending indices of the images to score, whatever order they were picked in.

    User-supplied images follow the N training images: the j-th has index N + j.

    Raises
    ------
    UserError
        If the minibatch is empty or cannot be drawn, or an index is out of range.
    """
    match recipe.minibatch:
        case Draw() as draw:
            number = recipe.pruning.images_per_class
            if number:
                return draw_balanced(
                    labels_N, classes, split.train_indices, draw, number, recipe.seed
                )
            number = recipe.pruning.num_batches
            return draw_images(labels_N, classes, split.train_indices, draw, recipe.seed, number)
        case Picked() if recipe.pruning.num_batches != 1:
            raise UserError(
                "Images picked by hand are a single minibatch, but the method needs several.",
                "Draw the images at random, or choose another method or number of minibatches.",
                field="minibatch",
            )
        case Picked(indices=indices, images=own):
            if not indices and not own:
                raise UserError(
                    "The minibatch is empty.", "Add at least one image to score.", field="minibatch"
                )
            if max(indices, default=0) >= len(labels_N):
                raise UserError(
                    f"The minibatch refers to image {max(indices):,}, but the data set has "
                    f"{len(labels_N):,} training images.",
                    "Pick the images again for this data set.",
                    field="minibatch.indices",
                )
            own_indices = len(labels_N) + np.arange(len(own))
            return np.concatenate([np.unique(np.asarray(indices, np.int64)), own_indices])


def class_counts(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """Return the number of labels of each class."""
    return np.bincount(labels, minlength=num_classes).astype(np.int64)
