"""Lottery tickets and random tickets beside SNIP."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.json import with_value
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.errors import Arm, ErrorAnswer, ErrorStudy
from snip_gui.core.studies.figures.figure import PERCENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions
    from snip_gui.core.studies.running import RunResult

UNPRUNED = "unpruned"
SPARSITIES = (0.9, 0.95, 0.98)


@dataclass(frozen=True)
class TicketStudy(ErrorStudy):
    """Errors, and how soon each network is at its best."""

    def answer(self, results: Sequence[RunResult | None]) -> TicketAnswer:
        """Return errors and steps; raises `UserError` without any."""
        found = super().answer(results)
        return TicketAnswer(found.study, found.arms, found.num_missing)


@dataclass(frozen=True, eq=False)
class TicketAnswer(ErrorAnswer):
    """Errors, and the steps at which the validation error is lowest."""

    @property
    def parts(self) -> tuple[tuple[str, Table], ...]:
        """The kept fractions, and how soon and after how many steps each network is at its best."""
        rows = []
        for one in self.arms:
            results = one.results.values()
            best = [result.best_step for result in results if result.best_step is not None]
            steps = statistics.fmean(result.num_steps for result in results)
            rows.append(
                (one.label, f"{statistics.fmean(best):,.0f}" if best else "", f"{steps:,.0f}")
            )
        headers = ("", "step of lowest validation error, in the last round", "steps of all rounds")
        return (*super().parts, ("How soon", Table(headers, tuple(rows))))


def make_lottery_ticket(recipe: Recipe, options: StudyOptions) -> TicketStudy:
    """Compare the winning tickets of iterative magnitude pruning with SNIP.

    After Frankle & Carbin 2019 (arXiv:1803.03635).
    """
    of_weights = with_value(recipe, "pruning.prunable", "weights")
    snip = with_value(of_weights, "pruning.method", "snip")
    arms = [Arm(UNPRUNED, with_value(snip, "pruning.sparsity", 0.0), (), 1.0, UNPRUNED)]
    for name, series in (("snip", "SNIP"), ("imp", "lottery ticket")):
        one = with_value(of_weights, "pruning.method", name)
        arms += [
            Arm(
                f"{series}, {sparsity_text(sparsity)} removed",
                with_value(one, "pruning.sparsity", sparsity),
                (),
                1 - sparsity,
                series,
            )
            for sparsity in options.sparsities or SPARSITIES
        ]
    return TicketStudy(
        "How good is a sparse network that is found by training, rather than by SNIP?",
        tuple(arms),
        options.seeds,
        baseline=UNPRUNED,
        remark="Published (arXiv:1803.03635, LeNet-300-100 with Adam, 20% of the weights removed a "
        "round): tickets are as good as the unpruned network down to 3.6% kept, 0.3 points better "
        "at 13.5%, and at their best 38% sooner at 21%. Here there are fewer rounds, each of which "
        "removes more.",
        x_label="fraction kept",
        x_form=PERCENT,
        is_x_log=True,
    )


def make_random_tickets(recipe: Recipe, options: StudyOptions) -> ErrorStudy:
    """Compare SNIP with random masks that have given numbers of connections in each layer.

    After Su et al. 2020 (arXiv:2009.11094).
    """
    of_weights = with_value(recipe, "pruning.prunable", "weights")
    ticket = with_value(of_weights, "pruning.method", "random-ticket")
    return ErrorStudy(
        "Are the numbers that SNIP keeps in each layer enough, with other connections?",
        (
            Arm("SNIP", with_value(of_weights, "pruning.method", "snip")),
            Arm("random, SNIP's numbers", with_value(ticket, "pruning.ratios", "snip")),
            Arm("random, smart ratio", with_value(ticket, "pruning.ratios", "smart")),
            Arm("random, ERK", with_value(of_weights, "pruning.method", "erk")),
            Arm("random, uniform", with_value(of_weights, "pruning.method", "uniform")),
        ),
        options.seeds,
        baseline="SNIP",
        remark="Published (arXiv:2009.11094): on CIFAR, random tickets lose nothing against the "
        "masks of SNIP and GraSP.",
    )
