"""Pruning systems on one network, one data set and one budget (paper, table 1).

Systems whose sparsity is an outcome stand where they land. Costs are counted in training steps, of
which a system that trains before it prunes needs several times as many, and in settings of its own
that somebody has to choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import METHODS, Snip
from snip_gui.core.recipe.recipe import without_edits
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.errors import Arm, ErrorAnswer, ErrorStudy
from snip_gui.core.studies.systems.published import find_published
from snip_gui.core.studies.words import points_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions
    from snip_gui.core.studies.errors import ArmErrors
    from snip_gui.core.studies.running import RunResult

UNPRUNED = "unpruned"
SPARSITIES = (0.9, 0.95, 0.98)


@dataclass(frozen=True)
class SystemsStudy(ErrorStudy):
    """Systems, each at the sparsities that can be chosen for it."""

    def answer(self, results: Sequence[RunResult | None]) -> SystemsAnswer:
        """Return errors and costs; raises `UserError` without any."""
        found = super().answer(results)
        return SystemsAnswer(found.study, found.arms, found.num_missing)


@dataclass(frozen=True, eq=False)
class SystemsAnswer(ErrorAnswer):
    """Errors and costs of the systems."""

    @property
    def overview(self) -> Table:
        """Kept fraction, error, cost and published errors of each system."""
        baseline = next((one for one in self.arms if one.label == UNPRUNED), None)
        rows = []
        for one in self.arms:
            results = list(one.results.values())
            kept = sum(1 - result.sparsity for result in results) / len(results)
            steps = sum(result.num_steps for result in results) / len(results)
            found = None if baseline is None or one is baseline else one.difference(baseline)
            rows.append(
                (
                    one.label,
                    f"{kept:.2%}",
                    one.text,
                    "" if found is None else points_text(*found),
                    f"{steps:,.0f}",
                    "" if one is baseline else f"{_num_settings(one)}",
                    "; ".join(f"{p.error:.2%} ({p.source})" for p in one.arm.published) or "none",
                )
            )
        headers = ("system", "kept", "test error", "difference from unpruned", "training steps",
                   "settings", "published")  # fmt: skip
        return Table(headers, tuple(rows))

    @property
    def table(self) -> Table:
        """Every run, with its training steps."""
        runs = super().table
        steps = [f"{result.num_steps}" for one in self.arms for result in one.results.values()]
        rows = tuple((*row, count) for row, count in zip(runs.rows, steps, strict=True))
        return Table((*runs.headers, "training steps"), rows)


def _num_settings(one: ArmErrors) -> int:
    """Return the number of settings that only this method has."""
    spec = type(one.arm.recipe.pruning)
    return len(set(spec.__struct_fields__) - set(Snip.__struct_fields__))


def make_systems(recipe: Recipe, options: StudyOptions) -> SystemsStudy:
    """Return the study of the chosen methods, or of SNIP and all that prune while training.

    Raises
    ------
    UserError
        If a method does not exist, or a setting does not fit it.
    """
    names = options.methods or (
        "snip",
        *(method.name for method in METHODS if method.masks_for == "training"),
    )
    recipe = without_edits(recipe)  # most systems move their masks, so none can have edits
    arms = [Arm(UNPRUNED, with_value(_of(recipe, "snip"), "pruning.sparsity", 0.0))]
    for name in names:
        if name not in METHODS.names:
            raise UserError(
                f"There is no pruning method “{name}”.", f"Choose from {', '.join(METHODS.names)}."
            )
        one, title = _of(recipe, name), METHODS[name].title
        if has_outcome(name):
            arms.append(Arm(title, one, find_published(one, None)))
        else:
            arms += [
                Arm(
                    f"{title}, {sparsity_text(sparsity)}",
                    with_value(one, "pruning.sparsity", sparsity),
                    find_published(one, sparsity),
                )
                for sparsity in options.sparsities or SPARSITIES
            ]
    return SystemsStudy(
        "What do pruning systems cost, and what do they keep of the accuracy?",
        tuple(arms),
        options.seeds,
        baseline=UNPRUNED,
        remark="Published errors are quoted as printed; their dense networks and schedules differ.",
    )


def has_outcome(name: str) -> bool:
    """Return whether the sparsity of a method is an outcome, so that its default is none."""
    return METHODS[name].spec().sparsity == 0


def _of(recipe: Recipe, name: str) -> Recipe:
    """Return the recipe with a method's own defaults, if it is not the recipe's own method."""
    if recipe.pruning.method == name:
        return recipe
    return msgspec.structs.replace(recipe, pruning=METHODS[name].spec())
