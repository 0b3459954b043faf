"""A table of named things, with an error that lists the choices."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Named(Protocol):
    """Anything with a name that stands in a recipe."""

    @property
    def name(self) -> str:
        """The name."""
        ...


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """Entries by name, in the order in which they were listed.

    Parameters
    ----------
    kind
        What an entry is, for messages: ``"network"``.
    field
        Dotted recipe field that chooses an entry.
    """

    def __init__(self, kind: str, field: str, entries: Iterable[T]) -> None:
        self._kind = kind
        self._field = field
        self._entries = {entry.name: entry for entry in entries}

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, in order."""
        return tuple(self._entries)

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
