"""Reads the persistent files of a session, whatever they contain.

An unusable file must neither keep the window from opening nor be overwritten by the next save: it
is renamed, and defaults are used.
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

# A path cannot contain a null character on any system.
PathText: TypeAlias = Annotated[str, Meta(pattern=r"^[^\x00]*$")]

# A session with a minibatch of a million images takes about 8 MB.
MOST_BYTES = 64_000_000


def read_kept(path: Path, decode: Callable[[bytes], T]) -> tuple[T | None, str]:
    """Read a file that may be missing, damaged, or not a file at all.

    Parameters
    ----------
    decode
        Decodes the contents. May raise `UserError`, `msgspec.DecodeError`, `ValueError` or
        `RecursionError`.

    Returns
    -------
    value
        None if the file is missing or unusable.
    problem
        Sentences on what is wrong with the file and where it is now; empty if nothing is.
    """
    try:
        with open_regular(path, max_bytes=MOST_BYTES) as file:
            data = file.read(MOST_BYTES)
        return decode(data), ""
    except FileNotFoundError:
        return None, ""
    except UserError as error:
        reason = str(error)
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
    """Rename a file so that it is neither read again nor overwritten; return a sentence on it."""
    number = 1
    while os.path.lexists(bad := path.with_name(f"{path.name}.bad{f'-{number}' * (number > 1)}")):
        number += 1
    try:
        path.rename(bad)
    except OSError as error:
        return f"“{path.name}” could not be set aside: {error.strerror or error}."
    return f"“{path.name}” was set aside as “{bad.name}”."
