"""Edits of a run folder: star, note, name, and moving it to the bin.

Deleted runs stay in ``.bin`` beside the others until that folder is emptied by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import write_text
from snip_gui.core.base.json_files import read_json
from snip_gui.core.runs.folder import NOTES
from snip_gui.core.runs.lease import refuse_running

if TYPE_CHECKING:
    from pathlib import Path

BIN = ".bin"
MOST_LETTERS = 120
_MOST_BYTES = 1_000_000


class RunNotes(msgspec.Struct, frozen=True, kw_only=True):
    """The user's notes on a run.

    Attributes
    ----------
    name
        Display name; empty for the automatic one.
    """

    starred: bool = False
    note: str = ""
    name: str = ""


def read_notes(folder: Path) -> RunNotes:
    """Read the notes on a run; empty if there is no file or it cannot be read."""
    try:
        return read_json(folder / NOTES, RunNotes, max_bytes=_MOST_BYTES)
    except UserError:
        return RunNotes()


def write_notes(folder: Path, notes: RunNotes) -> None:
    """Write the notes on a run; raises `UserError` on failure, or if the name is too long."""
    if not folder.is_dir():
        raise UserError(f"“{folder.name}” no longer exists.", "Refresh the list of runs.")
    if len(notes.name) > MOST_LETTERS:
        raise UserError(
            f"A name of {len(notes.name):,} letters is too long.",
            f"Use at most {MOST_LETTERS} and write the rest as a note.",
        )
    # A text field may cut an emoji in half, and half a character is not UTF-8.
    name, note = (text.encode(errors="replace").decode() for text in (notes.name, notes.note))
    notes = msgspec.structs.replace(notes, name=name, note=note)
    write_text(folder / NOTES, msgspec.json.encode(notes).decode() + "\n")


def bin_run(folder: Path) -> Path:
    """Move a run to the bin and return its new path; raises `UserError` on failure."""
    place = folder.parent / BIN / folder.name
    number = 2
    while place.exists():
        place = place.with_name(f"{folder.name}-{number}")
        number += 1
    _move(folder, place)
    return place


def restore_run(binned: Path, folder: Path) -> None:
    """Move a run out of the bin; raises `UserError` if its path is taken, or on failure."""
    if folder.exists():
        raise UserError(
            f"“{folder.name}” cannot come back: there is a run in its folder.",
            "Delete that one first.",
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
            "Check that the folder exists and that you have permission to move it.",
        ) from error
