"""Events of training; see `snip_gui.core.base.events`."""

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
    """Weights during training; may be dropped under load.

    Attributes
    ----------
    weights
        float32 copies by state_dict key, in their full shapes; removed connections are zero.
    is_whole
        Whether these are all weights of the network, at the start or end of an epoch.
    """

    step: int
    epoch: float
    weights: Mapping[str, NDArray[np.float32]]
    is_whole: bool


@dataclass(frozen=True)
class StepRates:
    """Steps per second of the shrunk and of the dense network, measured briefly."""

    trained: float
    dense: float

    @property
    def text(self) -> str:
        """Both, as a short text."""
        trained, dense = (
            f"{r:,.0f}" if r >= 10 else f"{r:.1f}" for r in (self.trained, self.dense)
        )
        return f"{trained} steps/s, dense {dense}"


@dataclass(frozen=True)
class TrainingStarted(Event):
    """Training started or resumed: its folder and contents.

    Attributes
    ----------
    rates
        None if the whole network is trained.
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
    """Training waits for something external; an empty text means that it continues."""

    text: str


@dataclass(frozen=True)
class MasksChanged(Event):
    """The method changed the masks during training, or may have before an evaluation."""

    num_kept: int


@dataclass(frozen=True, eq=False)
class MaskMoved(Event):
    """The mask of a method that changes it has moved; may be dropped.

    Attributes
    ----------
    packed_B
        See `snip_gui.core.training.mask_moves`.
    """

    step: int
    packed_B: NDArray[np.uint8]


@dataclass(frozen=True)
class PointsMeasured(Event):
    """Metric points, never dropped."""

    points: tuple[MetricPoint, ...]


RunState: TypeAlias = Literal["scored", "pruned", "stopped", "finished", "diverged"]
