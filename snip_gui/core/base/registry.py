"""A table of named things: rows of this program, and rows that installed packages add.

A package adds a row through an entry point of the table's group; see `resources/docs/extending.md`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_LOG = logging.getLogger(__name__)


class Named(Protocol):
    """Anything with a name that stands in a recipe."""

    @property
    def name(self) -> str:
        """The name."""
        ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True)
class Plugin:
    """A package that adds a row, or fails to."""

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


class Registry(Generic[T]):
    """Entries by name, in the order in which they were listed.

    Parameters
    ----------
    kind
        What an entry is, for messages: ``"network"``.
    field
        Dotted recipe field that chooses an entry.
    plugins
        Group of entry points through which installed packages add entries; empty for none.
    check
        Raises if an entry that a package adds cannot be used.

    Attributes
    ----------
    problems
        A sentence for each package whose entry could not be added. All others work.
    """

    def __init__(
        self,
        kind: str,
        field: str,
        entries: Iterable[T],
        *,
        plugins: str = "",
        check: Callable[[T], None] = lambda _entry: None,
    ) -> None:
        self._kind = kind
        self._field = field
        self._entries = {entry.name: entry for entry in entries}
        self._plugins: dict[str, Plugin] = {}
        self.problems: tuple[str, ...] = ()
        for point in importlib.metadata.entry_points(group=plugins) if plugins else ():
            self._add(point, check)

    def _add(self, point: importlib.metadata.EntryPoint, check: Callable[[T], None]) -> None:
        """Add the entry that a package offers; one that cannot be used is said and left out."""
        distribution = point.dist
        assert distribution is not None  # it was found in one
        plugin = Plugin(distribution.name, distribution.version)
        try:
            entry: T = point.load()
            check(entry)
            if entry.name in self._entries:
                raise ValueError(f"there is a {self._kind} called “{entry.name}” already")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a package may raise anything
            _LOG.warning("%s: %s cannot be used", plugin, point.value, exc_info=True)
            text = f"{type(error).__name__}: {error}"
            problem = f"The {self._kind} of the package {plugin} cannot be used: {text}"
            self.problems = (*self.problems, problem)
        else:
            self._entries[entry.name] = entry
            self._plugins[entry.name] = plugin

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, in order."""
        return tuple(self._entries)

    def plugin(self, name: str) -> Plugin | None:
        """Return the package that added an entry; None if it is one of this program's own."""
        return self._plugins.get(name)

    def __getitem__(self, name: str) -> T:
        """Return the entry called ``name``; raises `UserError` listing the choices."""
        if name not in self._entries:
            raise UserError(
                f"There is no {self._kind} called “{name}”.",
                f"Choose one of: {', '.join(self._entries)}.",
                field=self._field,
            )
        return self._entries[name]


def load_target(target: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Import what ``"module:name"`` names: how a row names code that is imported when it runs."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
