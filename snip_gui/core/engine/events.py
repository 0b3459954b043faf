"""Events of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from snip_gui.core.engine.work import Outcome


@dataclass(frozen=True)
class WorkBegan(Event):
    """An item of work has begun; items are numbered from 1."""

    number: int
    total: int
    name: str


@dataclass(frozen=True)
class WorkEnded(Event):
    """An item of work has ended."""

    number: int
    total: int
    name: str
    outcome: Outcome[Any]
