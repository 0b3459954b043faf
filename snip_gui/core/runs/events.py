"""What jobs on run folders yield."""

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
    """A run folder is complete up to where the run went."""

    folder: Path
    summary: Summary


@dataclass(frozen=True, slots=True, eq=False)
class RunsListed(Event):
    """The runs of a folder, the newest first."""

    runs_folder: Path
    entries: tuple[RunEntry, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RunCurvesRead(Event):
    """What was measured in a run."""

    folder: Path
    points: tuple[MetricPoint, ...]


@dataclass(frozen=True)
class RunMoved(Event):
    """A run folder lies elsewhere: it was put into the bin, or taken out of it."""

    folder: Path
    place: Path
    restored: bool = False
