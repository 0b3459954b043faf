"""Reads the files that a session keeps, whatever they hold by now.

A file that cannot be used must not keep the window from opening, nor be lost to the next save: it
is set aside under another name, and defaults take its place.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

# No system has a path with a null character.
PathText: TypeAlias = Annotated[str, Meta(pattern=r"^[^\x00]*$")]

# A session whose minibatch names a million images takes some 8 MB.
MOST_BYTES = 64_000_000


def read_kept(path: Path, decode: Callable[[bytes], T]) -> tuple[T | None, str]:
    """Read a file that may be absent, damaged, or no file at all.

    Parameters
    ----------
    decode
        Makes a value of the bytes. May raise `UserError`, `msgspec.DecodeError`, `ValueError` or
        `RecursionError` for what it cannot use.

    Returns
    -------
    value
        None if there is no such file, or it cannot be used.
    problem
        What is wrong with it and where it is now, in sentences; empty if all is well.
    """
    try:
        with open_regular(path, max_bytes=MOST_BYTES) as file:
            data = file.read(MOST_BYTES)
        return decode(data), ""
    except FileNotFoundError:
        return None, ""
    except UserError as error:
        reason = error.message
    except UnicodeDecodeError:
        reason = "It is not valid UTF-8."
    except RecursionError:
        reason = "It is nested too deeply."
    except OSError as error:
        reason = f"It cannot be read: {error.strerror or error}."
    except (msgspec.DecodeError, ValueError) as error:
        reason = f"It cannot be used: {error}."
    return None, f"{reason} {set_aside(path)}"


def set_aside(path: Path) -> str:
    """Rename a file so that it is neither read again nor overwritten; say where it is."""
    number = 1
    while os.path.lexists(bad := path.with_name(f"{path.name}.bad{f'-{number}' * (number > 1)}")):
        number += 1
    try:
        path.rename(bad)
    except OSError as error:
        return f"“{path.name}” could not be set aside: {error.strerror or error}."
    return f"“{path.name}” was set aside as “{bad.name}”."
