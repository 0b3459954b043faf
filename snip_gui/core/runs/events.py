"""Events of jobs on run folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.core.training.metrics import MetricPoint


@dataclass(frozen=True)
class RunDone(Event):
    """A run has ended; its folder is complete up to there."""

    folder: Path
    summary: Summary


@dataclass(frozen=True, slots=True, eq=False)
class RunsListed(Event):
    """The runs of a folder, newest first."""

    runs_folder: Path
    entries: tuple[RunEntry, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RunCurvesRead(Event):
    """The metric points of a run."""

    folder: Path
    points: tuple[MetricPoint, ...]


@dataclass(frozen=True)
class RunMoved(Event):
    """A run folder was moved to the bin or out of it."""

    folder: Path
    place: Path
    restored: bool = False
