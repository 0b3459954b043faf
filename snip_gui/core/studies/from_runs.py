"""Measuring trained networks as an item of work, which trains them first. No torch until then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.registry import load_target
from snip_gui.core.recipe.stages import Stage, stage_keys
from snip_gui.core.runs.placing import find_folders
from snip_gui.core.studies.inputs import read_inputs
from snip_gui.core.studies.measuring import KeptMeasure
from snip_gui.core.studies.running import RunWork

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsWork:
    """A measurement of the runs of recipes, which are trained first.

    Attributes
    ----------
    label
        The name shown to the user.
    measure
        Module and generator function; takes the `RunWork` of each run, the `Inputs` and a
        `CancelToken`, yields events, and returns a value of the type of the results.
    kind
        Type of the results, a `msgspec.Struct`.
    """

    runs: tuple[RunWork, ...]
    label: str
    measure: str
    kind: type[Any]
    runs_folder: Path
    environment: Environment

    @property
    def name(self) -> str:
        """The name shown to the user."""
        return self.label

    def is_done(self) -> bool:
        """Return False: what it depends on is known only once the images have been read."""
        return False

    def is_held(self) -> bool:
        """Return whether another program trains one of the runs."""
        return any(run.is_held() for run in self.runs)

    def steps(self, cancel: CancelToken, share: int) -> Generator[Event, None, Any]:
        """Train and measure, or read what was measured before; None if it was stopped.

        Raises
        ------
        UserError
            If a run diverged, or cannot be measured.
        """
        for run in self.runs:
            result = yield from run.steps(cancel, share)
            if result is None:
                return None
            if result.has_diverged:
                raise UserError(
                    f"The run “{run.label}” diverged, so there is nothing to measure.",
                    "Choose a lower learning rate.",
                )
        recipe = self.runs[0].recipe
        inputs = yield from read_inputs(recipe.data, self.environment, share, cancel)
        kept = KeptMeasure(self.runs_folder, self.kind)
        keys = (stage_keys(run.recipe)[Stage.TRAIN] for run in self.runs)
        path = kept.path(inputs, self.measure, *keys)
        if (known := kept.read(path)) is not None:
            return known
        found = yield from load_target(self.measure)(self.runs, inputs, cancel)
        kept.write(path, found)
        return found


def runs_of(works: Sequence[Any]) -> list[RunWork]:
    """Return the runs that items of work train."""
    found = []
    for work in works:
        if isinstance(work, RunWork):
            found.append(work)
        elif isinstance(work, RunsWork):
            found += work.runs
    return found


def make_runs(
    recipes: Sequence[tuple[str, Recipe]], runs_folder: Path, environment: Environment
) -> list[RunWork]:
    """Return the runs of labelled recipes, each in the folder that its recipe has everywhere."""
    folders = find_folders(runs_folder, [recipe for _, recipe in recipes])
    return [
        RunWork(recipe=recipe, label=label, folder=folder, environment=environment)
        for (label, recipe), folder in zip(recipes, folders, strict=True)
    ]
