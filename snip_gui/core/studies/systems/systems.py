"""Pruning systems on one network, one data set and one budget (paper, table 1).

Systems whose sparsity is an outcome are compared at several values of a setting of their own, and
stand where they land.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.fields import field
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.presets import with_optimizer
from snip_gui.core.recipe.recipe import without_edits
from snip_gui.core.studies.errors import Arm, ErrorStudy
from snip_gui.core.studies.systems.answer import SystemsAnswer
from snip_gui.core.studies.systems.published import find_published

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions
    from snip_gui.core.studies.running import RunResult

UNPRUNED = "unpruned"
ALL = "all"
SPARSITIES = (0.9, 0.95, 0.98)
_FEWEST_PASSES = 2


@dataclass(frozen=True)
class SystemsStudy(ErrorStudy):
    """Systems, each at the sparsities or settings that can be chosen for it."""

    def answer(self, results: Sequence[RunResult | None]) -> SystemsAnswer:
        """Return errors and costs; raises `UserError` without any."""
        found = super().answer(results)
        return SystemsAnswer(found.study, found.arms, found.num_missing)


def system_names() -> tuple[str, ...]:
    """Return the names of SNIP and of all methods that prune while training."""
    return ("snip", *(method.name for method in METHODS if method.masks_for == "training"))


def make_systems(recipe: Recipe, options: StudyOptions) -> SystemsStudy:
    """Return the study of the chosen methods, or of SNIP and all that prune while training.

    The recipe's own method keeps its settings; others have their defaults. A method that needs
    another optimizer than the recipe's is trained with that.

    Raises
    ------
    UserError
        If a method does not exist, or a setting does not fit it.
    """
    if options.passes and options.passes < _FEWEST_PASSES:
        raise UserError(
            f"{options.passes} passes are too few for training, pruning and retraining.",
            f"Choose at least {_FEWEST_PASSES}.",
        )
    names = system_names() if options.methods in ((), (ALL,)) else options.methods
    recipe = without_edits(recipe)  # most systems move their masks, so none can have edits
    unpruned = _within(_of(recipe, "snip"), options.passes)
    arms = [Arm(UNPRUNED, with_value(unpruned, "pruning.sparsity", 0.0))]
    for name in names:
        if name not in METHODS.names:
            raise UserError(
                f"There is no pruning method “{name}”.",
                f"Choose from {', '.join(METHODS.names)}, or {ALL}.",
            )
        arms += _arms(recipe, name, options)
    return SystemsStudy(
        "What do pruning systems cost, and what do they keep of the accuracy?",
        tuple(arms),
        options.seeds,
        baseline=UNPRUNED,
        remark=_remark(arms, recipe, options.passes),
    )


def has_outcome(name: str) -> bool:
    """Return whether the sparsity of a method is an outcome, so that its default is none."""
    return METHODS[name].spec().sparsity == 0


def _arms(recipe: Recipe, name: str, options: StudyOptions) -> Iterator[Arm]:
    """Yield the arms of a method."""
    method = METHODS[name]
    one = _within(_of(recipe, name), options.passes)
    if not has_outcome(name):
        for sparsity in options.sparsities or SPARSITIES:
            yield Arm(
                f"{method.title}, {sparsity_text(sparsity)}",
                with_value(one, "pruning.sparsity", sparsity),
                find_published(one, sparsity) or find_published(one, None),
            )
    elif method.sweep is None or recipe.pruning.method == name:
        yield Arm(method.title, one, find_published(one, None))
    else:
        path = f"pruning.{method.sweep.setting}"
        label = field(path).label
        for value in method.sweep.values:
            text = " ".join(f"{x:g}" for x in (value if isinstance(value, tuple) else (value,)))
            arm = with_value(one, path, value)
            yield Arm(f"{method.title}, {label} = {text}", arm, find_published(one, None))


def _of(recipe: Recipe, name: str) -> Recipe:
    """Return the recipe with a method and the optimizer that it needs."""
    method = METHODS[name]
    if recipe.pruning.method != name:
        recipe = msgspec.structs.replace(recipe, pruning=method.spec())
    if method.optimizer and recipe.training.optimizer == "sgd":
        recipe = with_optimizer(recipe, method.optimizer)
    return recipe


def _within(recipe: Recipe, passes: int) -> Recipe:
    """Return the recipe with its phases fitted to a number of passes; as it is for 0."""
    if not passes:
        return recipe
    spec, epochs = recipe.pruning.share_passes(passes)
    training = msgspec.structs.replace(recipe.training, epochs=epochs)
    return msgspec.structs.replace(recipe, pruning=spec, training=training)


def _remark(arms: Sequence[Arm], recipe: Recipe, passes: int) -> str:
    """Return what has to be known about the numbers."""
    parts = []
    others = {METHODS[a.recipe.pruning.method].title: a for a in arms}
    optimizer = recipe.training.optimizer
    moved = [title for title, a in others.items() if a.recipe.training.optimizer != optimizer]
    if moved:
        parts.append(f"Trained with Adam, which they need: {', '.join(moved)}.")
    if passes:
        parts.append(
            f"Every system may pass over the training images {passes:,} times, all phases "
            "together; published schedules are mostly longer."
        )
    parts.append(
        "Published errors are quoted as printed; their dense networks and schedules differ."
    )
    return " ".join(parts)
