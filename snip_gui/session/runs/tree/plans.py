"""The tree of plans: which pin, run or opened file each of the others came from."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import write_text
from snip_gui.core.comparing.plans import Plan, file_key, find_parents, mask_key, run_key
from snip_gui.core.models.own.source import digest_file
from snip_gui.core.recipe.methods import GivenMasks, find_method
from snip_gui.core.runs.folder import MASKS
from snip_gui.session.comparing.kept_pins import KeptPin
from snip_gui.session.kept.reading import read_kept
from snip_gui.session.kept.writer import KeptWriter
from snip_gui.session.runs.tree.plan_file import decode_plans, encode_plans
from snip_gui.session.state.notices import Notice
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.comparing.kept_pins import KeptPins
    from snip_gui.session.comparing.pins import Pins
    from snip_gui.session.runs.run_list import Runs
    from snip_gui.session.state.session_state import SessionState

_MOST_LINKS = 100_000


class Plans(QObject):
    """Records what each state came from, and opens or compares any of them.

    The origin is the plan that the current recipe came from: what is pinned or trained next
    branches from it. It follows the recipe, so undo goes back to the former origin.
    """

    changed = Signal()
    compared = Signal()  # two plans were chosen as A and B

    def __init__(
        self,
        state: SessionState,
        pins: Pins,
        kept_pins: KeptPins,
        runs: Runs,
        edit: Callable[[Recipe, str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._pins, self._kept_pins, self._runs = state, pins, kept_pins, runs
        self._edit = edit
        self._origin = ""
        self._origins: dict[Recipe, str] = {}  # of recipes that were current
        self._links: dict[str, str] = {}
        self._files: dict[str, Plan] = {}
        self._awaited: tuple[tuple[Recipe, int], ...] = ()
        self._writer = KeptWriter(self)
        self._file: Path | None = None
        state.recipe_changed.connect(self._on_recipe_changed)
        state.training_changed.connect(self._on_training_changed)
        pins.changed.connect(self._on_pins_changed)
        runs.changed.connect(self.changed)

    @property
    def all(self) -> tuple[Plan, ...]:
        """All plans: opened files, pins and runs, each kind in order of creation."""
        pins = [
            Plan(
                key=mask_key(pin.mask.scored.recipe, pin.mask.num_kept), kind="pin",
                name=pin.name, recipe=pin.mask.scored.recipe, sparsity=pin.sparsity,
                num_kept=pin.mask.num_kept, pin=pin.number,
            )
            for pin in self._pins.pins
        ]  # fmt: skip
        runs = [
            Plan(
                key=run_key(entry.folder), kind="run", name=entry.name, recipe=entry.recipe,
                sparsity=entry.sparsity or 0.0, num_kept=entry.num_kept,
                test_error=entry.test_error, folder=entry.folder,
            )
            for entry in reversed(self._runs.entries)
            if entry.recipe is not None
        ]  # fmt: skip
        plans = {plan.key: plan for plan in (*self._files.values(), *pins, *runs)}
        return tuple(plans.values())

    def parents(self) -> dict[str, str]:
        """Return the key of the parent of each plan; empty for a root."""
        return find_parents(self.all, self._links)

    @property
    def origin(self) -> str:
        """Key of the plan that the current recipe came from; empty for none."""
        return self._origin

    # Intents

    def open(self, plan: Plan) -> None:
        """Make a plan the current state; what is made next branches from it."""
        recipe = plan.recipe
        if plan.kind == "run":
            entry = next((e for e in self._runs.entries if e.folder == plan.folder), None)
            taken = None if entry is None else self._runs.take_recipe(entry)
            if taken is None:
                return
            recipe = taken
        elif plan.kind == "pin":
            pruning = msgspec.structs.replace(recipe.pruning, sparsity=plan.sparsity)
            recipe = msgspec.structs.replace(recipe, pruning=pruning)
        self._origins[recipe] = plan.key
        self._edit(recipe, f"Open {plan.name}")
        self._set_origin(plan.key)
        self._state.notices.info(f"Opened {plan.name}.")

    def compare(self, a: Plan, b: Plan) -> None:
        """Choose two plans as A and B; those that are not pinned are scored and pinned first."""
        self._state.status.set_problem(None)
        try:
            wanted = [(_masked(plan), plan) for plan in (a, b)]
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return
        self._awaited = tuple((recipe, plan.num_kept) for recipe, plan in wanted)
        missing = [
            KeptPin(recipe, plan.num_kept, plan.name)
            for recipe, plan in wanted
            if self._find_pin(recipe, plan.num_kept) is None
        ]
        name = self._state.recipe.data.name
        if any(pin.recipe.data.name != name for pin in missing):
            self._awaited = ()
            self._state.status.report(
                Problem(
                    "These states belong to another data set than the one that is open.",
                    "Open one of them first, then compare.",
                )
            )
            return
        self._kept_pins.add(missing)
        self._choose_awaited()

    def _find_pin(self, recipe: Recipe, num_kept: int) -> int | None:
        for pin in self._pins.pins:
            if (pin.mask.scored.recipe, pin.mask.num_kept) == (recipe, num_kept):
                return pin.number
        return None

    def _choose_awaited(self) -> None:
        """Compare the two awaited plans once both are pinned."""
        numbers = [self._find_pin(recipe, num_kept) for recipe, num_kept in self._awaited]
        if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None:
            self._awaited = ()
            self._pins.choose(numbers[0], numbers[1])
            self.compared.emit()

    # Records

    def _set_origin(self, key: str) -> None:
        self._origin = key
        self._origins[self._state.recipe] = key
        self.changed.emit()

    def _record(self, key: str) -> None:
        """Record that a new state came from the origin."""
        if key not in self._links and len(self._links) < _MOST_LINKS:
            self._links[key] = "" if key == self._origin else self._origin
            self._save()
            self.changed.emit()

    @Slot()
    def _on_recipe_changed(self) -> None:
        recipe = self._state.recipe
        known = self._origins.get(recipe)
        if known is None:
            same = (e.folder for e in self._runs.entries if e.recipe == recipe)
            folder = next(same, None)
            known = None if folder is None else run_key(folder)
        opened = file_key(recipe)
        if known is None and opened and opened not in self._files:
            path = recipe.model.weights
            if isinstance(recipe.pruning, GivenMasks):
                path = recipe.pruning.file
            self._files[opened] = Plan(
                key=opened, kind="file", name=Path(path).name, recipe=recipe,
                sparsity=recipe.pruning.sparsity,
            )  # fmt: skip
            self._record(opened)
            self._set_origin(opened)
        else:
            self._origin = self._origin if known is None else known
            self._origins[recipe] = self._origin

    @Slot()
    def _on_training_changed(self) -> None:
        training = self._state.training
        if training is None or training.folder is None or not training.num_kept:
            return
        key = run_key(training.folder)
        if training.folder not in {entry.folder for entry in self._runs.entries}:
            self._record(key)
        if training.recipe == self._state.recipe and key != self._origin:
            self._set_origin(key)

    @Slot()
    def _on_pins_changed(self) -> None:
        screen = self._pins.get_mask(0)
        for pin in self._pins.pins:
            key = mask_key(pin.mask.scored.recipe, pin.mask.num_kept)
            is_new = key not in self._links
            is_screen = screen is not None and (
                (pin.mask.scored, pin.mask.num_kept) == (screen.scored, screen.num_kept)
            )
            if is_new and is_screen:
                self._record(key)
                self._set_origin(key)
        self._choose_awaited()
        self.changed.emit()

    # The file

    def keep_in(self, file: Path) -> None:
        """Read the records of earlier sessions, and save changes from now on."""
        found, problem = read_kept(file, decode_plans)
        if problem:
            text = f"The tree of earlier sessions could not be restored. {problem}"
            self._state.notices.add(Notice("problem", text))
        links, files = found or ({}, {})
        self._links, self._files = links | self._links, files | self._files
        self._file = file
        self.changed.emit()

    def finish(self) -> bool:
        """Write pending changes; return whether everything is on disk."""
        return self._writer.finish()

    def _save(self) -> None:
        if self._file is not None:
            text = encode_plans(self._links, self._files)
            self._writer.write_soon(self._file.name, partial(write_text, self._file, text))


def _masked(plan: Plan) -> Recipe:
    """Return a recipe that gives the mask of a plan when scored.

    Raises
    ------
    UserError
        If the method of a run is not installed, or its masks cannot be read.
    """
    recipe = plan.recipe
    if plan.folder is None or find_method(recipe.pruning).masks_for != "training":
        return recipe
    path = plan.folder / MASKS
    pruning = GivenMasks(
        file=str(path), file_digest=digest_file(path), sparsity=plan.sparsity,
        prunable=recipe.pruning.prunable, exclude=recipe.pruning.exclude,
    )  # fmt: skip
    return msgspec.structs.replace(recipe, pruning=pruning)
