"""A table of named entries: those of the program, and those that installed packages add.

A package adds an entry through an entry point of the table's group; see
`resources/docs/extending.md`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.metadata
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_LOG = logging.getLogger(__name__)


class Named(Protocol):
    """Anything that a recipe refers to by name."""

    @property
    def name(self) -> str:
        """The name."""
        ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True)
class Plugin:
    """A package that adds an entry, or fails to."""

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"

    @property
    def requirement(self) -> str:
        """The requirement to install it with pip."""
        return f"{self.package}=={self.version}"


@functools.cache
def _find_entry_points(group: str) -> tuple[importlib.metadata.EntryPoint, ...]:
    """Return the entry points of a group; cached, because finding them reads many files."""
    return tuple(importlib.metadata.entry_points(group=group)) if group else ()


def find_plugin(group: str, name: str) -> Plugin | None:
    """Return the installed package that provides an entry of a group; None if there is none."""
    for point in _find_entry_points(group):
        if point.name == name and point.dist is not None:
            return Plugin(point.dist.name, point.dist.version)
    return None


@dataclass(slots=True)
class _Entries(Generic[T]):
    """Entries by name, the packages that added some of them, and why others failed to."""

    by_name: dict[str, T]
    plugins: dict[str, Plugin] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Registry(Generic[T]):
    """Entries by name, in order.

    Parameters
    ----------
    kind
        What an entry is called in messages: ``"network"``.
    field
        Dotted name of the recipe field that selects an entry.
    plugins
        Entry-point group through which installed packages add entries; empty for none.
    check
        Raises an exception if an entry that a package adds cannot be used.
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
        self._kind, self._field = kind, field
        self._own = tuple(entries)
        self._group, self._check = plugins, check

    @functools.cached_property
    def _all(self) -> _Entries[T]:
        """Entries of the program and of packages.

        Packages are loaded on first access: a package may import the module of this very table for
        the type of its entries.
        """
        found: _Entries[T] = _Entries({entry.name: entry for entry in self._own})
        for point in _find_entry_points(self._group):
            self._add(found, point)
        return found

    def _add(self, found: _Entries[T], point: importlib.metadata.EntryPoint) -> None:
        """Add the entry of a package; record why if it cannot be used."""
        assert point.dist is not None  # found in a distribution
        plugin = Plugin(point.dist.name, point.dist.version)
        try:
            entry: T = point.load()
            self._check(entry)
            if entry.name != point.name:
                raise ValueError(f"the entry point “{point.name}” is called “{entry.name}”")
            if entry.name in found.by_name:
                raise ValueError(f"there is a {self._kind} called “{entry.name}” already")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a package may raise anything
            _LOG.info("%s: %s cannot be used", plugin, point.value, exc_info=True)
            text = f"{type(error).__name__}: {error}"
            found.problems.append(
                f"The {self._kind} of the package {plugin} cannot be used: {text}."
            )
        else:
            found.by_name[entry.name] = entry
            found.plugins[entry.name] = plugin

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each package whose entry cannot be used."""
        return tuple(self._all.problems)

    def __iter__(self) -> Iterator[T]:
        return iter(self._all.by_name.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, in order."""
        return tuple(self._all.by_name)

    @contextlib.contextmanager
    def blaming(self, name: str) -> Iterator[None]:
        """Add to any exception which package the entry comes from."""
        try:
            yield
        except Exception as error:
            if name in self._all.plugins:
                error.add_note(f"Raised by the package {self._all.plugins[name]}.")
            raise

    def __getitem__(self, name: str) -> T:
        """Return the entry called ``name``; raises `UserError` listing the choices."""
        if name not in self._all.by_name:
            raise UserError(
                f"There is no {self._kind} called “{name}”.",
                f"Choose one of: {', '.join(self._all.by_name)}.",
                field=self._field,
            )
        return self._all.by_name[name]


def load_target(target: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Import the object that ``"module:name"`` refers to, as entries name code that loads late."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
