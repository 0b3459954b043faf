"""How the mask, the loss and the network may change while it trains.

A pruning method that finds its mask in the training ships a `Regime`; all others train under the
one that changes nothing, `Regime` itself. The trainer asks it at every step, and a checkpoint keeps
its state beside the masks, so that a run that was killed ends as if it had never been.

Shapes: B images of a batch, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from snip_gui.core.pruning.masked_model import Hold, MaskedModel


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment between two steps.

    Attributes
    ----------
    step, num_steps
        Steps done, and steps of the whole run.
    phase, step_of_phase
        The phase that the next step belongs to (see `snip_gui.core.recipe.training.Phase`), and its
        place there, both from 0.
    """

    step: int
    num_steps: int
    phase: int
    step_of_phase: int

    @property
    def is_end(self) -> bool:
        """Whether all steps are done."""
        return self.step == self.num_steps


@dataclass(frozen=True, slots=True, eq=False)
class MaskChange:
    """Other masks for the network.

    Attributes
    ----------
    masks
        Of all prunable parameters by name, not zero where kept.
    text
        A sentence for the log; empty for none.
    """

    masks: Mapping[str, Tensor]
    text: str = ""


class Regime:
    """The rules of a training; these ones keep mask, loss and network as they are.

    Attributes
    ----------
    changes_masks
        Whether masks may change. Then the whole network is trained, and masks are written again at
        the end.
    hold
        What becomes of removed weights; see `snip_gui.core.pruning.masked_model`.
    """

    changes_masks: bool = False
    hold: Hold = "zero"

    def before_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Change the masks before a step, after the held-out splits were measured."""
        return None

    def after_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Change the masks after a step, before the held-out splits are measured."""
        return None

    def forward(self, model: nn.Module, inputs_BCHW: Tensor) -> Tensor:
        """Return the class scores (B, K) of a training step."""
        scores_BK: Tensor = model(inputs_BCHW)
        return scores_BK

    def penalty(self, masked: MaskedModel) -> Tensor | None:
        """Return what is added to the mean loss of a batch; None for nothing."""
        return None

    def parameters(self) -> Mapping[str, nn.Parameter]:
        """Return parameters by name that are trained beside the network's, without decay."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """Return by name all that a resumed training needs, values of `parameters` included."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Put back what `state` returned; raises `KeyError` if something is missing."""
