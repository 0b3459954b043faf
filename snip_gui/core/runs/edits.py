"""What can be done to a run folder without training: star and note, rename, put into the bin.

Deleted runs lie in ``.bin`` beside the others until the bin is emptied by hand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import write_text
from snip_gui.core.runs.lock import refuse_running

if TYPE_CHECKING:
    from pathlib import Path

NOTES = "notes.json"
BIN = ".bin"

# What some system refuses in a file's name, and names that are none.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]|^\.|[. ]$')


class RunNotes(msgspec.Struct, frozen=True, kw_only=True):
    """What a person remarked on a run."""

    starred: bool = False
    note: str = ""


def read_notes(folder: Path) -> RunNotes:
    """Read the remarks on a run; none if there is no file or it cannot be read."""
    try:
        return msgspec.json.decode((folder / NOTES).read_bytes(), type=RunNotes)
    except (OSError, msgspec.DecodeError):
        return RunNotes()


def write_notes(folder: Path, notes: RunNotes) -> None:
    """Write the remarks on a run; raises `UserError` if that fails."""
    if not folder.is_dir():
        raise UserError(f"“{folder.name}” is no longer there.", "Look at the runs again.")
    write_text(folder / NOTES, msgspec.json.encode(notes).decode() + "\n")


def rename_run(folder: Path, name: str) -> Path:
    """Rename a run and return its folder.

    Raises
    ------
    UserError
        If the name is none, another run has it, the run is being trained, or the folder cannot be
        renamed.
    """
    name = name.strip()
    if not name or _FORBIDDEN.search(name):
        raise UserError(
            f"“{name}” cannot be the name of a run.",
            'Use letters, digits, spaces and hyphens; none of < > : " / \\ | ? *, and no dot '
            "at the beginning or the end.",
        )
    renamed = folder.with_name(name)
    if renamed == folder:
        return folder
    if renamed.exists():
        raise UserError(f"There is a run “{name}” already.", "Choose another name.")
    _move(folder, renamed)
    return renamed


def bin_run(folder: Path) -> Path:
    """Put a run into the bin and return where it lies; raises `UserError` if it cannot be moved."""
    place = folder.parent / BIN / folder.name
    number = 2
    while place.exists():
        place = place.with_name(f"{folder.name}-{number}")
        number += 1
    _move(folder, place)
    return place


def restore_run(binned: Path, folder: Path) -> None:
    """Take a run out of the bin; raises `UserError` if its place is taken or it cannot be moved."""
    if folder.exists():
        raise UserError(
            f"“{folder.name}” cannot come back: another run has its name.",
            "Rename that one first.",
        )
    _move(binned, folder)


def _move(folder: Path, place: Path) -> None:
    refuse_running(folder)
    try:
        place.parent.mkdir(exist_ok=True)
        folder.rename(place)
    except OSError as error:
        raise UserError(
            f"“{folder.name}” cannot be moved: {error.strerror or error}.",
            "Check that the folder is there and that you may write beside it.",
        ) from error
