"""The recipes opened or saved last, in a file of their own; a failure is never fatal."""

from __future__ import annotations

from pathlib import Path

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import write_text

_LIMIT = 8


class Recents:
    """Paths of recent recipes, newest first."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._paths = msgspec.json.decode(file.read_bytes(), type=list[str])[:_LIMIT]
        except (OSError, msgspec.DecodeError):
            self._paths = []

    @property
    def paths(self) -> list[Path]:
        """The paths, newest first."""
        return [Path(path) for path in self._paths]

    def add(self, path: Path) -> str:
        """Put a path first; return a sentence if the list could not be kept."""
        text = str(path.absolute())
        self._paths = [text, *(other for other in self._paths if other != text)][:_LIMIT]
        return self._save()

    def remove(self, path: Path) -> str:
        """Forget a path; return a sentence if the list could not be kept."""
        self._paths = [other for other in self._paths if other != str(path.absolute())]
        return self._save()

    def _save(self) -> str:
        try:
            write_text(self._file, msgspec.json.encode(self._paths).decode())
        except UserError as error:
            return str(error)
        return ""
