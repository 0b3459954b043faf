"""Measuring the scored network of a recipe as an item of work, kept in a small file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import write_bytes
from snip_gui.core.base.json_files import read_json
from snip_gui.core.base.registry import load_target
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.stages import Stage, stage_keys
from snip_gui.core.studies.inputs import read_inputs

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.inputs import Inputs

T = TypeVar("T")

MEASURES_FOLDER = ".measures"  # names that begin with a dot are not listed as runs
_MOST_BYTES = 64_000_000


@dataclass(frozen=True)
class MeasuringStudy:
    """Base of studies that measure a recipe with several seeds.

    Attributes
    ----------
    measure, kind
        See `MeasuringWork`; set by each study.
    """

    recipe: Recipe
    seeds: tuple[int, ...]
    measure: ClassVar[str]
    kind: ClassVar[type[Any]]
    unit: ClassVar[str] = "measurements"

    @property
    def num_works(self) -> int:
        """Number of seeds."""
        return len(self.seeds)

    def make_works(self, runs_folder: Path, environment: Environment) -> tuple[MeasuringWork, ...]:
        """Return a measurement for each seed."""
        return tuple(
            MeasuringWork(
                recipe=with_value(self.recipe, "seed", seed),
                label=f"seed {seed}",
                measure=self.measure,
                kind=self.kind,
                runs_folder=runs_folder,
                environment=environment,
            )
            for seed in self.seeds
        )

    def by_seed(self, results: Sequence[T | None]) -> tuple[tuple[int, T], ...]:
        """Return the results that there are with their seeds; raises `UserError` without any."""
        pairs = zip(self.seeds, results, strict=True)
        found = tuple((seed, result) for seed, result in pairs if result is not None)
        if not found:
            raise UserError("There are no measurements.", "See the log for what went wrong.")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuringWork:
    """A measurement of the scored network of a recipe.

    Attributes
    ----------
    label
        The name shown to the user.
    measure
        Module and generator function; takes a `Workbench`, a `Scored` and a `CancelToken`, yields
        events, and returns a value of the type of the results.
    kind
        Type of the results, a `msgspec.Struct`.
    """

    recipe: Recipe
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
        """Return False: two programs that measure the same write the same file."""
        return False

    def steps(self, cancel: CancelToken, share: int) -> Generator[Event, None, Any]:
        """Measure, or read what was measured before."""
        inputs = yield from read_inputs(self.recipe.data, self.environment, share, cancel)
        from snip_gui.core.methods.scoring import prune
        from snip_gui.core.pruning.workbench import build_steps

        kept = KeptMeasure(self.runs_folder, self.kind)
        path = kept.path(inputs, self.measure, stage_keys(self.recipe)[Stage.PRUNE])
        if (known := kept.read(path)) is not None:
            return known
        bench = yield from build_steps(self.recipe, inputs.environment, inputs.images, cancel)
        scored = yield from prune(bench, cancel)
        found = yield from load_target(self.measure)(bench, scored, cancel)
        kept.write(path, found)
        return found


@dataclass(frozen=True, slots=True)
class KeptMeasure:
    """Measurements kept in small files.

    Attributes
    ----------
    kind
        Type of the results, a `msgspec.Struct`.
    """

    runs_folder: Path
    kind: type[Any]

    def path(self, inputs: Inputs, *parts: object) -> Path:
        """Return the file of a measurement that depends on ``parts`` and on the inputs."""
        from snip_gui.core.base.machine.devices import versions

        name = inputs.digest(*parts, versions()["snip-gui"])
        return self.runs_folder / MEASURES_FOLDER / f"{name}.json"

    def read(self, path: Path) -> Any | None:  # noqa: ANN401 - of the kind
        """Read a measurement; None if there is none, or it is damaged."""
        try:
            return read_json(path, self.kind, max_bytes=_MOST_BYTES)
        except UserError:
            return None

    def write(self, path: Path, found: object) -> None:
        """Keep a measurement; raises `UserError` if it cannot be written."""
        write_bytes(path, msgspec.json.encode(found))
