"""What a job yields, as frozen values that any thread may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.training.metrics import MetricPoint


@dataclass(frozen=True)
class Event:
    """Something that happened in a job."""


@dataclass(frozen=True)
class Progress(Event):
    """How far the job is; may be dropped under load.

    Attributes
    ----------
    done, total
        Steps; a total of 0 means that the end is not known.
    seconds_left
        Estimate; None while there is none.
    """

    text: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Note(Event):
    """A line for the log; a result rather than a message if it is one."""

    text: str
    is_result: bool = False


@dataclass(frozen=True)
class DevicesFound(Event):
    """Torch has loaded; names and titles of the devices it can use."""

    devices: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class StepRates:
    """Steps a second, measured for a moment: of what is trained, and of the dense network."""

    trained: float
    dense: float

    @property
    def text(self) -> str:
        """Both, in a few words."""
        trained, dense = (
            f"{r:,.0f}" if r >= 10 else f"{r:.1f}" for r in (self.trained, self.dense)
        )
        return f"{trained} steps/s, dense {dense}"


@dataclass(frozen=True)
class TrainingStarted(Event):
    """A training began, or goes on: where it is kept and what it holds.

    Attributes
    ----------
    rates
        None where the whole network is trained.
    """

    folder: Path
    name: str
    sparsity: float
    num_kept: int
    num_parameters: int
    first_step: int
    num_steps: int
    num_epochs: int
    rates: StepRates | None = None


@dataclass(frozen=True)
class TrainingPaused(Event):
    """The training waits for something outside, and for what; with an empty text it goes on."""

    text: str


@dataclass(frozen=True)
class Measured(Event):
    """Metric points, never dropped."""

    points: tuple[MetricPoint, ...]


RunState: TypeAlias = Literal["scored", "pruned", "stopped", "finished", "diverged"]
