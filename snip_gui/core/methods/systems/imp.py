"""Iterative magnitude pruning with rewinding: lottery tickets (Frankle & Carbin 2019, section 2).

The network is trained; the smallest weights of the whole network are removed, and all other values
are reset to what they were before training; it is trained again under the mask, and so on. Every
round keeps the same fraction of the remaining connections. A removed weight never returns. On
LeNet the paper removes a fraction of each layer instead, half as much of the last.

Shapes: M prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from snip_gui.core.graph.layout import split_flat
from snip_gui.core.methods.rounds import exponential, target_count
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.sensitivity import flat_weights
from snip_gui.core.recipe.methods import Imp
from snip_gui.core.training.regime import MaskChange, Moment, Regime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.workbench import Workbench

_PREFIX = "initial."


def make_regime(bench: Workbench) -> Rewinding:
    """Return the regime of a recipe; raises `UserError` if no connection would be kept."""
    spec = bench.recipe.pruning
    assert isinstance(spec, Imp)
    total = bench.prunable.layout.num_parameters
    schedule = exponential(total, target_count(bench), spec.rounds)
    return Rewinding(bench.model.state_dict(), schedule, floor=spec.floor)


class Rewinding(Regime):
    """Removes the smallest weights at the start of each round, and resets all others.

    Parameters
    ----------
    initial
        The state_dict before training; copied.
    schedule
        Number kept after each round.
    floor
        See `rank_scores`.
    """

    changes_masks = True

    def __init__(
        self, initial: Mapping[str, Tensor], schedule: Sequence[int], *, floor: int = 0
    ) -> None:
        self._initial = {name: values.detach().clone() for name, values in initial.items()}
        self._schedule, self._floor = schedule, floor

    def before_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Prune and rewind before the first step of a round; the first phase is dense."""
        if moment.phase == 0 or moment.step_of_phase > 0:
            return None
        layout, masks = masked.prunable.layout, masked.masks()
        flags = [(masks[t.name] != 0).reshape(-1).cpu().numpy() for t in layout.tensors]
        kept_M = np.concatenate(flags)
        # Removed weights rank after all kept ones, which may be zero.
        score_M = np.where(kept_M, np.abs(flat_weights(masked.prunable)), np.float32(-1))
        number = self._schedule[moment.phase - 1]
        ranking = rank_scores(score_M, layout, floor=self._floor)
        self._rewind(masked.model.state_dict())
        parts = split_flat(ranking.rank_M < number, layout)
        total = layout.num_parameters
        return MaskChange(
            {name: torch.from_numpy(np.array(part)) for name, part in parts.items()},
            f"Round {moment.phase} of {len(self._schedule)}: {number:,} of {total:,} connections "
            f"are kept ({1 - number / total:.2%} removed), with their initial weights.",
        )

    @torch.no_grad()
    def _rewind(self, state: Mapping[str, Tensor]) -> None:
        """Reset all parameters and buffers."""
        for name, values in self._initial.items():
            state[name].copy_(values)

    def state(self) -> dict[str, Tensor]:
        """Return the values before training."""
        return {_PREFIX + name: values for name, values in self._initial.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the values before training; raises `KeyError` if one is missing."""
        for name, values in self._initial.items():
            values.copy_(state[_PREFIX + name])
