"""A grid of input maps: one column per variant of a recipe, one row per sparsity (paper, figure 2).

A whole column needs a single scoring, because a method has masks at every sparsity. No torch.
Shapes: C channels, H rows, W columns of the input map; R sparsities; V variants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event
from snip_gui.core.base.text import natural_order
from snip_gui.core.data.minibatch.curation import class_choice, class_positions
from snip_gui.core.recipe.fields import field
from snip_gui.core.recipe.json import from_builtins, switch_method
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.recipe import Draw, Picked, Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.pruning.scored import Scored

GridKind: TypeAlias = Literal["classes", "sizes", "seeds", "inits", "methods"]

KINDS: dict[GridKind, str] = {
    "classes": "Classes",
    "sizes": "Minibatch sizes",
    "seeds": "Seeds",
    "inits": "Initial weights",
    "methods": "Methods",
}
"""What the columns can differ in, with labels."""

SUFFIXES = {".png": "Picture", ".npz": "NumPy arrays", ".csv": "Table of means"}
"""Extensions of the files that a grid is written to, with labels."""

PAPER_SPARSITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
PAPER_SIZES = (1, 10, 100, 1000, 10_000)
_NUM_SEEDS = 5


@dataclass(frozen=True, slots=True)
class Variant:
    """A column: its heading, and the recipe to score."""

    label: str
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class GridSpec:
    """The contents of a grid: the sparsities of its rows, ascending, and its columns."""

    kind: GridKind
    sparsities: tuple[float, ...]
    variants: tuple[Variant, ...]

    def tile_recipe(self, row: int, column: int) -> Recipe:
        """Return the recipe of a tile."""
        recipe = self.variants[column].recipe
        pruning = msgspec.structs.replace(recipe.pruning, sparsity=self.sparsities[row])
        return msgspec.structs.replace(recipe, pruning=pruning)


@dataclass(frozen=True, slots=True, eq=False)
class GridColumn:
    """One variant at every sparsity.

    Attributes
    ----------
    maps_RCHW
        float32, kept fraction of each pixel's connections.
    kept
        By row, the kept fraction of each layer.
    """

    maps_RCHW: NDArray[np.float32]
    kept: tuple[dict[str, float], ...]

    def tile(self, row: int) -> NDArray[np.float32]:
        """Return a tile (H, W) for display: averaged over channels, divided by its maximum."""
        tile_HW: NDArray[np.float32] = self.maps_RCHW[row].mean(axis=0)
        high = float(tile_HW.max())
        return tile_HW / high if high > 0 else tile_HW


def make_spec(
    kind: GridKind,
    recipe: Recipe,
    labels_N: NDArray[np.int64],
    classes: Sequence[str],
    sparsities: Sequence[float] = PAPER_SPARSITIES,
) -> GridSpec:
    """Return the grid of a recipe.

    Parameters
    ----------
    labels_N
        Labels of the images to draw from, without the validation split.

    Raises
    ------
    UserError
        If no sparsity is given, or one is not from 0 to below 1.
    """
    rows = tuple(sorted(set(sparsities)))
    if not rows or rows[0] < 0 or rows[-1] >= 1:
        raise UserError(
            "Enter at least one sparsity, in percent, from 0 to below 100.",
            "For example: 10 50 90 99.",
        )
    makers = {
        "classes": lambda: _vary_classes(recipe, labels_N, classes),
        "sizes": lambda: _vary_sizes(recipe, labels_N, classes),
        "seeds": lambda: _vary_seeds(recipe),
        "inits": lambda: _vary_inits(recipe),
        "methods": lambda: _vary_methods(recipe),
    }
    return GridSpec(kind, rows, tuple(makers[kind]()))


def make_column(scored: Scored, sparsities: Sequence[float]) -> GridColumn:
    """Return the column of a scored variant.

    Raises
    ------
    UserError
        If the network has no input map; the message gives the reason.
    """
    maps, kept = [], []
    for sparsity in sparsities:
        num_kept = max(1, scored.num_kept_at(sparsity))
        found = scored.input_fractions(num_kept)
        if isinstance(found, str):
            raise UserError(
                found.partition("\n")[0], "Choose a network with an input map, such as a LeNet."
            )
        maps.append(found.astype(np.float32))
        kept.append({row.layer: 1 - row.sparsity for row in scored.layer_rows(num_kept)})
    maps_RCHW = np.stack(maps)
    maps_RCHW.flags.writeable = False
    return GridColumn(maps_RCHW, tuple(kept))


def _count_images(recipe: Recipe) -> int:
    """Return how many images the recipe scores."""
    minibatch = recipe.minibatch
    if isinstance(minibatch, Picked):
        return max(1, len(minibatch.indices) + len(minibatch.images))
    return minibatch.size


def _vary_classes(
    recipe: Recipe, labels_N: NDArray[np.int64], classes: Sequence[str]
) -> list[Variant]:
    """Images of a single class, as many as the recipe scores or the class has."""
    counts = np.bincount(labels_N, minlength=len(classes))
    size, before = _count_images(recipe), recipe.minibatch
    written = before.classes if isinstance(before, Draw) and len(before.classes) == 1 else ()
    drawn = class_positions(written, classes)
    variants = []
    for at in natural_order(classes):
        if counts[at] > 0:
            # If it is the recipe's own class, keep its spelling, so that the column is the recipe
            # itself.
            chosen = written if drawn == (at,) else (class_choice(at, classes),)
            draw = Draw(classes=chosen, size=min(size, int(counts[at])))
            variants.append(Variant(classes[at], _with(recipe, minibatch=draw)))
    return variants


def _vary_sizes(
    recipe: Recipe, labels_N: NDArray[np.int64], classes: Sequence[str]
) -> list[Variant]:
    """Draws of the paper's sizes (figure 3), from the recipe's classes."""
    before = recipe.minibatch
    chosen = before.classes if isinstance(before, Draw) else ()
    labels = class_positions(chosen, classes)
    number = int(np.isin(labels_N, labels).sum()) if chosen else len(labels_N)
    needed = max(1, recipe.pruning.for_minibatch().num_batches)
    sizes = [size for size in PAPER_SIZES if size * needed <= number]
    return [
        Variant(
            f"{size:,}",
            _with(
                recipe,
                minibatch=Draw(classes=chosen, size=size),
                pruning=recipe.pruning.for_minibatch(),
            ),
        )
        for size in sizes
    ]


def _vary_seeds(recipe: Recipe) -> list[Variant]:
    """Different initial weights and minibatches, by seed."""
    seeds = range(recipe.seed, recipe.seed + _NUM_SEEDS)
    return [Variant(f"seed {seed}", _with(recipe, seed=seed)) for seed in seeds]


def _vary_inits(recipe: Recipe) -> list[Variant]:
    """Every initialisation scheme."""
    return [
        Variant(label, _with(recipe, model=msgspec.structs.replace(recipe.model, init=value)))
        for value, label in field("model.init").choices
    ]


def _vary_methods(recipe: Recipe) -> list[Variant]:
    """Every method that has masks before training, including figure 6's signed gradient."""
    raw = msgspec.to_builtins(recipe)
    return [
        Variant(
            method.title,
            from_builtins(raw | {"pruning": switch_method(raw["pruning"], method.name)}),
        )
        for method in METHODS
        if method.masks_for != "training"
    ]


def _with(recipe: Recipe, **changes: object) -> Recipe:
    return msgspec.structs.replace(recipe, **changes)


@dataclass(frozen=True)
class GridColumnDone(Event):
    """A column of a grid of input maps, by index."""

    number: int
    column: GridColumn
