"""Layer collapse: the sparsity at which the network falls apart, and what is still connected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.json import with_value
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.errors import Arm, ErrorAnswer, ErrorStudy
from snip_gui.core.studies.figures.figure import PERCENT
from snip_gui.core.studies.intervals import mean_interval
from snip_gui.core.studies.measuring import MeasuringWork
from snip_gui.core.studies.words import interval_text

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions
    from snip_gui.core.studies.running import RunResult

SPARSITIES = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999)


class Connected(msgspec.Struct, frozen=True):
    """What is connected under a mask.

    Attributes
    ----------
    num_kept
        Number of connections that are kept.
    num_on_paths
        How many of them lie on a path to an output; None if the network cannot be followed.
    num_reached, num_outputs
        Number of outputs that some input reaches, and of all outputs.
    """

    num_kept: int
    num_on_paths: int | None
    num_reached: int | None
    num_outputs: int


class ConnectedAt(msgspec.Struct, frozen=True):
    """What is connected at each sparsity of `SPARSITIES`."""

    levels: tuple[Connected, ...]


def measure_connected(
    _bench: Workbench, scored: Scored, cancel: CancelToken
) -> Generator[Event, None, ConnectedAt]:
    """Follow the kept connections at every sparsity; raises `Cancelled` if cancelled meanwhile."""
    levels = []
    for number, sparsity in enumerate(SPARSITIES):
        yield Progress("Following connections", number, len(SPARSITIES))
        cancel.raise_if_cancelled()
        num_kept = scored.num_kept_at(sparsity)
        reach, on_paths = scored.followed(num_kept)
        levels.append(
            Connected(
                num_kept,
                None if reach is None else sum(on_paths.values()),
                None if reach is None else reach.num_reached,
                0 if reach is None else reach.num_outputs,
            )
        )
    return ConnectedAt(tuple(levels))


@dataclass(frozen=True)
class CollapseStudy(ErrorStudy):
    """Sparsities times seeds, trained; the masks of each seed are followed as well."""

    @property
    def num_works(self) -> int:
        """Number of runs, and a measurement for each seed."""
        return super().num_works + len(self.seeds)

    def make_works(self, runs_folder: Path, environment: Environment) -> tuple[Any, ...]:
        """Return the measurements, which are quick, and the runs."""
        return (
            *(
                MeasuringWork(
                    recipe=with_value(self.arms[0].recipe, "seed", seed),
                    label=f"connections, seed {seed}",
                    measure="snip_gui.core.studies.field.collapse:measure_connected",
                    kind=ConnectedAt,
                    runs_folder=runs_folder,
                    environment=environment,
                )
                for seed in self.seeds
            ),
            *super().make_works(runs_folder, environment),
        )

    def answer(self, results: Sequence[Any]) -> CollapseAnswer:
        """Return errors and connections; raises `UserError` without any run."""
        number = len(self.seeds)
        runs: Sequence[RunResult | None] = results[number:]
        found = super().answer(runs)
        connected = tuple(one for one in results[:number] if one is not None)
        return CollapseAnswer(found.study, found.arms, found.num_missing, connected)


@dataclass(frozen=True, eq=False)
class CollapseAnswer(ErrorAnswer):
    """Errors, and what is connected with each seed."""

    connected: tuple[ConnectedAt, ...] = ()

    @property
    def sentence(self) -> str:
        """The answer in words."""
        return " ".join(filter(None, (super().sentence, self._first_cut, self._first_emptied)))

    @property
    def _first_cut(self) -> str:
        """The lowest sparsity at which some output is cut off."""
        for place, sparsity in enumerate(SPARSITIES):
            cut = [
                one.levels[place].num_outputs - reached
                for one in self.connected
                if (reached := one.levels[place].num_reached) is not None
            ]
            if any(cut):
                seeds = sum(number > 0 for number in cut)
                return (
                    f"From {sparsity_text(sparsity)} on, some output is not connected to any input "
                    f"(with {seeds} of {len(cut)} seeds)."
                )
        return ""

    @property
    def _first_emptied(self) -> str:
        """The lowest sparsity at which a layer is empty."""
        for one in self.arms:
            emptied = [
                layer
                for result in one.results.values()
                for layer, (kept, _) in result.layers.items()
                if not kept
            ]
            if emptied:
                names = ", ".join(dict.fromkeys(emptied))
                return f"The first layer without any connection is {names}, at {one.label}."
        return "No layer is emptied."

    @property
    def parts(self) -> tuple[tuple[str, Table], ...]:
        """The kept fractions of layers, and what is still connected."""
        rows = []
        for place, sparsity in enumerate(SPARSITIES):
            levels = [one.levels[place] for one in self.connected]
            known = [level for level in levels if level.num_reached is not None]
            if not known:
                continue
            number = len(known)
            reached = mean_interval([float(level.num_reached or 0) for level in known])
            on_paths = mean_interval([float(level.num_on_paths or 0) for level in known])
            rows.append(
                (
                    sparsity_text(sparsity),
                    f"{known[0].num_kept:,}",
                    interval_text(on_paths, ",.0f", number),
                    f"{interval_text(reached, '.1f', number)} of {known[0].num_outputs}",
                )
            )
        headers = ("removed", "kept", "of them on a path", "outputs that an input reaches")
        connected = (("What is connected", Table(headers, tuple(rows))),) if rows else ()
        return (*super().parts, *connected)


def make_layer_collapse(recipe: Recipe, options: StudyOptions) -> CollapseStudy:
    """Compare sparsities up to those at which a layer has no connection."""
    return CollapseStudy(
        "At which sparsity does the network fall apart, and which layer goes first?",
        tuple(
            Arm(
                sparsity_text(sparsity),
                with_value(recipe, "pruning.sparsity", sparsity),
                x=1 - sparsity,
            )
            for sparsity in SPARSITIES
        ),
        options.seeds,
        x_label="fraction kept",
        x_form=PERCENT,
        is_x_log=True,
    )
