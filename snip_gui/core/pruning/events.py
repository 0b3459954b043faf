"""Events of scoring and pruning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.graph.wiring import Reach
    from snip_gui.core.pruning.mask_source import MaskSource
    from snip_gui.core.pruning.scored import Scored

    WeightsAt: TypeAlias = Callable[[int], Mapping[str, NDArray[np.float32]]]


@dataclass(frozen=True)
class Pruned(Event):
    """The result of a pruning method.

    Attributes
    ----------
    masks
        Masks of every size that the method can produce.
    weights_at
        Function from the number kept to the weights to start training from, by state_dict key; None
        for the scored weights.
    gradient_M, loss
        Gradient and loss, if the method computes them.
    """

    masks: MaskSource
    weights_at: WeightsAt | None = None
    gradient_M: NDArray[np.float32] | None = None
    loss: float = float("nan")


@dataclass(frozen=True)
class ScoringDone(Event):
    """A minibatch has been scored."""

    scored: Scored


@dataclass(frozen=True)
class MasksSaved(Event):
    """The masks of a scored state were written to a file."""

    path: Path
    num_kept: int


@dataclass(frozen=True, slots=True, eq=False)
class PathsFollowed(Event):
    """What stays connected under a mask, and the number of kept parameters on a path by layer."""

    scored: Scored
    num_kept: int
    reach: Reach | None
    on_paths: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class InputSensitivityMade(Event):
    """The sensitivity of the inputs for a mask.

    Attributes
    ----------
    whole_HW, pruned_HW
        ``|x dL/dx|`` of the whole network, and of the one that keeps ``num_kept`` connections.
    """

    scored: Scored
    num_kept: int
    whole_HW: NDArray[np.float32]
    pruned_HW: NDArray[np.float32]
