"""Events of exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ExportDone(Event):
    """A checkpoint has been written and verified."""

    path: Path
    size_bytes: int
    digest: str
    format_name: str


@dataclass(frozen=True)
class FormatMeasured(Event):
    """The size of a run in a format.

    Attributes
    ----------
    num_stored
        Values that the file would store for weights and buffers, without masks and indices.
    refused
        Why the run cannot be exported in this format; empty if it can.
    """

    folder: Path
    format_name: str
    size_bytes: int = 0
    num_stored: int = 0
    refused: str = ""


@dataclass(frozen=True)
class SpeedMeasured(Event):
    """Speed of a run's network on this machine's CPU, in the form loaded from a file.

    Attributes
    ----------
    run_as
        ``dense`` is the network before pruning; for others see `ExportFormat.run_as`.
    multiply_accumulates
        MACs of one image.
    one_ms, batch_ms
        Best times of one image and of a batch; None if not measured yet.
    """

    folder: Path
    run_as: str
    multiply_accumulates: int
    one_ms: float | None = None
    batch_ms: float | None = None
    batch_size: int = 0
    num_threads: int = 0
