"""Keeps a user-supplied network from importing files beside it.

The user agrees to run a single file, and a run folder contains only that file. Other files beside
it may come from a stranger, and nobody has reviewed them.
"""

from __future__ import annotations

import contextlib
import sys
import sysconfig
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class _BesideFinder(MetaPathFinder):
    """Refuses top-level modules in given folders, unless they are installed there."""

    def __init__(self) -> None:
        self.folders: set[Path] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        """Raise `ImportError` for a module in one of the folders; ignore all others."""
        if path is not None:  # a submodule, whose package has been checked
            return
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, None, target)
            if spec is not None:
                self._refuse_beside(fullname, spec)
                return

    def _refuse_beside(self, name: str, spec: ModuleSpec) -> None:
        places = [*(spec.submodule_search_locations or ()), spec.origin or ""]
        for place in (Path(p).resolve() for p in places if p not in ("", "built-in", "frozen")):
            beside = any(place.is_relative_to(folder) for folder in self.folders)
            if beside and not any(place.is_relative_to(root) for root in _installed()):
                raise ImportError(
                    f"“{name}” is a file beside it, and a network is one file: put its code there"
                )


_finder = _BesideFinder()


@contextlib.contextmanager
def nothing_beside(path: Path) -> Iterator[None]:
    """Refuse imports from a file's folder for good, and meanwhile from the current folder."""
    _finder.folders.add(path.resolve().parent)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    current = Path.cwd().resolve()
    is_new = current not in _finder.folders
    _finder.folders.add(current)
    try:
        yield
    finally:
        if is_new:
            _finder.folders.discard(current)


def _installed() -> list[Path]:
    """Return the folders of the standard library and of installed packages."""
    return [Path(place).resolve() for place in sysconfig.get_paths().values()]
