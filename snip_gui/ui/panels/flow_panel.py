"""Flow: the whole network from input to output, with what stays connected under the mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QScrollArea, QStackedLayout, QVBoxLayout, QWidget

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.views.network_flow import network_flow
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.flow_view import FlowColours, FlowView
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.core.views.network_flow import FlowLayer, NetworkFlow, Units
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Colours, Themes

_EMPTY = (
    "Score a minibatch to see which parts of the network the mask keeps connected, from "
    "input to output."
)


class FlowPanel(QWidget):
    """The flow, with a readout of the layer under the pointer or of the whole network."""

    layer_chosen = Signal(str)

    def __init__(self, state: SessionState, themes: Themes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._themes = state, themes
        self._flow: NetworkFlow | None = None
        self._is_due = True
        self.view = named(FlowView(_colours(themes.colours)), "flow_view", "Network flow")
        self.view.hovered.connect(self._on_hovered)
        self.view.chosen.connect(self._on_chosen)
        self._empty = named(Label(_EMPTY), "flow_empty", "Network flow")
        self._empty.setProperty("role", "empty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        area = QScrollArea()
        area.setWidget(self.view)
        area.setWidgetResizable(True)
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        self._legend = named(Label(), "flow_legend", "Legend")
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._readout = named(Label(), "flow_readout", "Network flow in words")
        self._readout.setProperty("role", "muted")
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(area)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 4)
        column.setSpacing(2)
        column.addWidget(self._legend)
        column.addWidget(pages, 1)
        column.addWidget(self._readout)
        state.scored_changed.connect(self._refresh)
        state.sparsity_settled.connect(self._refresh)
        state.paths.changed.connect(self._refresh)
        state.selection_changed.connect(self._show_selected)
        themes.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    @Slot()
    def _refresh(self) -> None:
        """Draw now, or once it can be seen: behind a tab it still counts as visible for Qt."""
        self._is_due = self.visibleRegion().isEmpty()
        if not self._is_due:
            self._draw()

    def look_again(self) -> None:
        """Draw changes that happened while it could not be seen."""
        if self._is_due:
            self._is_due = False
            self._draw()

    def _draw(self) -> None:
        scored, paths = self._state.scored, self._state.paths
        if scored is not None and scored.architecture.wiring and paths.reach() is None:
            return  # paths are being computed and will be shown shortly
        self._flow = None
        if scored is not None:
            self._flow = network_flow(
                scored, self._state.num_kept, paths.reach(), paths.num_on_paths()
            )
        self.view.show_flow(self._flow)
        self._legend.setVisible(self._flow is not None)
        self._pages.setCurrentIndex(int(self._flow is not None))
        self._show_selected()
        self._on_hovered(-1)

    @Slot()
    def _show_selected(self) -> None:
        scored, name = self._state.scored, self._state.selection.tensor
        self.view.mark(scored.layout[name].layer if scored is not None and name else "")

    @Slot(int)
    def _on_hovered(self, place: int) -> None:
        flow = self._flow
        if flow is None:
            self._readout.setText("")
        elif place < 0:
            self._readout.setText(_whole(flow))
        elif place == 0:
            text = _units_text(flow.inputs, "inputs") if flow.inputs else ""
            self._readout.setText(f"Input: {text}" if text else "The input")
        else:
            self._readout.setText(_layer_text(flow.layers[place - 1]))

    @Slot(int)
    def _on_chosen(self, place: int) -> None:
        if self._flow is not None:
            self.layer_chosen.emit(self._flow.layers[place - 1].layer)

    @Slot()
    def _on_theme_changed(self) -> None:
        colours = self._themes.colours
        self.view.set_colours(_colours(colours))
        self._legend.setText(
            f"connections: {_square(colours.kept)} kept {_square(colours.no_path)} kept but on "
            f"no path {_square(colours.bar_track)} removed &nbsp;&nbsp; units: "
            f"{_square(colours.bar)} on a path {_square(colours.no_path)} no input "
            f"{_square(colours.disabled)} no path to the output"
        )


def _colours(colours: Colours) -> FlowColours:
    return FlowColours(
        total=colours.bar_track,
        kept=colours.kept,
        no_path=colours.no_path,
        units=colours.bar,
        idle=colours.disabled,
        ink=colours.text,
        muted=colours.muted,
        mark=colours.accent,
    )


def _square(colour: str) -> str:
    return f'<span style="color:{colour}">■</span>'


def _whole(flow: NetworkFlow) -> str:
    """Return the readout of the whole network."""
    nominal = (
        f"{sparsity_text(1 - flow.kept / flow.total)} removed" if flow.total else "nothing pruned"
    )
    if not flow.is_followed:
        return f"{nominal}; the paths between layers could not be traced"
    left = 1 - flow.on_paths / flow.total if flow.total else 0
    number = flow.kept - flow.on_paths
    return f"{nominal}, effective {sparsity_text(left)}: {number:,} kept connections lie on no path"


def _layer_text(layer: FlowLayer) -> str:
    if not layer.is_pruned:
        return f"{layer.layer}: {layer.total:,} weights, not pruned"
    text = f"{layer.layer}: {layer.kept:,} of {layer.total:,} kept"
    if layer.on_paths < layer.kept:
        text += f", {layer.kept - layer.on_paths:,} of them on no path"
    units = _units_text(layer.units, "units") if layer.units else ""
    return f"{text}; {units}" if units else text


def _units_text(units: Units, what: str) -> str:
    text = f"{units.alive:,} of {units.total:,} {what} on a path"
    if units.unreached:
        text += f", {units.unreached:,} receive no input"
    if units.idle:
        text += f", {units.idle:,} do not reach the output"
    return text
