"""Measuring the scored network of a recipe as an item of work, kept in a small file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.files import write_bytes
from snip_gui.core.base.json_files import read_json
from snip_gui.core.base.machine.optional_packages import import_torch
from snip_gui.core.base.registry import load_target
from snip_gui.core.engine.images import keep_images
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.stages import Stage, stage_keys

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.recipe.recipe import Recipe

T = TypeVar("T")

MEASURES_FOLDER = ".measures"  # names that begin with a dot are not listed as runs
_NUM_DIGITS = 24
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
        cancel.raise_if_cancelled()
        yield Progress("Loading torch")
        import_torch()
        from snip_gui.core.base.machine.devices import resolve_device, share_device, versions
        from snip_gui.core.data.sets.loading import read_images, read_options_for
        from snip_gui.core.methods.scoring import prune
        from snip_gui.core.pruning.workbench import build_steps

        environment = share_device(self.environment, share)
        data = self.recipe.data
        images = keep_images(data, environment)
        if images is None:
            options = read_options_for(data, environment)
            images = yield from read_images(data.name, environment.data_folder, cancel, options)
        where = (
            images.digest,
            versions()["torch"],
            versions()["snip-gui"],
            resolve_device(environment.device).type,
            environment.num_threads,
        )
        text = repr((self.measure, stage_keys(self.recipe)[Stage.PRUNE], *where))
        digest = hashlib.sha256(text.encode()).hexdigest()[:_NUM_DIGITS]
        path = self.runs_folder / MEASURES_FOLDER / f"{digest}.json"
        try:
            return read_json(path, self.kind, max_bytes=_MOST_BYTES)
        except UserError:  # there is none, or it is damaged
            pass
        bench = yield from build_steps(self.recipe, environment, images, cancel)
        scored = yield from prune(bench, cancel)
        found = yield from load_target(self.measure)(bench, scored, cancel)
        write_bytes(path, msgspec.json.encode(found))
        return found
