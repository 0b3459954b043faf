"""Heatmap: the connections that are kept, live under the slider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.views.input_map import map_picture
from snip_gui.core.views.mask_difference import diverging_table
from snip_gui.core.views.picture import colour_table
from snip_gui.core.views.readout import connection_readout
from snip_gui.core.views.weight_canvas import WeightCanvas, weight_canvas
from snip_gui.core.views.weight_values import value_picture
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.picture_plot import PicturePlot
from snip_gui.ui.widgets.sparsity_control import SparsityControl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.views.picture import Picture
    from snip_gui.session.controller import Controller
    from snip_gui.session.state import SessionState
    from snip_gui.ui.theme import Themes

_REMOVED = (24, 28, 36)
_NO_SCORES = (
    "Nothing is scored yet.\n\nChoose a network and images on the left, then press Score (F5): "
    "the connections that matter for these images appear here."
)


class HeatmapPanel(QWidget):
    """The input map or a layer's weights, and the sparsity slider below."""

    def __init__(
        self,
        state: SessionState,
        controller: Controller,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._controller, self._themes = state, controller, themes
        self._canvas: WeightCanvas | None = None
        self._values: dict[tuple[str, tuple[int, int]], Picture | str] = {}
        self._fractions: NDArray[np.float64] | None = None
        self._make_controls()
        self.plot = PicturePlot()
        self._empty = named(QLabel(_NO_SCORES), "heatmap_empty", "Heatmap")
        self._empty.setProperty("role", "empty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setMargin(40)
        self._readout = named(QLabel(), "heatmap_readout", "Under the pointer")
        self._readout.setProperty("role", "muted")
        self._readout.setWordWrap(True)
        # Always two lines, so that nothing moves when a text gets longer.
        self._readout.setFixedHeight(2 * self._readout.fontMetrics().lineSpacing() + 2)
        self._readout.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.control = SparsityControl()
        self._build()
        self._connect()
        self._on_theme_changed()
        self._on_scored_changed()

    def _make_controls(self) -> None:
        self.show_map = _view_button("Input map", "view_input_map", "What is kept of each pixel")
        self.show_weights = _view_button("Weights", "view_weights", "Every connection of a layer")
        self.show_map.setChecked(True)
        self._views = QButtonGroup(self)
        self._views.addButton(self.show_map)
        self._views.addButton(self.show_weights)
        self.layer = named(QComboBox(), "heatmap_layer", "Layer", "Which layer's weights are shown")
        self.colours = named(QComboBox(), "heatmap_colours", "Colours", "What the colours mean")
        self.colours.addItem("mask", "mask")
        self.colours.addItem("sensitivity, kept", "kept-sensitivity")
        self.colours.addItem("sensitivity, all", "sensitivity")
        self.colours.addItem("weight", "weight")
        self.colours.addItem("gradient", "gradient")
        self.colours.addItem("goes at", "leaves")
        self.colours.setToolTip(
            "mask: kept and removed. sensitivity: its logarithm, of kept or all connections. "
            "weight, gradient: as scored, orange below zero and blue above. goes at: the sparsity "
            "from which on a connection is removed"
        )
        self.scale = named(
            QComboBox(), "heatmap_scale", "Scale",
            "Divide by the picture's own maximum, as the paper's figure 2 does, or show the "
            "fraction kept from 0 to 1",
        )  # fmt: skip
        self.scale.addItem("own maximum", "own-maximum")
        self.scale.addItem("0 to 1", "unit")
        self.badge = named(QLabel(), "training_badge", "Training")
        self.badge.setProperty("role", "notice")
        self.back = named(
            QPushButton("Back to it"), "back_to_training", "Back to the training's sparsity",
            "Move the slider to the sparsity that is being trained",
        )  # fmt: skip

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(6)
        for widget in (self.show_map, self.show_weights, self.layer, self.colours, self.scale):
            top.addWidget(widget)
        top.addStretch()
        # A row of its own: beside the view's controls it would squeeze them in a small window.
        held = QHBoxLayout()
        held.setSpacing(6)
        held.addWidget(self.badge, 1)
        held.addWidget(self.back)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.plot)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 4)
        column.setSpacing(4)
        column.addLayout(top)
        column.addLayout(held)
        column.addWidget(pages, 1)
        column.addWidget(self._readout)
        column.addWidget(self.control)

    def _connect(self) -> None:
        state, control = self._state, self.control
        state.scored_changed.connect(self._on_scored_changed)
        state.sparsity_changed.connect(self._on_sparsity_changed)
        state.training_changed.connect(self._show_badge)
        self._themes.changed.connect(self._on_theme_changed)
        control.sparsity_asked.connect(self._controller.set_sparsity)
        control.num_kept_asked.connect(self._controller.set_num_kept)
        self._views.buttonClicked.connect(self._on_view_changed)
        self.layer.currentIndexChanged.connect(self._on_layer_changed)
        self.colours.currentIndexChanged.connect(self._draw)
        self.scale.currentIndexChanged.connect(self._draw)
        self.back.clicked.connect(self._on_back)
        self.plot.zoomed.connect(self._on_zoomed)
        self.plot.hovered.connect(self._on_hovered)
        self.plot.left.connect(self._show_hint)

    def select_layer(self, layer: str) -> None:
        """Show the weights of a layer."""
        scored = self._state.scored
        tensors = scored.layout.tensors_of(layer) if scored else ()
        number = next((self.layer.findData(t.name) for t in tensors if t.is_weight), -1)
        if number >= 0:
            self.show_weights.setChecked(True)
            self.layer.setCurrentIndex(number)
            self._on_view_changed()

    def set_stale(self, stale: bool) -> None:
        """Grey the picture while it shows older settings."""
        self.plot.set_faded(stale)

    @Slot()
    def _on_scored_changed(self) -> None:
        scored = self._state.scored
        with QSignalBlocker(self.layer):
            chosen = self.layer.currentData()
            self.layer.clear()
            for tensor in scored.layout.weights if scored else ():
                self.layer.addItem(tensor.label, tensor.name)
            self.layer.setCurrentIndex(max(0, self.layer.findData(chosen)))
        self._canvas = None
        self.control.setEnabled(scored is not None)
        self.control.show_presets(scored.model.paper_sparsities if scored else ())
        self._on_sparsity_changed()
        self._on_view_changed()

    @Slot()
    def _on_sparsity_changed(self) -> None:
        state = self._state
        self.control.show_values(
            state.recipe.pruning.sparsity, state.num_kept, state.num_parameters
        )
        self._draw()
        self._show_badge()

    @Slot()
    def _on_view_changed(self) -> None:
        weights = self.show_weights.isChecked()
        self.layer.setVisible(weights)
        self.colours.setVisible(weights)
        self.scale.setVisible(not weights)
        self._draw()
        self._show_hint()

    @Slot()
    def _on_layer_changed(self) -> None:
        self._canvas = None
        self._draw()

    @Slot()
    def _on_zoomed(self) -> None:
        """Show more or less of what the blocks of a large layer hold."""
        if self.show_weights.isChecked() and self._canvas is not None:
            self._draw()

    @Slot()
    def _draw(self) -> None:
        """Draw the picture under the pointer."""
        picture = self._weights() if self.show_weights.isChecked() else self._input_map()
        if isinstance(picture, str):
            self._empty.setText(picture)
            self._pages.setCurrentWidget(self._empty)
            self.plot.clear()
            return
        if self.show_weights.isChecked() and self._canvas is not None:
            canvas = self._canvas
            self.plot.show_picture(picture, self._table(picture), canvas.size, canvas.block)
        else:
            self.plot.show_picture(picture, self._table(picture))
        self._pages.setCurrentWidget(self.plot)

    def _input_map(self) -> Picture | str:
        """Return the input map, or why there is none."""
        scored = self._state.scored
        if scored is None:
            return _NO_SCORES
        fractions = scored.input_fractions(self._state.num_kept)
        if isinstance(fractions, str):
            return fractions
        self._fractions = fractions
        return map_picture(fractions, self.scale.currentData())

    def _weights(self) -> Picture | str:
        """Return the chosen layer's weights, or why there are none."""
        scored = self._state.scored
        if scored is None:
            return _NO_SCORES
        tensor, colours = scored.layout[self.layer.currentData()], self.colours.currentData()
        if self._canvas is None:
            self._canvas = weight_canvas(scored.ranking, tensor)
            self._values = {}
            self.plot.prepare(self._canvas.size)
        self._canvas = self._canvas.reduced(self.plot.reduction)
        if colours not in ("weight", "gradient", "leaves"):
            return self._canvas.picture(self._state.num_kept, colours)
        key = (colours, self._canvas.block)
        if key not in self._values:  # these do not follow the slider
            self._values[key] = value_picture(scored, tensor, colours, self._canvas.block)
        return self._values[key]

    def _table(self, picture: Picture) -> NDArray[np.uint8]:
        """Return the colours of a picture in the theme."""
        colours = self._themes.colours
        nothing = (0, 0, 0) if picture.palette == "grey" else colours.rgb("nothing")
        if picture.palette == "viridis":
            nothing = _REMOVED  # dark in both themes: viridis ends in a light yellow
        if picture.palette == "diverging":
            return diverging_table(
                nothing=nothing,
                neutral=colours.rgb("removed"),
                only_a=colours.rgb("only_a"),
                only_b=colours.rgb("only_b"),
            )
        return colour_table(
            picture.palette,
            nothing=nothing,
            removed=colours.rgb("removed"),
            kept=colours.rgb("kept"),
        )

    @Slot(int, int)
    def _on_hovered(self, row: int, column: int) -> None:
        if self.show_weights.isChecked():
            self._read_connection(row, column)
        elif self._fractions is not None:
            fraction = float(self._fractions.mean(axis=0)[row, column])
            self._readout.setText(
                f"pixel at row {row}, column {column}: {fraction:.2%} of its connections kept"
            )

    def _read_connection(self, row: int, column: int) -> None:
        scored, canvas = self._state.scored, self._canvas
        position = canvas.position_at(row, column) if canvas else None
        if scored is None or canvas is None or position is None:
            self._readout.setText("")
            return
        found = connection_readout(scored, canvas.tensor, position, self._state.num_kept)
        self._readout.setText(
            f"{found.name}[{', '.join(map(str, position))}]: "
            f"{'kept' if found.is_kept else 'removed'}, weight {found.weight:+.4f}, "
            f"sensitivity {found.sensitivity:.3e}, rank {found.rank:,}, "
            f"goes at {found.leaves_at:.4%}"
        )

    @Slot()
    def _show_hint(self) -> None:
        """Say what the picture is while the pointer is elsewhere."""
        if self._state.scored is None:
            self._readout.setText("")
        elif not self.show_weights.isChecked():
            model = self._state.scored.model
            what = {
                "positions": "what its receptive fields feed",
                "columns": "its column's connections",
            }.get(model.input_map, "its connections")
            text = f"Brightness of a pixel: the fraction of {what} that is kept"
            self._readout.setText(text if model.input_map != "none" else "")
        else:
            tensor = self._state.scored.layout[self.layer.currentData()]
            out, into = tensor.shape[:2]
            if len(tensor.shape) == 2:
                self._readout.setText(f"{tensor.label}: {out} outputs down, {into} inputs across")
            else:
                kernels = "one kernel" if into == 1 else f"{into} kernels side by side"
                self._readout.setText(f"{tensor.label}: {out} outputs, {kernels} for each")

    @Slot()
    def _show_badge(self) -> None:
        training = self._state.training
        active = training is not None and training.is_active and training.num_kept > 0
        self.badge.setVisible(active)
        same = training is not None and training.num_kept == self._state.num_kept
        self.back.setVisible(active and not same)
        if training is not None:
            self.badge.setText(f"training at {training.sparsity:.2%}")

    @Slot()
    def _on_back(self) -> None:
        if self._state.training is not None:
            self._controller.set_num_kept(self._state.training.num_kept)

    @Slot()
    def _on_theme_changed(self) -> None:
        self.plot.set_background(self._themes.colours.plot)
        self._draw()
        self.plot.colour_bar.update()


def _view_button(text: str, name: str, tip: str) -> QToolButton:
    button = named(QToolButton(), name, text, tip)
    button.setText(text)
    button.setCheckable(True)
    return button
