"""Leave-one-out: the minibatch without each of its images in turn.

Shapes: K scored images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.comparing.packed import count_both, count_kept
from snip_gui.core.data.minibatch.curation import minibatch_indices, split_training
from snip_gui.core.data.minibatch.own_images import make_picked, minibatch_labels
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.figures.figure import Chart, Series
from snip_gui.core.studies.overlaps.masks import Item, MaskStudy
from snip_gui.core.studies.study import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.comparing.packed import PackedMask
    from snip_gui.core.recipe.recipe import Recipe

_SHOWN = 10


@dataclass(frozen=True)
class LeaveOneOutStudy(MaskStudy):
    """The mask of the whole minibatch, and those without each image.

    Attributes
    ----------
    indices
        Positions of the images in the training file; user-supplied ones follow.
    classes
        Name of the class of each image.
    """

    all_items: tuple[Item, ...]
    indices: tuple[int, ...]
    classes: tuple[str, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        """The whole minibatch, then it without each image."""
        return self.all_items

    @property
    def question(self) -> str:
        """The question."""
        return "Which image of the minibatch moves the mask most?"

    def answer(self, masks: Sequence[PackedMask | None]) -> LeaveOneOutAnswer:
        """Compare each mask with that of the whole minibatch; raises `UserError` without it."""
        whole = masks[0]
        if whole is None or not any(mask is not None for mask in masks[1:]):
            raise UserError(
                "The mask of the whole minibatch, or all others, could not be found.",
                "See the log for what went wrong.",
            )
        found = [
            (index, name, mask)
            for index, name, mask in zip(self.indices, self.classes, masks[1:], strict=True)
            if mask is not None
        ]
        moves = []
        for index, name, mask in found:
            both = int(count_both([whole, mask])[0, 1].sum())
            kept = int(count_kept([whole, mask]).sum())
            moves.append(Move(index, name, kept - 2 * both, both / (kept - both)))
        moves.sort(key=lambda move: (-move.num_changed, move.index))
        return LeaveOneOutAnswer(tuple(moves), whole.num_kept, len(self.indices) - len(moves))


@dataclass(frozen=True, slots=True)
class Move:
    """What leaving out an image does to the mask.

    Attributes
    ----------
    index
        Position of the image in the training file.
    num_changed
        Number of connections kept by only one of the two masks.
    overlap
        Jaccard index of the two masks.
    """

    index: int
    class_name: str
    num_changed: int
    overlap: float


@dataclass(frozen=True, slots=True)
class LeaveOneOutAnswer(Answer):
    """Images by how much they move the mask, the strongest first."""

    moves: tuple[Move, ...]
    num_kept: int
    num_missing: int = 0

    @property
    def sentence(self) -> str:
        """The answer in words."""
        first, last = self.moves[0], self.moves[-1]
        text = (
            f"Image #{first.index:,} (class {first.class_name}) moves the mask most: without it, "
            f"{first.num_changed // 2:,} of {self.num_kept:,} kept connections are exchanged for "
            f"others (overlap {first.overlap:.1%}). Image #{last.index:,} (class "
            f"{last.class_name}) moves it least: {last.num_changed // 2:,}."
        )
        if self.num_missing:
            text += f" {self.num_missing:,} masks could not be found and are left out."
        return text

    @property
    def overview(self) -> Table:
        """The images that move the mask most."""
        return Table(self.table.headers, self.table.rows[:_SHOWN])

    @property
    def figure(self) -> Chart:
        """How many connections each image exchanges, the strongest image first."""
        return Chart(
            "What leaving out one image changes",
            "images, by how much they move the mask",
            "connections exchanged",
            (
                Series(
                    "without one image",
                    tuple(float(place) for place in range(1, len(self.moves) + 1)),
                    tuple(move.num_changed / 2 for move in self.moves),
                    is_joined=False,
                ),
            ),
            y_form=",.0f",
        )

    @property
    def table(self) -> Table:
        """Every image."""
        return Table(
            ("image", "class", "connections changed", "overlap"),
            tuple(
                (f"{m.index}", m.class_name, f"{m.num_changed}", f"{m.overlap:.6f}")
                for m in self.moves
            ),
        )


def leave_one_out(
    recipe: Recipe, labels_N: NDArray[np.int64], classes: Sequence[str]
) -> LeaveOneOutStudy:
    """Return the study of a recipe's minibatch.

    Parameters
    ----------
    labels_N
        Labels of the training file.
    classes
        Names of the classes.

    Raises
    ------
    UserError
        If the minibatch cannot be drawn, or has a single image.
    """
    split = split_training(labels_N, recipe.data.validation_fraction, recipe.seed)
    indices_K = np.sort(minibatch_indices(recipe, labels_N, classes, split))
    if len(indices_K) < 2:
        raise UserError(
            "Without its only image the minibatch would be empty.", "Choose at least two images."
        )
    labels_K = minibatch_labels(recipe, indices_K, labels_N)
    items = [Item("all images", recipe)]
    for place, index in enumerate(indices_K):
        rest = make_picked(recipe, np.delete(indices_K, place), len(labels_N))
        without = msgspec.structs.replace(recipe, minibatch=rest)
        items.append(Item(f"without image #{index:,}", without))
    names = tuple(classes[label] for label in labels_K)
    return LeaveOneOutStudy(tuple(items), tuple(indices_K.tolist()), names)
