"""Runs trained beside a pruned one, to compare it with: the dense network and a random mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import without_edits

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.session.runs.run_list import Runs


@dataclass(frozen=True, slots=True)
class Companion:
    """A run to compare with: its name in the sentence, and its recipe."""

    name: str
    recipe: Recipe


def make_companions(recipe: Recipe, *, dense: bool, random: bool) -> tuple[Companion, ...]:
    """Return what to train beside a recipe; nothing that equals the recipe itself."""
    made = []
    plain = without_edits(recipe)  # nothing can be removed from the dense network
    try:
        if dense:
            made.append(Companion("dense", with_value(plain, "pruning.sparsity", 0.0)))
        if random and recipe.pruning.sparsity > 0:
            made.append(Companion("random mask", with_value(plain, "pruning.method", "random")))
    except UserError:  # the method of a package that is not installed any more
        return ()
    return tuple(one for one in made if one.recipe != recipe)


class Companions(QObject):
    """Overlays the companions of the last training on its charts, and puts the result in words."""

    changed = Signal()  # the sentence

    def __init__(self, runs: Runs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs = runs
        self._main: Recipe | None = None
        self._companions: tuple[Companion, ...] = ()
        self._before: frozenset[Path] = frozenset()
        self._overlaid: set[Path] = set()
        runs.changed.connect(self._on_runs_changed)

    def follow(self, recipe: Recipe, companions: tuple[Companion, ...]) -> None:
        """Follow the runs of a recipe and its companions that are about to start."""
        self._main, self._companions = recipe, companions
        self._before = frozenset(entry.folder for entry in self._runs.entries)
        self._overlaid = set()
        self.changed.emit()

    @property
    def sentence(self) -> str:
        """The test errors so far: ``98% removed: 4.30%; dense 1.90%``; empty for nothing to say."""
        if self._main is None or not self._companions:
            return ""
        own = self._find(self._main)
        if own is None or own.test_error is None:
            return ""
        parts = [f"{sparsity_text(own.sparsity or 0.0)} removed: {own.test_error:.2%}"]
        for companion in self._companions:
            entry = self._find(companion.recipe)
            if entry is not None and entry.test_error is not None:
                parts.append(f"{companion.name} {entry.test_error:.2%}")
        return "; ".join(parts) if len(parts) > 1 else ""

    def _find(self, recipe: Recipe) -> RunEntry | None:
        """Return the run of a recipe that has started since."""
        for entry in self._runs.entries:
            if entry.recipe == recipe and entry.folder not in self._before:
                return entry
        return None

    @Slot()
    def _on_runs_changed(self) -> None:
        """Overlay runs as they appear; one that is removed from the charts later stays removed."""
        recipes = [companion.recipe for companion in self._companions]
        for recipe in [self._main, *recipes] if self._main is not None and recipes else []:
            entry = self._find(recipe) if recipe is not None else None
            if entry is not None and entry.folder not in self._overlaid:
                self._overlaid.add(entry.folder)
                self._runs.check(entry.folder, True)
        self.changed.emit()
