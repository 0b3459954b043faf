"""What jobs yield for pictures alone: see `snip_gui.core.base.events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.views.large_canvas import Level


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


@dataclass(frozen=True, slots=True, eq=False)
class LevelMade(Event):
    """What the blocks of a large layer hold, or why there is no such picture."""

    look: str
    level: Level | str
