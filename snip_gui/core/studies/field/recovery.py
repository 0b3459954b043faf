"""One-shot damage and recovery: a trained network right after pruning, and after retraining.

Published in table 1 of Dong, Chen & Pan (2017, L-OBS) for LeNet-300-100, with 8 % kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.json import with_value
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.figures.figure import PERCENT, Chart, Series
from snip_gui.core.studies.from_runs import RunsWork, make_runs
from snip_gui.core.studies.intervals import Interval, fraction_interval
from snip_gui.core.studies.study import Answer, Beside
from snip_gui.core.studies.words import interval_text

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions
    from snip_gui.core.studies.inputs import Inputs
    from snip_gui.core.studies.running import RunWork

SPARSITIES = (0.8, 0.9, 0.92, 0.95, 0.98)
CRITERIA = {
    "magnitude": "smallest weights removed",
    "sensitivity": "least sensitive removed (SNIP)",
    "random": "random ones removed",
}
PUBLISHED_AT = 0.92
PUBLISHED = {
    "magnitude": "81.32% → 1.95% (Han's rule, L-OBS table 1)",
    "random": "85.72% → 2.25% (L-OBS table 1)",
}
"""Errors before and after retraining of LeNet-300-100 on MNIST with 8 % kept; dense 1.76 %."""

_RATE = 0.1  # of the learning rate, while retraining (Han et al. 2015)


class Damage(msgspec.Struct, frozen=True):
    """Test errors of a pruned network, as fractions."""

    criterion: str
    sparsity: float
    before: float
    after: float


class Damages(msgspec.Struct, frozen=True):
    """Those of a trained network, whose own error is ``dense``."""

    dense: float
    damages: tuple[Damage, ...]
    num_steps: int


def measure_damage(
    runs: Sequence[RunWork], inputs: Inputs, cancel: CancelToken
) -> Generator[Event, None, Damages]:
    """Prune a trained network once, in several ways, and retrain it for one epoch.

    Raises
    ------
    UserError
        If the run cannot be read, or retraining diverges.
    Cancelled
        If cancelled meanwhile.
    """
    from snip_gui.core.graph.layout import num_kept_at
    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.ranking import rank_scores
    from snip_gui.core.pruning.workbench import build_workbench
    from snip_gui.core.runs.network import read_network
    from snip_gui.core.training.loop import Trainer

    (run,) = runs
    trained = read_network(run.folder, inputs.environment.trusted_code).network.state_dict()
    bench = build_workbench(run.recipe, inputs.environment, inputs.images)
    training = msgspec.structs.replace(
        run.recipe.training,
        epochs=1,
        learning_rate=_RATE * run.recipe.training.learning_rate,
        decay_at=(),
        schedule="steps",
    )
    train, test = bench.training_batches(), bench.batches("test")
    layout, dense, damages, num_steps = bench.prunable.layout, 0.0, [], 0
    for number, criterion in enumerate(("", *CRITERIA)):
        bench.model.load_state_dict(trained)
        scores = _scores(bench, criterion)
        ranking = rank_scores(scores, layout)
        for sparsity in SPARSITIES if criterion else (0.0,):
            yield Progress("Pruning the trained network", number, len(CRITERIA) + 1)
            bench.model.load_state_dict(trained)
            masks = ranking.mask_at(num_kept_at(sparsity, layout.num_parameters))
            trainer = Trainer(
                masked=MaskedModel(bench.model, bench.prunable, masks),
                train=train,
                held_out={"test": test},
                training=training,
                seed=run.recipe.seed,
            )
            num_steps, errors = trainer.num_steps, []
            for points in trainer.run():
                cancel.raise_if_cancelled()
                errors += [point.error for point in points if point.split == "test"]
                if not criterion and errors:
                    break
            if criterion:
                damages.append(Damage(criterion, sparsity, errors[0], errors[-1]))
            else:
                dense = errors[0]
    return Damages(dense, tuple(damages), num_steps)


def _scores(bench: Workbench, criterion: str) -> NDArray[np.float32]:
    """Return the score of each connection (M) of a trained network; the highest are kept."""
    from snip_gui.core.base.seeding import numpy_stream
    from snip_gui.core.pruning.sensitivity import connection_sensitivity, flat_weights

    if criterion == "sensitivity":
        _, images, labels = bench.minibatch
        return connection_sensitivity(bench.model, bench.prunable, images, labels).sensitivity_M
    if criterion == "random":
        generator = numpy_stream(bench.recipe.seed, "mask")
        return 1 - generator.random(bench.prunable.layout.num_parameters, "float32")
    return abs(flat_weights(bench.prunable))


@dataclass(frozen=True)
class RecoveryStudy:
    """The unpruned network of a recipe with several seeds."""

    recipe: Recipe
    seeds: tuple[int, ...]
    question = "How much does pruning a trained network damage it, and how soon does it recover?"
    unit = "networks"

    @property
    def num_works(self) -> int:
        """Number of seeds."""
        return len(self.seeds)

    def make_works(self, runs_folder: Path, environment: Environment) -> tuple[RunsWork, ...]:
        """Return a measurement for each seed."""
        recipes = [(f"unpruned, seed {s}", with_value(self.recipe, "seed", s)) for s in self.seeds]
        return tuple(
            RunsWork(
                runs=(run,),
                label=f"seed {seed}",
                measure="snip_gui.core.studies.field.recovery:measure_damage",
                kind=Damages,
                runs_folder=runs_folder,
                environment=environment,
            )
            for seed, run in zip(
                self.seeds, make_runs(recipes, runs_folder, environment), strict=True
            )
        )

    def answer(self, results: Sequence[Damages | None]) -> RecoveryAnswer:
        """Return the damage over the seeds; raises `UserError` without any."""
        pairs = zip(self.seeds, results, strict=True)
        found = {seed: result for seed, result in pairs if result is not None}
        if not found:
            raise UserError("No network could be measured.", "See the log for what went wrong.")
        is_published = (self.recipe.model.name, self.recipe.data.name) == ("lenet-300-100", "mnist")
        return RecoveryAnswer(found, len(results) - len(found), is_published)


@dataclass(frozen=True, eq=False)
class RecoveryAnswer(Answer):
    """The damage by seed."""

    found: dict[int, Damages]
    num_missing: int
    is_published: bool

    def _interval(self, criterion: str, sparsity: float, when: str) -> Interval:
        return fraction_interval(
            [
                float(getattr(damage, when))
                for one in self.found.values()
                for damage in one.damages
                if (damage.criterion, damage.sparsity) == (criterion, sparsity)
            ]
        )

    @property
    def sentence(self) -> str:
        """The answer in words."""
        number = len(self.found)
        dense = fraction_interval([one.dense for one in self.found.values()])
        steps = next(iter(self.found.values())).num_steps
        parts = [f"The trained network has a test error of {interval_text(dense, '.2%', number)}."]
        for when, words in (
            ("before", f"Right after removing {sparsity_text(PUBLISHED_AT)} of its connections"),
            ("after", f"After {steps:,} steps of retraining"),
        ):
            found = (
                f"{interval_text(self._interval(name, PUBLISHED_AT, when), '.2%', number)} with "
                f"the {label}"
                for name, label in CRITERIA.items()
            )
            parts.append(f"{words}, it is {'; '.join(found)}.")
        if self.num_missing:
            parts.append(f"{self.num_missing:,} networks are missing and left out.")
        if not self.is_published:
            parts.append(
                "Published numbers are of LeNet-300-100 on MNIST, so none stand beside these."
            )
        return " ".join(parts)

    @property
    def overview(self) -> Table:
        """Errors before and after retraining, by criterion and sparsity."""
        number, rows = len(self.found), []
        for criterion, label in CRITERIA.items():
            for sparsity in SPARSITIES:
                before, after = (
                    self._interval(criterion, sparsity, when) for when in ("before", "after")
                )
                published = PUBLISHED.get(criterion) if sparsity == PUBLISHED_AT else None
                row = [
                    label,
                    sparsity_text(sparsity),
                    interval_text(before, ".2%", number),
                    interval_text(after, ".2%", number),
                ]
                rows.append(tuple([*row, published or "none"] if self.is_published else row))
        headers = ["", "removed", "right after pruning", "after retraining"]
        if self.is_published:
            headers.append("published")
        return Table(tuple(headers), tuple(rows))

    @property
    def beside(self) -> tuple[Beside, ...]:
        """The published rows, beside ours."""
        if not self.is_published:
            return ()
        return tuple(
            Beside(
                f"{CRITERIA[criterion]}, {sparsity_text(PUBLISHED_AT)} removed",
                " → ".join(
                    f"{self._interval(criterion, PUBLISHED_AT, when).estimate:.2%}"
                    for when in ("before", "after")
                ),
                text,
                "",
            )
            for criterion, text in PUBLISHED.items()
        )

    @property
    def figure(self) -> Chart:
        """Errors over the fraction kept, before (joined) and after retraining."""
        xs = tuple(1 - sparsity for sparsity in SPARSITIES)
        series = []
        for when, words in (("before", "right after"), ("after", "retrained")):
            for criterion in CRITERIA:
                found = [self._interval(criterion, sparsity, when) for sparsity in SPARSITIES]
                series.append(Series.of(f"{criterion}, {words}", xs, found))
        return Chart(
            "Damage of pruning a trained network, and recovery",
            "fraction kept",
            "test error",
            tuple(series),
            x_form=PERCENT,
            y_form=PERCENT,
            is_x_log=True,
            is_y_log=True,
        )

    @property
    def table(self) -> Table:
        """Every network."""
        headers = ("seed", "criterion", "sparsity", "error after pruning", "error after retraining")
        rows = tuple(
            (
                f"{seed}",
                one.criterion,
                f"{one.sparsity:g}",
                f"{one.before:.6f}",
                f"{one.after:.6f}",
            )
            for seed, found in self.found.items()
            for one in found.damages
        )
        return Table(headers, rows)


def make_recovery(recipe: Recipe, options: StudyOptions) -> RecoveryStudy:
    """Return the study of a recipe's network, which is trained unpruned."""
    dense = with_value(with_value(recipe, "pruning.method", "snip"), "pruning.sparsity", 0.0)
    return RecoveryStudy(dense, options.seeds)
