"""Events of exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


OPENVINO = " in OpenVINO"
"""What follows the name of the form in which a file runs, if OpenVINO runs it."""


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
    test_error
        Fraction of the test images that its network misclassifies; None if that is unknown.
    refused
        Why the run cannot be exported in this format; empty if it can.
    """

    folder: Path
    format_name: str
    size_bytes: int = 0
    num_stored: int = 0
    test_error: float | None = None
    refused: str = ""


@dataclass(frozen=True)
class Latency:
    """Times of repeated calls in milliseconds: median, and lower and upper quartile."""

    median_ms: float
    lower_ms: float
    upper_ms: float


@dataclass(frozen=True)
class Costs:
    """What was measured of a run's formats.

    Attributes
    ----------
    formats
        Sizes by name of the format.
    speeds
        Speeds by form; see `SpeedMeasured`.
    """

    formats: Mapping[str, FormatMeasured]
    speeds: Mapping[str, SpeedMeasured]


@dataclass(frozen=True)
class SpeedMeasured(Event):
    """Speed of a run's network on this machine's CPU, in the form loaded from a file.

    Attributes
    ----------
    run_as
        ``dense`` is the network before pruning; for others see `ExportFormat.run_as`, followed by
        `OPENVINO` if that runs it.
    multiply_accumulates
        MACs of one image.
    one, batch
        Times of one image and of a batch; None if not measured yet.
    """

    folder: Path
    run_as: str
    multiply_accumulates: int
    one: Latency | None = None
    batch: Latency | None = None
    batch_size: int = 0
    num_threads: int = 0
