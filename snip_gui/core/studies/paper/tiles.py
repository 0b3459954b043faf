"""Figures 2, 5 and 6: the input maps of masks from images of a single class each.

A tile shows the fraction kept of each pixel's connections, divided by its own maximum. The paper
prints no numbers; the means of its tiles were computed from the images in its PDF.

Shapes: K scored images, C channels, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.comparing.tile_grid import PAPER_SPARSITIES, Variant, make_column, make_spec
from snip_gui.core.data.minibatch.curation import split_training
from snip_gui.core.recipe.json import with_value
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.figures.figure import Tiles
from snip_gui.core.studies.intervals import mean_interval
from snip_gui.core.studies.measuring import MeasuringWork
from snip_gui.core.studies.paper.published import PAPER, TILE_MEANS
from snip_gui.core.studies.study import Answer, Beside

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions

_LEVELS = 255
_MODULE = "snip_gui.core.studies.paper.tiles"


class Column(msgspec.Struct, frozen=True):
    """The tiles of one minibatch, at each sparsity of `PAPER_SPARSITIES`.

    Attributes
    ----------
    means
        Mean of each tile divided by its maximum.
    tiles
        Each tile (rows of pixels) for display, in 255 steps.
    """

    means: tuple[float, ...]
    tiles: tuple[tuple[tuple[int, ...], ...], ...]


def measure_tiles(
    _bench: Workbench, scored: Scored, cancel: CancelToken
) -> Generator[Event, None, Column]:
    """Make the tiles of a scored minibatch; raises `UserError` if there is no input map."""
    yield Progress("Drawing tiles")
    cancel.raise_if_cancelled()
    return _column(scored)


def measure_inverted_tiles(
    bench: Workbench, scored: Scored, cancel: CancelToken
) -> Generator[Event, None, Column]:
    """Make the tiles of a minibatch whose images are inverted.

    Around the mean of inverted images an inverted image is the negative of the original, so the
    standardised images are negated.

    Raises
    ------
    UserError
        If there is no input map.
    """
    import dataclasses

    from snip_gui.core.methods.one_shot import rank
    from snip_gui.core.pruning.sensitivity import connection_sensitivity

    yield Progress("Scoring inverted images")
    cancel.raise_if_cancelled()
    _, inputs_KCHW, labels_K = bench.minibatch
    found = connection_sensitivity(bench.model, bench.prunable, -inputs_KCHW, labels_K)
    return _column(dataclasses.replace(scored, masks=rank(bench, found.sensitivity_M)))


def _column(scored: Scored) -> Column:
    column = make_column(scored, PAPER_SPARSITIES)
    tiles = [column.tile(row) for row in range(len(PAPER_SPARSITIES))]
    return Column(
        tuple(float(tile_HW.mean()) for tile_HW in tiles),
        tuple(
            tuple(tuple(row) for row in np.rint(tile_HW * _LEVELS).astype(int).tolist())
            for tile_HW in tiles
        ),
    )


@dataclass(frozen=True)
class TilesStudy:
    """One column for each class, times seeds.

    Attributes
    ----------
    number
        Number of the figure in the paper.
    published
        Mean of the paper's tiles at each sparsity; empty for none.
    """

    number: int
    question: str
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    measure: str
    published: tuple[float, ...]
    unit = "columns"

    @property
    def num_works(self) -> int:
        """Number of columns of all seeds."""
        return len(self.variants) * len(self.seeds)

    def make_works(self, runs_folder: Path, environment: Environment) -> tuple[MeasuringWork, ...]:
        """Return the columns, seed by seed."""
        return tuple(
            MeasuringWork(
                recipe=with_value(variant.recipe, "seed", seed),
                label=f"{variant.label}, seed {seed}",
                measure=f"{_MODULE}:{self.measure}",
                kind=Column,
                runs_folder=runs_folder,
                environment=environment,
            )
            for seed in self.seeds
            for variant in self.variants
        )

    def answer(self, results: Sequence[Column | None]) -> TilesAnswer:
        """Return the tiles; raises `UserError` without any."""
        keys = [(seed, variant.label) for seed in self.seeds for variant in self.variants]
        pairs = zip(keys, results, strict=True)
        found = {key: column for key, column in pairs if column is not None}
        if not found:
            raise UserError("There are no tiles.", "See the log for what went wrong.")
        return TilesAnswer(self, found)


@dataclass(frozen=True, eq=False)
class TilesAnswer(Answer):
    """The columns by seed and class."""

    study: TilesStudy
    columns: dict[tuple[int, str], Column]

    def _means(self, row: int) -> list[float]:
        """Return the mean of the tiles of each seed, over its classes."""
        seeds = dict.fromkeys(seed for seed, _ in self.columns)
        return [
            float(np.mean([c.means[row] for (one, _), c in self.columns.items() if one == seed]))
            for seed in seeds
        ]

    @property
    def sentence(self) -> str:
        """The answer in words."""
        ours = [float(np.mean(self._means(row))) for row in range(len(PAPER_SPARSITIES))]
        parts = [
            "The mean of a tile, divided by its maximum, falls from "
            f"{ours[0]:.3f} at {sparsity_text(PAPER_SPARSITIES[0])} to {ours[-1]:.3f} at "
            f"{sparsity_text(PAPER_SPARSITIES[-1])}, on average over the classes."
        ]
        if self.study.published:
            gaps = [a - b for a, b in zip(ours, self.study.published, strict=True)]
            row = max(range(len(gaps)), key=lambda number: abs(gaps[number]))
            parts.append(
                f"The largest difference from the paper's tiles is {gaps[row]:+.3f}, at "
                f"{sparsity_text(PAPER_SPARSITIES[row])}."
            )
        else:
            parts.append(f"For these images no numbers of figure {self.study.number} are known.")
        missing = self.study.num_works - len(self.columns)
        if missing:
            parts.append(f"{missing:,} columns are missing and left out.")
        return " ".join(parts)

    @property
    def overview(self) -> Table:
        """The mean of the tiles of each row, beside the paper's."""
        rows: list[tuple[str, ...]] = []
        for row, sparsity in enumerate(PAPER_SPARSITIES):
            interval = mean_interval(self._means(row))
            all_means = [column.means[row] for column in self.columns.values()]
            cells = [
                sparsity_text(sparsity),
                f"{interval.estimate:.3f}",
                f"{min(all_means):.3f} to {max(all_means):.3f}",
            ]
            if self.study.published:
                paper = self.study.published[row]
                cells += [f"{paper:.3f}", f"{interval.estimate - paper:+.3f}"]
            rows.append(tuple(cells))
        headers: tuple[str, ...] = ("removed", "mean of the tiles", "of single tiles")
        if self.study.published:
            headers = (*headers, "paper", "difference")
        return Table(headers, tuple(rows))

    @property
    def beside(self) -> tuple[Beside, ...]:
        """The rows that the paper has too."""
        return tuple(
            Beside(
                f"mean of the tiles, {sparsity_text(sparsity)} removed",
                f"{float(np.mean(self._means(row))):.3f}",
                f"{paper:.3f} ({PAPER}, figure {self.study.number}, from its images)",
                "",
            )
            for row, (sparsity, paper) in enumerate(
                zip(PAPER_SPARSITIES, self.study.published, strict=False)
            )
        )

    @property
    def figure(self) -> Tiles:
        """The tiles of the first seed."""
        seed = next(iter(self.columns))[0]
        labels = [label for one, label in self.columns if one == seed]
        columns = [self.columns[seed, label] for label in labels]
        places = range(len(PAPER_SPARSITIES))
        return Tiles(
            f"Figure {self.study.number}: kept fraction of each pixel's connections, seed {seed}",
            tuple(sparsity_text(sparsity) for sparsity in PAPER_SPARSITIES),
            tuple(labels),
            tuple(tuple(np.array(c.tiles[row]) / _LEVELS for c in columns) for row in places),
            tuple(tuple(f"{column.means[row]:.3f}" for column in columns) for row in places),
        )

    @property
    def table(self) -> Table:
        """Every tile."""
        headers = ("seed", "class", "sparsity", "tile mean over its maximum")
        rows = tuple(
            (f"{seed}", label, f"{sparsity:g}", f"{mean:.6f}")
            for (seed, label), column in self.columns.items()
            for sparsity, mean in zip(PAPER_SPARSITIES, column.means, strict=True)
        )
        return Table(headers, rows)


def make_figure_2(recipe: Recipe, options: StudyOptions) -> TilesStudy:
    """Return figure 2: the tiles of each class."""
    return _make(2, recipe, options, "Which pixels does SNIP keep for each class?")


def make_figure_5(recipe: Recipe, options: StudyOptions) -> TilesStudy:
    """Return figure 5: the same for inverted images."""
    question = "Which pixels does SNIP keep for each class if the images are inverted?"
    return _make(5, recipe, options, question, "measure_inverted_tiles")


def make_figure_6(recipe: Recipe, options: StudyOptions) -> TilesStudy:
    """Return figure 6: the same by the signed gradient instead of the sensitivity."""
    signed = with_value(recipe, "pruning.method", "signed-gradient")
    return _make(6, signed, options, "Which pixels would the gradient keep for each class?")


def _make(
    number: int,
    recipe: Recipe,
    options: StudyOptions,
    question: str,
    measure: str = "measure_tiles",
) -> TilesStudy:
    images = options.read_images()
    split = split_training(images.train_labels_N, recipe.data.validation_fraction, recipe.seed)
    labels_N = images.train_labels_N[split.train_indices]
    spec = make_spec("classes", recipe, labels_N, images.classes)
    method = "signed-gradient" if number == 6 else "snip"
    is_papers = recipe.model.name == "lenet-300-100" and recipe.pruning.method == method
    published = TILE_MEANS.get((number, recipe.data.name), ()) if is_papers else ()
    return TilesStudy(
        number, f"{question} (figure {number})", spec.variants, options.seeds, measure, published
    )
