"""What jobs yield for pictures alone: see `snip_gui.core.base.events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.training.metrics import MetricPoint


@dataclass(frozen=True, slots=True, eq=False)
class WeightsSeen(Event):
    """Weights while they train; may be dropped under load.

    Attributes
    ----------
    weights
        float32 copies by state_dict key, in their own shapes, removed connections zero.
    is_whole
        Whether they are all of the network's, at the beginning or end of an epoch.
    """

    step: int
    epoch: float
    weights: Mapping[str, NDArray[np.float32]]
    is_whole: bool


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
class MasksChanged(Event):
    """The method changed the masks of a training."""

    num_kept: int


@dataclass(frozen=True)
class Measured(Event):
    """Metric points, never dropped."""

    points: tuple[MetricPoint, ...]


RunState: TypeAlias = Literal["scored", "pruned", "stopped", "finished", "diverged"]
