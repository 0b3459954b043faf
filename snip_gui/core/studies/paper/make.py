"""Makes the studies of the paper from a recipe, whose network and training they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.json import with_value
from snip_gui.core.studies.errors import Arm, ErrorStudy
from snip_gui.core.studies.field.trained import make_minibatch_sizes
from snip_gui.core.studies.figures.figure import PERCENT
from snip_gui.core.studies.paper.published import (
    TABLE_1,
    TABLE_2,
    TABLE_3,
    figure_1,
    from_paper,
    reproduced,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions

UNPRUNED = "unpruned"


def make_table_1(recipe: Recipe, options: StudyOptions) -> ErrorStudy:
    """Return table 1: the sparsities that the paper gives for SNIP on a LeNet."""
    published = TABLE_1.get(recipe.model.name)
    if published is None:
        raise _other_network("Table 1", TABLE_1)
    errors = {s: e if _is_on(recipe, "mnist") else None for s, e in published.items()}
    return ErrorStudy(
        "What does pruning with SNIP cost in test error? (table 1)",
        tuple(_arm(recipe, sparsity, error, "table 1") for sparsity, error in errors.items()),
        options.seeds,
        baseline=UNPRUNED,
        remark=_remark(recipe, "mnist"),
        x_label="fraction removed",
        x_form=PERCENT,
    )


def make_table_2(recipe: Recipe, options: StudyOptions) -> ErrorStudy:
    """Return a row of table 2: the recipe's network, unpruned and at the paper's sparsity."""
    row = TABLE_2.get(recipe.model.name)
    if row is None:
        raise _other_network("Table 2", TABLE_2)
    data = "mnist" if recipe.model.name.startswith(("lstm", "gru")) else "cifar-10"
    sparsity, *errors = row
    arms = [
        _arm(recipe, value, error if _is_on(recipe, data) else None, "table 2")
        for value, error in zip((0.0, sparsity), errors, strict=True)
    ]
    return ErrorStudy(
        "What does pruning with SNIP cost in test error? (table 2)",
        tuple(arms),
        options.seeds,
        baseline=UNPRUNED,
        remark=_remark(recipe, data),
        x_label="fraction removed",
        x_form=PERCENT,
    )


def make_table_3(recipe: Recipe, options: StudyOptions) -> ErrorStudy:
    """Return table 3: initialisations of the network that is scored, at 90 %.

    In the paper the trained weights are always Glorot's; here they are of the same kind as the
    scored ones.
    """
    published = TABLE_3.get(recipe.model.name, {}) if _is_on(recipe, "mnist") else {}
    pruned = with_value(recipe, "pruning.sparsity", 0.9)
    labels = {"variance-scaling": "Variance scaling", "glorot": "Glorot", "he": "He"}
    return ErrorStudy(
        "Does the initialisation matter for SNIP? (table 3)",
        tuple(
            Arm(label, with_value(pruned, "model.init", name),
                from_paper(published.get(name), "table 3"))
            for name, label in labels.items()
        ),
        options.seeds,
        baseline="Glorot",
        remark="In the paper only the scored weights differ, and the trained ones are Glorot's; "
        "here both have the same initialisation.",
    )  # fmt: skip


def make_figure_3(recipe: Recipe, options: StudyOptions) -> ErrorStudy:
    """Return figure 3: sizes of the minibatch at 90 %."""
    return make_minibatch_sizes(with_value(recipe, "pruning.sparsity", 0.9), options)


def make_figure_1(recipe: Recipe, options: StudyOptions) -> ErrorStudy:
    """Return figure 1: the test error from no pruning to 90 %, in steps of 10 %."""
    published = figure_1(recipe.model.name) if _is_on(recipe, "mnist") else {}
    sparsities = [round(0.1 * step, 1) for step in range(10)]
    return ErrorStudy(
        "How does the test error depend on the sparsity? (figure 1)",
        tuple(_arm(recipe, s, published.get(s), "figure 1") for s in sparsities),
        options.seeds,
        baseline=UNPRUNED,
        remark=_remark(recipe, "mnist"),
        x_label="fraction removed",
        x_form=PERCENT,
    )


def _arm(recipe: Recipe, sparsity: float, error: float | None, where: str) -> Arm:
    label = f"{sparsity_text(sparsity)} removed" if sparsity else UNPRUNED
    pruned = with_value(recipe, "pruning.sparsity", sparsity)
    published = from_paper(error, where)
    if published:  # of the same data and method
        published += reproduced(recipe.model.name, sparsity)
    return Arm(label, pruned, published, x=sparsity)


def _is_on(recipe: Recipe, data: str) -> bool:
    """Return whether a recipe uses a data set and SNIP, as the paper does."""
    return recipe.data.name == data and recipe.pruning.method == "snip"


def _remark(recipe: Recipe, data: str) -> str:
    if _is_on(recipe, data):
        return "The paper's schedule is longer: --preset paper."
    return f"The published errors are those of SNIP on {data}, so none stand beside these."


def _other_network(table: str, networks: Iterable[str]) -> UserError:
    return UserError(
        f"{table} of the paper does not have this network.",
        f"Choose one of {', '.join(networks)}.",
        field="model.name",
    )
