"""The connections of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, QTimer, Slot
from PySide6.QtWidgets import QComboBox

from snip_gui.core.pruning.edits.edited import EditedRanking
from snip_gui.core.pruning.edits.regions import connection_targets, painted_connections
from snip_gui.core.views.arrangement import Arrangement, by_number_kept
from snip_gui.core.views.large_canvas import LargeCanvas
from snip_gui.core.views.readout import connection_text, part_text
from snip_gui.core.views.weight_canvas import WeightCanvas, edit_picture, weight_canvas
from snip_gui.core.views.weight_values import colour_limit, signed_picture, value_picture
from snip_gui.session.state.selection import Selection, connection
from snip_gui.ui.heatmap.large_layer import LargeLayer, is_large
from snip_gui.ui.heatmap.picture_page import NO_SCORES, PicturePage, choice
from snip_gui.ui.heatmap.timeline import Timeline
from snip_gui.ui.theme.picture_colours import make_colour_table
from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtGui import QHideEvent, QShowEvent
    from PySide6.QtWidgets import QWidget

    from snip_gui.core.graph.layout import TensorSpec
    from snip_gui.core.pruning.edits.regions import Target
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.recipe.edits import Edit
    from snip_gui.core.views.picture import Picture
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes

_COLOURS = (
    ("mask", "mask"),
    ("sensitivity, kept", "kept-sensitivity"),
    ("sensitivity, all", "sensitivity"),
    ("weight", "weight"),
    ("gradient", "gradient"),
    ("removal sparsity", "leaves"),
    ("weights while training", "training"),
)
_TOO_LARGE = "This layer is too large to follow while it trains."
_TOO_LARGE_TO_PAINT = (
    "This layer is too large to paint: right-click a connection to edit it, its unit or its input."
)
_LIVE_MS = 150
_NO_TRAINING = (
    "This layer has not been trained yet.\n\nPress Train (F6) to watch its weights change here; "
    "the slider below steps back through the epochs."
)


class WeightsPage(PicturePage):
    """The connections of a layer, with controls."""

    def __init__(
        self,
        state: SessionState,
        controller: Controller,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("heatmap", "Weights", themes, parent)
        self._state, self._selector = state, controller.selector
        self.canvas: WeightCanvas | None = None
        self._values: dict[tuple[str, tuple[int, int]], Picture | str] = {}
        self._edited: tuple[object, NDArray[np.uint8]] | None = None
        self._live, self._live_most = controller.live, 0.0
        self.timeline = Timeline()
        self._make_controls()
        self.column.addWidget(self.timeline)
        self.timeline.moved.connect(self.refresh)
        self._soon = QTimer(self, singleShot=True, interval=_LIVE_MS)
        self._soon.timeout.connect(self._on_live_changed)
        controller.live.changed.connect(self._on_live)
        state.selection_changed.connect(self._on_selection_changed)
        state.sparsity_settled.connect(self._on_settled)
        self.plot.zoomed.connect(self._on_zoomed)
        self.large = LargeLayer(self.plot, controller.levels)
        self.plot.moved.connect(self._on_moved)
        controller.levels.made.connect(self._on_level_made)
        self.follow_theme()

    def _make_controls(self) -> None:
        self.layer = named(QComboBox(), "heatmap_layer", "Layer", "Which layer's weights are shown")
        self.style_box = choice(
            "heatmap_style", "Arrangement",
            "kernels: one row of kernels per output. channels: one row per output and one column "
            "per input channel, showing the fraction of each kernel that is kept",
            (("kernels", "kernels"), ("channels", "channels")),
        )  # fmt: skip
        self.order = choice(
            "heatmap_order", "Order",
            "Outputs and inputs in their original order, or sorted by the number of connections "
            "kept",
            (("in order", "own"), ("most kept first", "kept")),
        )  # fmt: skip
        self.colours = choice(
            "heatmap_colours", "Colours",
            "mask: kept and removed. sensitivity: on a logarithmic scale, of kept or all "
            "connections. weight, gradient: as scored, orange below zero and blue above. removal "
            "sparsity: the sparsity above which a connection is removed. weights while training: "
            "the current or final values",
            _COLOURS,
        )  # fmt: skip
        self.layer.currentIndexChanged.connect(self._on_layer_changed)
        for box in (self.style_box, self.order):
            box.currentIndexChanged.connect(self._on_arrangement_changed)
        self.colours.currentIndexChanged.connect(self._on_colours_changed)
        for widget in (self.layer, self.style_box, self.order, self.colours):
            self.controls.addWidget(widget)
        self.timeline.hide()

    def show_scored(self) -> None:
        """Update the choices for the current network."""
        scored = self._state.scored
        with QSignalBlocker(self.layer):
            self.layer.clear()
            for tensor in scored.layout.weights if scored else ():
                self.layer.addItem(tensor.label, tensor.name)
        self.canvas = None
        for box in (self.layer, self.style_box, self.order, self.colours):
            box.setEnabled(scored is not None)
        self._on_selection_changed()

    @property
    def _tensor(self) -> TensorSpec | None:
        """The shown weight tensor."""
        scored, name = self._state.scored, self.layer.currentData()
        return scored.layout[name] if scored is not None and name else None

    @Slot()
    def _on_selection_changed(self) -> None:
        number = self.layer.findData(self._state.selection.tensor)
        if number != self.layer.currentIndex():
            with QSignalBlocker(self.layer):
                self.layer.setCurrentIndex(max(0, number))
        tensor = self._tensor
        self._follow()
        self.style_box.setVisible(tensor is not None and not Arrangement(tensor).is_matrix)
        self.refresh()

    @Slot()
    def _on_layer_changed(self) -> None:
        self._selector.select(Selection(self.layer.currentData() or ""))

    @property
    def _is_live(self) -> bool:
        return bool(self.colours.currentData() == "training")

    @Slot()
    def _on_colours_changed(self) -> None:
        self.timeline.setVisible(self._is_live)
        self._follow()
        self.refresh()

    def _follow(self) -> None:
        """Make training report the weights of the layer while it is visible."""
        tensor = self._tensor
        seen = self._is_live and self.isVisible()
        follows = seen and tensor is not None and not is_large(tensor)
        self._live.look_at(tensor.name if follows and tensor is not None else "")

    @Slot()
    def _on_live(self) -> None:
        """Redraw after a short delay: short epochs follow faster than is worth drawing."""
        if not self._soon.isActive():
            self._soon.start()

    @Slot()
    def _on_live_changed(self) -> None:
        self.timeline.show_epochs(self._live.epochs)
        if not self._live.epochs:
            self._live_most = 0.0
        if self._is_live and (self.timeline.number < 0 or not self._live.epochs):
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Follow training while visible."""
        super().showEvent(event)
        self._follow()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop following training."""
        super().hideEvent(event)
        self._follow()

    @Slot()
    def _on_arrangement_changed(self) -> None:
        self.canvas = self.large.canvas = None
        self.refresh()
        self.readout.emit("")

    @Slot()
    def _on_settled(self) -> None:
        if self.order.currentData() == "kept":
            self._on_arrangement_changed()

    @Slot()
    def _on_zoomed(self) -> None:
        """Adapt the resolution of a large layer to the zoom."""
        if self._arrangement is not None:
            self.refresh()

    @Slot()
    def _on_moved(self) -> None:
        """Draw the visible part of a layer that is drawn in parts."""
        if self.large.canvas is not None and self.large.needs_another_part():
            self.refresh()

    @Slot()
    def _on_level_made(self) -> None:
        if self.large.canvas is not None:
            self.refresh()

    def draw(self) -> None:
        """Draw the layer at the current sparsity."""
        scored, tensor = self._state.scored, self._tensor
        if scored is None or tensor is None:
            self.say(NO_SCORES)
            return
        if is_large(tensor):
            self._draw_large(scored, tensor)
            return
        self.large.canvas = None
        if self.canvas is None or self.canvas.arrangement.tensor != tensor:
            self.canvas = weight_canvas(
                scored.masks, self._arranged(scored, tensor), scored.score_name
            )
            self._values, self._live_most, self._edited = {}, 0.0, None
            self.plot.prepare(self.canvas.size)
        self.canvas = self.canvas.reduced(self.plot.reduction)
        picture = self._picture(scored, self.canvas)
        if isinstance(picture, str):
            self.say(picture)
            return
        table = make_colour_table(picture, self.themes.colours)
        self.plot.show_picture(picture, table, self.canvas.size, self.canvas.block)
        self.painter.obstacle = ""
        self.plot.show_edits(self._edits(self.canvas.block), self.canvas.block)
        self._draw_marks(self.canvas.arrangement)
        self.show_plot()

    def edited_HW(self) -> NDArray[np.uint8] | None:
        """Return what edits do to each connection of the canvas."""
        return self._edits((1, 1))

    def _edits(self, block: tuple[int, int]) -> NDArray[np.uint8] | None:
        """Return what edits do to each block; None without edits."""
        scored = self._state.scored
        if self.canvas is None or scored is None or not isinstance(scored.masks, EditedRanking):
            return None
        key = (block, self.canvas.arrangement)
        if self._edited is None or self._edited[0] != key:
            state = scored.masks.get_states(self.canvas.tensor)
            self._edited = key, edit_picture(state, self.canvas.arrangement, block)
        return self._edited[1]

    def targets_at(self, row: int, column: int) -> Sequence[Target]:
        """Return the parts around the connection under the pointer."""
        scored, plane = self._state.scored, self._arrangement
        position = plane.position_at(row, column) if plane else None
        if scored is None or plane is None or position is None:
            return ()
        targets = connection_targets(scored, plane.tensor, position)
        return targets[1:] if plane.style == "channels" and not plane.is_matrix else targets

    def painted_edit(self, chosen_HW: NDArray[np.bool_]) -> Edit | None:
        """Return the edit that keeps painted connections; None for a layer drawn in parts."""
        if self.canvas is None:
            return None
        arrangement = self.canvas.arrangement
        return painted_connections(arrangement.tensor, arrangement.choose(chosen_HW))

    def _draw_large(self, scored: Scored, tensor: TensorSpec) -> None:
        """Draw a layer that is too large for a picture of all connections."""
        self.canvas = None
        known = self.large.canvas
        if known is None or known.scored is not scored or known.arrangement.tensor != tensor:
            self._arrange_large(scored, tensor)
        if self._is_live:
            self.say(_TOO_LARGE)
            return
        sentence = self.large.draw(
            self.colours.currentData(), self._state.num_kept, self.themes.colours
        )
        if sentence:
            self.say(sentence)
            return
        assert self.large.canvas is not None
        self.painter.obstacle = _TOO_LARGE_TO_PAINT
        self._draw_marks(self.large.canvas.arrangement)
        self.show_plot()

    def _arrange_large(self, scored: Scored, tensor: TensorSpec) -> None:
        self.large.canvas = LargeCanvas(self._arranged(scored, tensor), scored)
        self.plot.prepare(self.large.canvas.arrangement.size)

    def _draw_marks(self, arrangement: Arrangement) -> None:
        selection = self._state.selection
        marks = arrangement.rectangles(selection.unit, selection.source, selection.place)
        self.plot.show_marks(marks if selection.tensor == arrangement.tensor.name else ())

    def _arranged(self, scored: Scored, tensor: TensorSpec) -> Arrangement:
        """Return the arrangement of the connections."""
        style = self.style_box.currentData()
        if self.order.currentData() == "own":
            return Arrangement(tensor, style)
        kept = scored.masks.get_mask(tensor, self._state.num_kept)
        units, sources = by_number_kept(kept.reshape(*tensor.shape[:2], -1).sum(axis=2))
        return Arrangement(tensor, style, units, sources)

    def _picture(self, scored: Scored, canvas: WeightCanvas) -> Picture | str:
        colours = self.colours.currentData()
        if colours == "training":
            return self._trained_picture(canvas)
        if colours not in ("weight", "gradient", "leaves"):
            return canvas.picture(self._state.num_kept, colours)
        key = (colours, canvas.block)
        if key not in self._values:  # independent of the slider
            self._values[key] = value_picture(scored, canvas.arrangement, colours, canvas.block)
        return self._values[key]

    def _trained_values(self) -> NDArray[np.float32] | None:
        """Return the layer's weights at the timeline's position, if it was trained."""
        tensor = self._tensor
        if tensor is None:
            return None
        values = self._live.weight_at(self.timeline.number, tensor.name)
        return values if values is not None and values.shape == tensor.shape else None

    def _trained_picture(self, canvas: WeightCanvas) -> Picture | str:
        """Return a picture of the weights at the timeline's position."""
        values = self._trained_values()
        if values is None:
            return _NO_TRAINING
        # The range only grows, so that colours are comparable along the timeline.
        self._live_most = max(self._live_most, colour_limit(values))
        return signed_picture(values, canvas.arrangement, "weight", canvas.block, self._live_most)

    @Slot(int, int)
    def on_hovered(self, row: int, column: int) -> None:
        """Show the readout of the connection or kernel under the pointer."""
        self.readout.emit(self._text_at(row, column))

    def _text_at(self, row: int, column: int) -> str:
        scored, plane = self._state.scored, self._arrangement
        position = plane.position_at(row, column) if plane else None
        if scored is None or plane is None or position is None:
            return ""
        if plane.style == "channels":
            unit, source, *_ = position
            return part_text(scored, plane.tensor, unit, source, self._state.num_kept)
        text = connection_text(scored, plane.tensor, position, self._state.num_kept)
        values = self._trained_values() if self._is_live else None
        return text if values is None else f"{text}; while training {values[position]:+.4f}"

    @Slot(int, int)
    def on_clicked(self, row: int, column: int) -> None:
        """Select the connection or kernel under the pointer."""
        plane = self._arrangement
        position = plane.position_at(row, column) if plane else None
        if plane is None or position is None:
            return
        if plane.style == "channels":
            unit, source, *_ = position
            self._selector.select(Selection(plane.tensor.name, unit, source))
        else:
            self._selector.select(connection(plane.tensor, position))

    @property
    def _arrangement(self) -> Arrangement | None:
        """Arrangement of the shown connections."""
        canvas = self.canvas or self.large.canvas
        return canvas.arrangement if canvas is not None else None

    def hint(self) -> str:
        """Return a description of the picture."""
        tensor = self._tensor
        if tensor is None:
            return ""
        out, into = tensor.shape[:2]
        if Arrangement(tensor).is_matrix:
            return f"{tensor.label}: {out} outputs (rows) by {into} inputs (columns)"
        if self.style_box.currentData() == "channels":
            return f"{tensor.label}: {out} outputs (rows) by {into} input channels (columns)"
        kernels = "one kernel" if into == 1 else f"{into} kernels side by side"
        return f"{tensor.label}: {out} outputs, {kernels} each"
