"""Plans: pinned masks, runs and opened files, as a tree of what came from what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from snip_gui.core.recipe.methods import GivenMasks, find_method
from snip_gui.core.recipe.pruning import Unavailable
from snip_gui.core.recipe.stages import Stage, stage_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from snip_gui.core.recipe.recipe import Recipe

PlanKind: TypeAlias = Literal["pin", "run", "file"]

_NUM_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A state that others can come from.

    Attributes
    ----------
    key
        Identifies it in this and later sessions, by its contents.
    num_kept
        Number of connections kept; 0 if unknown.
    test_error
        Final test error of a run, or None.
    folder
        Folder of a run, or None.
    pin
        Number of a pin, or 0.
    """

    key: str
    kind: PlanKind
    name: str
    recipe: Recipe
    sparsity: float
    num_kept: int = 0
    test_error: float | None = None
    folder: Path | None = None
    pin: int = 0

    @property
    def method(self) -> str:
        """Title of the pruning method."""
        pruning = self.recipe.pruning
        return pruning.method if isinstance(pruning, Unavailable) else find_method(pruning).title

    @property
    def num_edits(self) -> int:
        """Number of edits by hand."""
        return len(self.recipe.pruning.edits)


def mask_key(recipe: Recipe, num_kept: int) -> str:
    """Return the key of a pinned mask."""
    return f"pin:{stage_keys(recipe)[Stage.SCORE][:_NUM_DIGITS]}:{num_kept}"


def run_key(folder: Path) -> str:
    """Return the key of a run."""
    return f"run:{folder.name}"


def file_key(recipe: Recipe) -> str:
    """Return the key of the file of weights or masks that a recipe uses; empty if it uses none."""
    pruning = recipe.pruning
    digest = pruning.file_digest if isinstance(pruning, GivenMasks) else ""
    digest = digest or recipe.model.weights_digest
    return f"file:{digest[:_NUM_DIGITS]}" if digest else ""


def find_parents(plans: Sequence[Plan], links: Mapping[str, str]) -> dict[str, str]:
    """Return the key of the parent of each plan; empty for a root.

    Parameters
    ----------
    links
        Recorded parents by key. Without a record, a run comes from the pin of its mask, and
        everything from the file that its recipe uses. The nearest recorded ancestor that still
        exists is the parent.
    """
    known = {plan.key for plan in plans}
    parents: dict[str, str] = {}
    for plan in plans:
        parent, seen = links.get(plan.key, ""), {plan.key}
        while parent and parent not in known and parent not in seen:  # deleted meanwhile
            seen.add(parent)
            parent = links.get(parent, "")
        guesses = [parent]
        if plan.kind == "run":
            guesses.append(mask_key(plan.recipe, plan.num_kept))
        guesses.append(file_key(plan.recipe))
        fitting = (g for g in guesses if g in known and not _descends(g, plan.key, parents))
        parents[plan.key] = next(fitting, "")
    return parents


def _descends(key: str, ancestor: str, parents: Mapping[str, str]) -> bool:
    """Return whether a plan is another one or comes from it."""
    while key and key != ancestor:
        key = parents.get(key, "")
    return key == ancestor
