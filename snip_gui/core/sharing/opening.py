"""Opens a bundle of somebody else's read-only, and on request recomputes its mask or keeps it.

Nothing in a bundle is run: a user-supplied network is executed only once its source is agreed to.
"""

from __future__ import annotations

import itertools
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.events import Event
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_recipe, read_summary
from snip_gui.core.sharing.bundle import Bundled, read_bundle, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.sharing.bundle import Manifest

ENDING = ".snip.zip"
"""Ending of the names of bundles, with which the program is associated."""

_MOST_LETTERS = 100
# Names of devices, which Windows allows for no file, whatever follows the first dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class BundleOpened(Event):
    """A bundle was checked and unpacked into a temporary folder.

    Attributes
    ----------
    path
        The bundle.
    folder
        The run folder made of it.
    """

    path: Path
    folder: Path
    manifest: Manifest
    recipe: Recipe
    summary: Summary

    @property
    def num_bytes(self) -> int:
        """Total size of the files in it."""
        return sum(one.num_bytes for one in self.manifest.files.values())


def open_bundle(path: Path, folder: Path, cancel: CancelToken) -> Iterator[Event]:
    """Unpack a bundle into a folder that does not exist yet; ends with `BundleOpened`.

    Raises
    ------
    UserError, Cancelled
        As `read_bundle`.
    """
    for event in read_bundle(path, folder, cancel):
        if not isinstance(event, Bundled):
            yield event
    yield BundleOpened(path, folder, read_manifest(path), read_recipe(folder), read_summary(folder))


def keep_bundle(path: Path, runs_folder: Path, cancel: CancelToken) -> Iterator[Event]:
    """Make a bundle a run in the runs folder, under a name that is free; ends with `Bundled`.

    Raises
    ------
    UserError, Cancelled
        As `read_bundle`.
    """
    yield from read_bundle(path, free_folder(runs_folder, bundle_name(path)), cancel)


def verify_at_once(folder: Path, environment: Environment, cancel: CancelToken) -> Iterator[Event]:
    """Recompute the mask of a run in one step, and restore the thread's number of threads.

    As a job between the steps of a training, neither must change the other's number of threads.

    Raises
    ------
    UserError, Cancelled
        As `verify_run`.
    """
    import torch

    from snip_gui.core.sharing.verifying import verify_run

    num_threads = torch.get_num_threads()
    try:
        events = list(verify_run(folder, environment, cancel))
    finally:
        torch.set_num_threads(num_threads)
    yield from events


def discard(folder: Path, cancel: CancelToken) -> Iterator[Event]:
    """Remove the temporary folder of an opened bundle, as far as possible."""
    cancel.raise_if_cancelled()
    shutil.rmtree(folder, ignore_errors=True)
    yield from ()


def recipe_in(folder: Path, recipe: Recipe) -> Recipe:
    """Return a run's recipe with the source of a user-supplied network as the run has it."""
    if not recipe.model.file or not (folder / files.NETWORK).is_file():
        return recipe
    choice = msgspec.structs.replace(recipe.model, file=str(folder / files.NETWORK))
    return msgspec.structs.replace(recipe, model=choice)


def free_folder(parent: Path, name: str) -> Path:
    """Return the first of ``NAME``, ``NAME-2`` and so on that does not exist in a folder."""
    for number in itertools.count(1):
        place = parent / (name if number == 1 else f"{name}-{number}")
        if not place.exists() and not place.is_symlink():
            return place
    raise AssertionError("there is always a next number")


def bundle_name(path: Path) -> str:
    """Return the name of a bundle without its ending, as every system allows it for a folder."""
    name = path.name.removesuffix(".zip").removesuffix(".snip")
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:_MOST_LETTERS].strip("-.")
    return f"run-{plain}" if not plain or _DEVICE.fullmatch(plain) else plain
