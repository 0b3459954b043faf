"""Regimes: how mask, loss and network may change during training.

A pruning method that finds its mask during training provides a `Regime`; all others use `Regime`
itself, which changes nothing. The trainer consults it at every step, and checkpoints contain its
state beside the masks, so a run that is killed and resumed equals an uninterrupted one.

Shapes: B images per batch, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from torch import Tensor, nn

    from snip_gui.core.pruning.masked_model import Hold, MaskedModel


@dataclass(frozen=True, slots=True)
class Moment:
    """A position in a run, between two steps.

    Attributes
    ----------
    step, num_steps
        Completed steps, and total steps of the run.
    phase, step_of_phase
        The phase of the next step (see `snip_gui.core.recipe.training.Phase`), and its index in
        that phase, both from 0.
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
    """New masks for the network.

    Attributes
    ----------
    masks
        Masks of all prunable parameters by name, nonzero where kept.
    text
        A sentence for the log; empty for none.
    """

    masks: Mapping[str, Tensor]
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a training that ended now would result in.

    Attributes
    ----------
    masks
        Masks of all prunable parameters by name, nonzero where kept.
    weights
        Values of parameters that differ from the trained ones, by state_dict key.
    """

    masks: Mapping[str, Tensor]
    weights: Mapping[str, Tensor] = field(default_factory=dict)


class Regime:
    """Rules of training; this base class leaves mask, loss and network unchanged.

    Attributes
    ----------
    changes_masks
        Whether masks may change. If so, the whole network is trained, and masks are written again
        at the end.
    hold
        How removed weights are treated; see `snip_gui.core.pruning.masked_model`.
    """

    changes_masks: bool = False
    hold: Hold = "zero"

    def prepare_step(self, masked: MaskedModel, moment: Moment) -> Generator[None, None, None]:
        """Do work for a step that takes long, before `before_step`.

        Training can be stopped at every yield. The work is then abandoned, and done again when
        training resumes, so it must leave the network unchanged.
        """
        yield from ()

    def before_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Change the masks before a step, after the validation and test splits were evaluated."""
        return None

    def after_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Change the masks after a step, before the validation and test splits are evaluated."""
        return None

    def forward(self, model: nn.Module, inputs_BCHW: Tensor) -> Tensor:
        """Return the class scores (B, K) of a training step."""
        scores_BK: Tensor = model(inputs_BCHW)
        return scores_BK

    def penalty(self, masked: MaskedModel) -> Tensor | None:
        """Return a penalty to add to the mean loss of a batch; None for none."""
        return None

    def change_gradients(self, masked: MaskedModel) -> None:
        """Change the gradients after the backward pass, in place.

        For a penalty whose gradient is known, which is faster than `penalty`.
        """

    def outcome(self, masked: MaskedModel) -> Outcome | None:
        """Return the pruned network that would result if training ended now.

        For methods that train the whole network, and remove connections only at the end. The
        outcome is what is evaluated, stored and exported; training continues with the weights as
        they were. None if the network as trained is the result.
        """
        return None

    def parameters(self) -> Mapping[str, nn.Parameter]:
        """Return further parameters to train, by name; they do not decay."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """Return all state that resuming needs, by name, including the values of `parameters`."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned; raises `KeyError` if something is missing."""
