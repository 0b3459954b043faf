"""What scoring and pruning yield."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.graph.wiring import Reach
    from snip_gui.core.pruning.mask_source import MaskSource
    from snip_gui.core.pruning.scored import Scored

    WeightsAt: TypeAlias = Callable[[int], Mapping[str, NDArray[np.float32]]]


@dataclass(frozen=True)
class Pruned(Event):
    """What every pruning method ends in.

    Attributes
    ----------
    masks
        Masks of any size that the method can make.
    weights_at
        Returns, of a number kept, the weights by state_dict key that training is to start from;
        None for those that were scored.
    gradient_M, loss
        What the method measured on the way, if anything.
    """

    masks: MaskSource
    weights_at: WeightsAt | None = None
    gradient_M: NDArray[np.float32] | None = None
    loss: float = float("nan")


@dataclass(frozen=True)
class ScoringDone(Event):
    """A minibatch was scored."""

    scored: Scored


@dataclass(frozen=True, slots=True, eq=False)
class PathsFollowed(Event):
    """What a mask leaves connected, and per layer how many kept parameters are on a path."""

    scored: Scored
    num_kept: int
    reach: Reach | None
    on_paths: dict[str, int]
