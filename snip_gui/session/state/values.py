"""Frozen values that make up the state of a session."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.base.errors import UserError
    from snip_gui.core.data.sets.events import BadFile
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.training.events import StepRates
    from snip_gui.core.training.metrics import MetricPoint

TrainingPhase: TypeAlias = Literal[
    "preparing", "running", "stopping", "stopped", "finished", "failed"
]


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that the user can fix, with what a button needs to fix it.

    Attributes
    ----------
    unreadable
        Unreadable files that the data set can be opened without.
    proposal
        A value that is likely to work for the field; None if there is none to suggest.
    is_question
        Whether it asks for a choice that was not made yet, rather than reporting a failure.
    """

    message: str
    hint: str = ""
    field: str = ""
    unreadable: tuple[BadFile, ...] = ()
    proposal: float | None = None
    is_question: bool = False

    @classmethod
    def of(cls, error: UserError) -> Problem:
        """Return the problem that an error describes."""
        return cls(error.message, error.hint, error.field, proposal=error.proposal)


@dataclass(frozen=True, slots=True)
class Activity:
    """The current activity.

    Attributes
    ----------
    kind
        Kind of the job: ``score``, ``train``, ``load``, ``download``, ``export`` or ``devices``.
    total
        0 if unknown.
    """

    kind: str
    text: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None


def torch_text(versions: tuple[tuple[str, str], ...]) -> str:
    """Return the text to show while there is no device, depending on the known versions."""
    return "torch could not be loaded" if versions else "Loading torch…"


@dataclass(frozen=True, slots=True)
class TrainingState:
    """The current training run, which may have ended.

    Attributes
    ----------
    recipe
        The recipe that is trained, which need not be the current one.
    points
        All points so far. The only part that grows in place: there may be many thousands, and
        copying them at each point would make a long training run ever slower.
    rates
        Its speed compared to the dense network; None if the whole network is trained.
    waits_for
        What it is waiting for; empty if it is not waiting.
    """

    recipe: Recipe
    phase: TrainingPhase
    folder: Path | None = None
    num_kept: int = 0
    num_parameters: int = 0
    step: int = 0
    num_steps: int = 0
    points: list[MetricPoint] = field(default_factory=list)
    summary: Summary | None = None
    rates: StepRates | None = None
    waits_for: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it is training or about to."""
        return self.phase in ("preparing", "running", "stopping")

    @property
    def can_continue(self) -> bool:
        """Whether it was stopped before the end."""
        return self.phase == "stopped" and self.folder is not None

    @property
    def sparsity(self) -> float:
        """Fraction actually removed."""
        return 1 - self.num_kept / self.num_parameters if self.num_parameters else 0.0
