"""Recently opened or saved recipes, in a separate file; failures are never fatal."""

from __future__ import annotations

from pathlib import Path

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import write_text
from snip_gui.session.kept.reading import PathText, read_kept

_LIMIT = 8


class Recents:
    """Paths of recent recipes, newest first.

    Attributes
    ----------
    problem
        Sentences on what was wrong with the file; empty if nothing was.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._paths, problem = self._read()
        self.problem = f"The list of recent recipes was lost. {problem}" if problem else ""

    @property
    def paths(self) -> list[Path]:
        """The paths, newest first."""
        return [Path(path) for path in self._paths]

    def add(self, path: Path) -> str:
        """Put a path first; return a sentence if the list could not be saved."""
        text = str(path.absolute())
        return self._save([text, *self._without(text)])

    def remove(self, path: Path) -> str:
        """Remove a path; return a sentence if the list could not be saved."""
        return self._save(self._without(str(path.absolute())))

    def _without(self, text: str) -> list[str]:
        """Return the other paths in the file, which another window may have changed."""
        paths, problem = self._read()
        return [other for other in (self._paths if problem else paths) if other != text]

    def _read(self) -> tuple[list[str], str]:
        paths, problem = read_kept(self._file, _decode)
        return (paths or [])[:_LIMIT], problem

    def _save(self, paths: list[str]) -> str:
        self._paths = paths[:_LIMIT]
        try:
            write_text(self._file, msgspec.json.encode(self._paths).decode())
        except UserError as error:
            return str(error)
        return ""


def _decode(data: bytes) -> list[str]:
    """Decode the file; raises what `read_kept` expects."""
    return msgspec.json.decode(data, type=list[PathText])
