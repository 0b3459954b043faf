"""The user's preferences on this machine, as typed JSON that never blocks startup."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from snip_gui.core.base.environment import (
    Environment,
    default_data_folder,
    default_num_threads,
    default_runs_folder,
)
from snip_gui.core.base.files import write_text
from snip_gui.session.kept.reading import PathText, read_kept

Theme: TypeAlias = Literal["system", "light", "dark"]
Numbers: TypeAlias = Literal["system", "point", "comma"]
ExecutorName: TypeAlias = Literal["processes", "dask"]


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """Preferences; unknown or damaged ones are dropped on reading.

    Attributes
    ----------
    num_at_once
        Number of runs of a sweep to train at once; None for as many as there are processors and
        memory for, beside the window.
    image_memory_gb
        Memory limit for a folder of images; None for half of the free memory.
    data_folder
        Folder of data sets that have no path in ``data_places``.
    data_places
        Folder or file of each data set.
    shows_advanced
        Whether settings that are rarely changed are shown.
    live_scoring
        Whether scoring starts by itself after a change, as long as it is fast.
    train_dense, train_random
        Whether Train also trains the dense network, and one with a random mask.
    numbers
        Decimal mark in number fields: that of the system, a point or a comma.
    executor, dask_address
        Who trains runs in the background: processes of this machine, or the Dask cluster whose
        scheduler has this address.
    event_files
        Whether training also writes an event file for TensorBoard.
    """

    theme: Theme = "system"
    device: str = "auto"
    num_threads: Annotated[int, Meta(ge=1, le=1024)] | None = None
    data_folder: PathText = ""
    data_places: dict[str, PathText] = {}
    runs_folder: PathText = ""
    export_folder: PathText = ""
    trusted_code: tuple[str, ...] = ()
    first_look_offered: bool = False
    shows_advanced: bool = False
    live_scoring: bool = True
    train_dense: bool = True
    train_random: bool = False
    num_at_once: Annotated[int, Meta(ge=1, le=1024)] | None = None
    image_memory_gb: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    numbers: Numbers = "system"
    executor: ExecutorName = "processes"
    dask_address: str = ""
    event_files: bool = False

    @property
    def environment(self) -> Environment:
        """The environment of recipes, except for the path of their data."""
        return Environment(
            device=self.device,
            num_threads=self.num_threads or default_num_threads(),
            trusted_code=frozenset(self.trusted_code),
            image_memory_bytes=(
                None if self.image_memory_gb is None else int(self.image_memory_gb * 1e9)
            ),
            event_files=self.event_files,
        )

    def environment_for(self, dataset: str) -> Environment:
        """Return the environment of recipes with a given data set."""
        place = self.data_place(dataset)
        return dataclasses.replace(self.environment, data_folder=Path(place) if place else None)

    def data_place(self, dataset: str) -> str:
        """Return the folder or file of a data set; empty if none was given."""
        return self.data_places.get(dataset, self.data_folder)

    @property
    def download_path(self) -> Path:
        """Default folder for downloads."""
        named = Path(self.data_folder) if self.data_folder else None
        return named if named is not None and named.is_dir() else default_data_folder()

    @property
    def runs_path(self) -> Path:
        """Folder of the runs."""
        return Path(self.runs_folder) if self.runs_folder else default_runs_folder()


def load_preferences(path: Path) -> tuple[Preferences, list[str]]:
    """Read preferences.

    Returns
    -------
    preferences
        The valid preferences; others have their defaults.
    problems
        A sentence on each invalid preference, or on the file.
    """
    raw, problem = read_kept(path, _decode_object)
    if raw is None:
        text = f"The preferences could not be read and were reset. {problem}"
        return Preferences(), [text] if problem else []
    good: dict[str, object] = {}
    problems = []
    for name, value in raw.items():
        try:
            msgspec.convert({name: value}, Preferences)
        except msgspec.ValidationError as error:
            problems.append(f"The preference “{name}” was ignored: {error}.")
        else:
            good[name] = value
    return msgspec.convert(good, Preferences), problems


_DEFAULTS = Preferences()


def save_preferences(path: Path, preferences: Preferences, before: Preferences = _DEFAULTS) -> None:
    """Write the preferences that have changed; raises `UserError` on failure.

    Everything else in the file is preserved: another window may have changed it, and a newer
    version may know more preferences than this one.
    """
    kept = read_kept(path, _decode_object)[0] or {}
    old, new = _as_json(before), _as_json(preferences)
    for name in new:
        if new[name] != old[name]:
            kept[name] = merged(old[name], new[name], kept.get(name))
    write_text(path, msgspec.json.format(msgspec.json.encode(kept)).decode() + "\n")


def merged(before: object, after: object, there: object) -> object:
    """Return ``there`` with the change from ``before`` to ``after`` applied.

    Entries of dictionaries and lists are added and removed individually; for everything else, the
    last change wins.
    """
    if isinstance(before, dict) and isinstance(after, dict) and isinstance(there, dict):
        changed = {key: value for key, value in after.items() if before.get(key) != value}
        return {key: there[key] for key in there if key in after or key not in before} | changed
    if isinstance(before, list) and isinstance(after, list) and isinstance(there, list):
        stays = [item for item in there if item in after or item not in before]
        return stays + [item for item in after if item not in (*before, *there)]
    return after


def _as_json(preferences: Preferences) -> dict[str, Any]:
    """Return preferences as in the file."""
    return _decode_object(msgspec.json.encode(preferences))


def _decode_object(data: bytes) -> dict[str, Any]:
    """Decode a JSON object; raises what `read_kept` expects."""
    return msgspec.json.decode(data, type=dict[str, Any])
