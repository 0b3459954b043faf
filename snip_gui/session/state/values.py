"""What the state of a session is made of, as frozen values."""

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
    """What the user can mend, and how where that is one press of a button.

    Attributes
    ----------
    unreadable
        Bad files that a data set can be opened without.
    proposal
        A value of the field that is likely to do; None if there is none to propose.
    """

    message: str
    hint: str = ""
    field: str = ""
    unreadable: tuple[BadFile, ...] = ()
    proposal: float | None = None

    @classmethod
    def of(cls, error: UserError) -> Problem:
        """Return what an error says."""
        return cls(error.message, error.hint, error.field, proposal=error.proposal)


@dataclass(frozen=True, slots=True)
class Activity:
    """What is being done now.

    Attributes
    ----------
    kind
        Of the job: ``score``, ``train``, ``load``, ``download``, ``export`` or ``devices``.
    total
        0 if the end is not known.
    """

    kind: str
    text: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None


def torch_text(versions: tuple[tuple[str, str], ...]) -> str:
    """Return what to say while there is no device, by what is known of the versions."""
    return "torch could not be loaded" if versions else "Loading torch…"


@dataclass(frozen=True, slots=True)
class TrainingState:
    """The training at hand, running or over.

    Attributes
    ----------
    recipe
        What is trained, whatever is chosen meanwhile.
    points
        Every point measured so far. The one part that grows in place: there may be many thousands,
        and a copy at each point would make a long training slower and slower.
    rates
        How fast it is beside the dense network; None where the whole network is trained.
    waits_for
        Why it makes no step now; empty while it does.
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
        """Whether steps are being done or about to be."""
        return self.phase in ("preparing", "running", "stopping")

    @property
    def can_continue(self) -> bool:
        """Whether it was stopped before its end."""
        return self.phase == "stopped" and self.folder is not None

    @property
    def sparsity(self) -> float:
        """Fraction removed, as reached."""
        return 1 - self.num_kept / self.num_parameters if self.num_parameters else 0.0
