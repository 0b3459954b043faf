"""Selection of a part of the network, shared by all views."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from snip_gui.core.pruning.input_map import find_mapped_inputs
from snip_gui.session.state.selection import Selection

if TYPE_CHECKING:
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.session.state.session_state import SessionState


class Selector(QObject):
    """Intents of all views in which something can be selected."""

    def __init__(self, state: SessionState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state

    def select(self, selection: Selection) -> None:
        """Select something; parts that the shown network lacks are dropped."""
        self._state.set_selection(selection)

    def select_layer(self, layer: str) -> None:
        """Select a layer by name, if it has prunable weights."""
        scored = self._state.scored
        tensors = scored.layout.get_tensors(layer) if scored else ()
        names = [tensor.name for tensor in tensors if tensor.is_weight]
        if names and self._state.selection.tensor not in names:
            self.select(Selection(names[0]))

    def select_unit(self, tensor: str, unit: int | None) -> None:
        """Select a unit of a layer, or all units; a selected input stays selected."""
        now = self._state.selection
        same = now if now.tensor == tensor else Selection(tensor)
        self.select(replace(same, unit=unit, place=()))

    def select_pixel(self, row: int, column: int) -> None:
        """Select a pixel of the input map, and the mapped layer's input that reads it."""
        scored = self._state.scored
        tensor = mapped_tensor(scored) if scored else ""
        if scored is None or not tensor:
            return
        now = self._state.selection
        same = now if now.tensor == tensor else Selection(tensor)
        shape = scored.architecture.input_shape
        sources = find_mapped_inputs(scored.model.input_map, shape, row, column)
        source = sources[0] if len(sources) == 1 else None
        self.select(replace(same, source=source, place=(), pixel=(row, column)))

    def select_score(self, score: float) -> None:
        """Select the connection with the nearest score, if it is a weight."""
        scored = self._state.scored
        if scored is None or scored.ranking is None:
            return
        ranking = scored.ranking
        position = scored.find_connection(int(ranking.order_M[ranking.rank_at(score)]))
        if position is not None:
            name, (unit, source, *place) = position
            self.select(Selection(name, unit, source, tuple(place)))

    def clear_selection(self) -> None:
        """Reduce the selection to the layer."""
        self.select(self._state.selection.clear_selection())


def mapped_tensor(scored: Scored) -> str:
    """Return the weight tensor whose inputs the input map shows; empty if there is none."""
    layer = scored.model.mapped_layer
    if scored.model.input_map == "none" or layer not in scored.layout.layers:
        return ""
    return scored.layout.get_weight(layer).name
