"""The mask of a run whose method changes it: every state so far, one of which can be shown."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal, SignalInstance, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.execution.move_file import read_moves
from snip_gui.core.pruning.mask_source import PassingMask
from snip_gui.core.runs.events import RunDone
from snip_gui.core.training.events import MaskMoved, TrainingStarted
from snip_gui.core.training.mask_moves import MaskMoves, count_kept, packed_size, unpack_masks

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.base.events import Event
    from snip_gui.core.graph.layout import Layout
    from snip_gui.session.state.session_state import SessionState


class LiveMasks(QObject):
    """The moving mask of the current training run.

    While it is followed, it takes the place of the scored mask in every view. It is followed from
    the start if the recipe on screen is trained.

    Parameters
    ----------
    happened
        Signal of the events of training.
    """

    changed = Signal()

    def __init__(
        self, state: SessionState, happened: SignalInstance, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        happened.connect(self.hear)
        self._state = state
        self._moves: MaskMoves | None = None
        self._layout: Layout | None = None
        self._kept: list[list[int]] = []  # of each layer after each move
        self._folder: Path | None = None
        self._number = -1
        state.recipe_changed.connect(self._on_recipe_changed)

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps at which the mask moved; empty if it does not."""
        return () if self._moves is None else self._moves.steps

    @property
    def number(self) -> int:
        """Index of the state that is shown while following; -1 for the newest."""
        return self._number

    @property
    def is_following(self) -> bool:
        """Whether views show the mask of the training run."""
        return self._state.is_following

    def kept_percent(self) -> NDArray[np.float64]:
        """Return what each layer (L) keeps after each move (N), in percent, as (L, N)."""
        if self._layout is None:
            return np.empty((0, 0))
        layout = self._layout
        totals_L = [sum(t.size for t in layout.get_tensors(name)) for name in layout.layers]
        kept_NL = np.array(self._kept, float).reshape(-1, len(totals_L))
        return np.ascontiguousarray((100 * kept_NL / totals_L).T)

    def text(self, number: int) -> str:
        """Return the step and sparsity of a state, by index, which may be negative."""
        assert self._layout is not None
        removed = 1 - sum(self._kept[number]) / self._layout.num_parameters
        return f"step {self.steps[number]:,}, {sparsity_text(removed)} removed"

    # Intents

    def follow(self, number: int = -1) -> None:
        """Show the mask after a move, by index; -1 follows the newest."""
        self._number = number
        self._show()
        self.changed.emit()

    def stop_following(self) -> None:
        """Show the scored mask again."""
        self._state.set_followed(None)
        self.changed.emit()

    # Events

    @Slot(object)
    def hear(self, event: Event) -> None:
        """Handle a training event about masks."""
        match event:
            case TrainingStarted(folder=folder):
                self.stop_following()
                self._forget()
                self._folder = folder
                self.changed.emit()
            case MaskMoved():
                self._add(event)
            case RunDone(folder=folder) if folder != self._folder or self._moves is None:
                self._forget()
                self._folder = folder
                self._read(None)
                self.changed.emit()

    def _forget(self) -> None:
        self._moves, self._layout, self._kept, self._number = None, None, [], -1

    def _add(self, event: MaskMoved) -> None:
        is_first = self._moves is None
        if is_first:
            self._read(event.step)  # what was before, if the run was resumed
        if self._moves is None or self._layout is None:
            return
        move = self._moves.find_move(event.step, event.packed_B)
        if move is not None:
            self._moves.add(move)
            self._kept.append(list(count_kept(event.packed_B, self._layout).values()))
        training = self._state.training
        if is_first and training is not None and training.recipe == self._state.recipe:
            self._show()  # instead of a preview, as long as the recipe on screen is trained
        elif self.is_following and self._number < 0:
            self._show()
        self.changed.emit()

    def _read(self, last_step: int | None) -> None:
        """Read the moves in the folder of the run, if its network is the one that is shown."""
        scored, training = self._state.own_scored, self._state.training
        if scored is None or training is None or self._folder is None:
            return
        if scored.layout.num_parameters != training.num_parameters:
            return
        self._layout = scored.layout
        try:
            self._moves = read_moves(self._folder, packed_size(self._layout), last_step)
        except UserError:  # the run is complete without them
            self._moves = MaskMoves(packed_size(self._layout))
        for number in range(len(self._moves.steps)):
            packed_B = self._moves.mask_after(number)
            self._kept.append(list(count_kept(packed_B, self._layout).values()))

    def _show(self) -> None:
        """Put the chosen state in the place of the scored mask."""
        scored, training = self._state.own_scored, self._state.training
        if self._moves is None or not self._moves.steps or scored is None or training is None:
            return
        if self._layout is None or scored.layout.tensors != self._layout.tensors:
            return
        masks = unpack_masks(self._moves.mask_after(self._number), self._layout)
        source = PassingMask(self._layout, masks, f"The mask at {self.text(self._number)}.")
        self._state.set_followed(
            dataclasses.replace(scored, masks=source, unedited=None, recipe=training.recipe)
        )

    @Slot()
    def _on_recipe_changed(self) -> None:
        """Stop following if the network on screen is another one."""
        training, recipe = self._state.training, self._state.recipe
        is_other = training is not None and training.recipe.model != recipe.model
        if self.is_following and is_other:
            self.stop_following()
