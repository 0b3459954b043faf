"""Events of the verification of runs; no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from snip_gui.core.base.events import Event

Source: TypeAlias = Literal["recipe", "folder"]


@dataclass(frozen=True)
class Comparison:
    """How many of the stored values were computed again differently.

    Attributes
    ----------
    subject
        ``initial weights``, ``minibatch`` or ``mask``.
    num_values
        Number of values compared.
    num_different
        Number of those that differ in any bit.
    """

    subject: str
    num_values: int
    num_different: int


@dataclass(frozen=True)
class Verified(Event):
    """The mask of a run was computed again.

    Attributes
    ----------
    source
        ``recipe`` if everything was computed from the recipe and its data set, ``folder`` if the
        mask was computed from the weights and images in the run folder.
    comparisons
        What was compared; the mask is last.
    other_versions
        Packages of another version than in the run, with both versions, which may explain a
        difference in the last bits.
    """

    source: Source
    comparisons: tuple[Comparison, ...]
    other_versions: dict[str, tuple[str, str]]

    @property
    def is_equal(self) -> bool:
        """Whether everything is equal bit for bit."""
        return not any(one.num_different for one in self.comparisons)
