"""What a person prefers on this machine, as typed JSON that never blocks a start."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from snip_gui.core.base.environment import (
    Environment,
    default_data_folder,
    default_num_threads,
    default_runs_folder,
)
from snip_gui.core.base.files import write_text

Theme: TypeAlias = Literal["system", "light", "dark"]


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """Preferences; unknown or damaged ones are dropped when read.

    Attributes
    ----------
    image_memory_gb
        What a folder of images may take in memory; None for half of what is free.
    data_folder
        Where data sets are looked for that have no place of their own in ``data_places``.
    data_places
        Folder or file by data set, so that each is found again where it was.
    """

    theme: Theme = "system"
    device: str = "auto"
    num_threads: Annotated[int, Meta(ge=1)] | None = None
    data_folder: str = ""
    data_places: dict[str, str] = {}
    runs_folder: str = ""
    export_folder: str = ""
    trusted_code: tuple[str, ...] = ()
    first_look_offered: bool = False
    image_memory_gb: Annotated[float, Meta(ge=0)] | None = None

    @property
    def environment(self) -> Environment:
        """Where recipes are worked out, the place of their data aside."""
        return Environment(
            device=self.device,
            num_threads=self.num_threads or default_num_threads(),
            trusted_code=frozenset(self.trusted_code),
            image_memory_bytes=(
                None if self.image_memory_gb is None else int(self.image_memory_gb * 1e9)
            ),
        )

    def environment_for(self, dataset: str) -> Environment:
        """Where recipes with a data set are worked out."""
        place = self.data_place(dataset)
        return dataclasses.replace(self.environment, data_folder=Path(place) if place else None)

    def data_place(self, dataset: str) -> str:
        """Return the folder or file of a data set; empty if none was named."""
        return self.data_places.get(dataset, self.data_folder)

    @property
    def download_path(self) -> Path:
        """Where downloads go unless another folder is chosen."""
        named = Path(self.data_folder) if self.data_folder else None
        return named if named is not None and named.is_dir() else default_data_folder()

    @property
    def runs_path(self) -> Path:
        """Where run folders are made."""
        return Path(self.runs_folder) if self.runs_folder else default_runs_folder()


def load_preferences(path: Path) -> tuple[Preferences, list[str]]:
    """Read preferences; return them with a sentence on each that had to be dropped."""
    try:
        raw = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        return Preferences(), []
    except (OSError, msgspec.DecodeError) as error:
        return Preferences(), [f"The preferences could not be read and start afresh: {error}."]
    if not isinstance(raw, dict):
        return Preferences(), ["The preferences could not be read and start afresh."]
    good: dict[str, object] = {}
    dropped = []
    for name, value in raw.items():
        try:
            msgspec.convert({name: value}, Preferences)
        except msgspec.ValidationError as error:
            dropped.append(f"The preference “{name}” was dropped: {error}.")
        else:
            good[name] = value
    return msgspec.convert(good, Preferences), dropped


def save_preferences(path: Path, preferences: Preferences) -> None:
    """Write preferences; raises `UserError` if that fails."""
    write_text(path, msgspec.json.format(msgspec.json.encode(preferences)).decode() + "\n")
