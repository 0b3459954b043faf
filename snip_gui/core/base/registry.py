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
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

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


def install_hint(requirement: str) -> str:
    """Return how to install the package that a recipe names, as a requirement for pip."""
    package = requirement.replace("==", " ")
    return (
        f"According to the recipe, it comes from the package {package}. If you trust it, run: "
        f"pip install '{requirement}'"
    )


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


@dataclass(frozen=True, slots=True)
class Unusable:
    """An entry point of a package that cannot be used.

    Attributes
    ----------
    kind
        What an entry is called in messages, such as ``"network"``.
    reason
        Why, without a full stop.
    """

    plugin: Plugin
    kind: str
    name: str
    reason: str

    def __str__(self) -> str:
        return describe_unusable([self])


def describe_unusable(entries: Sequence[Unusable]) -> str:
    """Return a sentence on entries of one package, which gives each reason once."""
    names_by_reason: dict[str, list[str]] = {}
    for one in entries:
        names_by_reason.setdefault(one.reason, []).append(f"{one.kind} “{one.name}”")
    clauses = [
        (" and ".join(filter(None, (", ".join(names[:-1]), names[-1]))), reason)
        for reason, names in names_by_reason.items()
    ]
    (first, reason), *others = clauses
    more = "".join(f"; nor can the {names}: {reason}" for names, reason in others)
    return f"The {first} of the package {entries[0].plugin} cannot be used: {reason}{more}."


@dataclass(slots=True)
class _Entries(Generic[T]):
    """Entries by name, the packages that added some of them, and those that cannot be used."""

    by_name: dict[str, T]
    plugins: dict[str, Plugin] = field(default_factory=dict)
    unusable: list[Unusable] = field(default_factory=list)


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
        Takes an entry that a package adds, and all entries before it; raises an
        exception if the new one cannot be used.
    """

    def __init__(
        self,
        kind: str,
        field: str,
        entries: Iterable[T],
        *,
        plugins: str = "",
        check: Callable[[T, Sequence[T]], None] = lambda _entry, _others: None,
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
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a package may raise anything
            _LOG.info("%s: %s cannot be imported", plugin, point.value, exc_info=True)
            problem = f"{type(error).__name__}: {error}{_place(error)}"
        else:
            problem = self._refusal(found, point.name, entry)
        if problem:
            unusable = Unusable(plugin, self._kind, point.name, problem.rstrip("."))
            found.unusable.append(unusable)
        else:
            found.by_name[entry.name] = entry
            found.plugins[entry.name] = plugin

    def _refusal(self, found: _Entries[T], name: str, entry: T) -> str:
        """Return why an entry cannot be used; empty if it can."""
        try:
            self._check(entry, tuple(found.by_name.values()))
        except (TypeError, ValueError) as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - an entry may contain anything
            return f"{type(error).__name__}: {error}"
        if entry.name != name:
            return f"its entry point is called “{name}”, but it is called “{entry.name}”"
        if name in found.by_name:
            return f"there is a {self._kind} called “{name}” already"
        return ""

    @property
    def unusable(self) -> tuple[Unusable, ...]:
        """The entries of packages that cannot be used."""
        return tuple(self._all.unusable)

    def find_problem(self, name: str) -> str:
        """Return why an entry that an installed package provides cannot be used; empty if it can.

        Empty as well if no package provides it.
        """
        if name in self._all.by_name:
            return ""
        return next((str(one) for one in self._all.unusable if one.name == name), "")

    def get_plugin(self, name: str) -> Plugin | None:
        """Return the package that added an entry; None if it is one of the program."""
        return self._all.plugins.get(name)

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

    def fault(self, name: str, problem: str) -> UserError:
        """Return the error for a mistake in the code of an entry.

        Parameters
        ----------
        problem
            What the entry does wrong, as the rest of a sentence: ``"returns no masks"``.
        """
        plugin = self.get_plugin(name)
        of = f" of the package {plugin}" if plugin else ""
        return UserError(
            f"The {self._kind} “{name}”{of} {problem}.",
            f"Report this to the authors of the package, or choose another {self._kind}.",
            field=self._field,
        )

    def __getitem__(self, name: str) -> T:
        """Return the entry called ``name``.

        Raises
        ------
        UserError
            If there is none, listing the choices; or if the package that provides it is broken.
        """
        problem = self.find_problem(name)
        if problem:
            hint = f"Update or reinstall the package, or choose another {self._kind}."
            raise UserError(problem, hint, field=self._field)
        if name not in self._all.by_name:
            raise UserError(
                f"There is no {self._kind} called “{name}”.",
                f"Choose one of: {', '.join(self._all.by_name)}.",
                field=self._field,
            )
        return self._all.by_name[name]


def _place(error: BaseException) -> str:
    """Return the file and line of a package at which its import failed; empty if unknown."""
    frames = traceback.extract_tb(error.__traceback__)
    # Python's own importing code surrounds that of the package.
    own = [frame for frame in frames if "importlib" not in frame.filename]
    own = [frame for frame in own if frame.filename != __file__]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""


def refuse_empty(entry: object, *names: str) -> None:
    """Raise `ValueError` if a text of an entry that a package adds is missing or empty."""
    for name in names:
        text = getattr(entry, name)
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"its {name.replace('_', ' ')} is empty")


def load_target(target: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Import the object that ``"module:name"`` refers to, as entries name code that loads late.

    Raises
    ------
    AttributeError
        If the module has no such object.
    """
    place, _, name = target.partition(":")
    module = importlib.import_module(place)
    if not hasattr(module, name):
        raise AttributeError(f"{getattr(module, '__file__', place)} has no “{name}”")
    return getattr(module, name)
