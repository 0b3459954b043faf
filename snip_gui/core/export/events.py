"""What exports yield."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ExportDone(Event):
    """A checkpoint was written and read back."""

    path: Path
    size_bytes: int
    digest: str
    format_name: str


@dataclass(frozen=True)
class FormatMeasured(Event):
    """How large a run would be in a format.

    Attributes
    ----------
    num_stored
        Numbers that the file would hold for weights and buffers, masks and indices aside.
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
    """How fast a run's network is on this machine's CPU, as it would be loaded from a file.

    Attributes
    ----------
    run_as
        ``dense`` is the network before pruning; others as `ExportFormat.run_as`.
    multiply_accumulates
        Of one image.
    one_ms, batch_ms
        Best times of one image, and of a batch; None while not measured.
    """

    folder: Path
    run_as: str
    multiply_accumulates: int
    one_ms: float | None = None
    batch_ms: float | None = None
    batch_size: int = 0
    num_threads: int = 0
