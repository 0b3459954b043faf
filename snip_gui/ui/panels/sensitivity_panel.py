"""Sensitivity: how it is distributed, and where the threshold lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.plots import LogAxis, style_plot

if TYPE_CHECKING:
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes

# An empty bin has no logarithm; it is drawn a little below one connection.
_FLOOR = -0.3
_EQUATION = (
    "Sensitivity of connection j: |w g| divided by the sum of |w g| over the whole network, with g "
    "the gradient of the mean loss over the minibatch (paper, equation 6)."
)


class SensitivityPanel(QWidget):
    """Histogram on log axes with a threshold line that can be dragged."""

    def __init__(
        self,
        state: SessionState,
        controller: Controller,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._controller, self._themes = state, controller, themes
        self._shown: Scored | None = None
        axes = {"bottom": LogAxis("bottom"), "left": LogAxis("left")}
        self.plot = named(
            pg.PlotWidget(axisItems=axes), "sensitivity_histogram", "Histogram of sensitivities"
        )
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        self.plot.setLabel("bottom", "sensitivity")
        self.plot.setLabel("left", "connections")
        self.plot.setMinimumHeight(80)
        self.plot.getPlotItem().setContentsMargins(0, 8, 6, 0)  # the top label is not cut
        self._removed = self.plot.plot(stepMode="center", fillLevel=_FLOOR, name="all")
        self._kept = self.plot.plot(stepMode="center", fillLevel=_FLOOR, name="kept")
        self.line = pg.InfiniteLine(angle=90, movable=True)
        self.plot.addItem(self.line)
        self._layer = self.plot.plot(stepMode="center", name="layer")
        self._chosen = pg.InfiniteLine(angle=90)
        self._chosen.hide()
        self.plot.addItem(self._chosen)
        self.plot.scene().sigMouseClicked.connect(self._on_clicked)
        self.line.sigDragged.connect(self._on_dragged)
        self._text = named(QLabel(), "sensitivity_text", "Sensitivity")
        self._text.setWordWrap(True)
        self._text.setProperty("role", "muted")
        self._text.setToolTip(_EQUATION)
        self._warning = named(QLabel(), "sensitivity_warning", "Warning")
        self._warning.setProperty("role", "warning")
        self._warning.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(4)
        column.addWidget(self.plot, 1)
        column.addWidget(self._text)
        column.addWidget(self._warning)
        state.scored_changed.connect(self._on_scored_changed)
        state.sparsity_settled.connect(self._show_threshold)
        state.selection_changed.connect(self._show_selected)
        themes.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self._on_scored_changed()

    @Slot()
    def _on_scored_changed(self) -> None:
        scored = self._state.scored
        self._shown = scored
        for item in (self._removed, self._kept, self.line):
            item.setVisible(scored is not None)
        if scored is None:
            self._text.setText("Score a minibatch to see how sensitivities are distributed.")
            self._warning.hide()
            return
        histogram = scored.histogram
        self.plot.setLabel("bottom", scored.score_name)
        is_snip = scored.score_name == "sensitivity"
        self._text.setToolTip(
            _EQUATION if is_snip else f"This method ranks connections by {scored.score_name}"
        )
        self._heights = np.log10(np.maximum(histogram.counts, 10**_FLOOR))
        self._removed.setData(histogram.edges, self._heights)
        self.plot.setXRange(histogram.edges[0], histogram.edges[-1], padding=0.02)
        self.plot.setYRange(_FLOOR, float(self._heights.max()) + 0.1, padding=0)
        self._show_threshold()
        self._show_selected()

    @Slot()
    def _show_selected(self) -> None:
        """Draw the selected layer's own histogram, and where the selected connection is."""
        scored, selection = self._shown, self._state.selection
        counts = None
        if scored is not None and selection.tensor:
            counts = scored.layer_counts(scored.layout[selection.tensor])
        self._layer.setVisible(counts is not None)
        self._chosen.setVisible(False)
        if scored is None or counts is None:
            return
        heights = np.log10(np.maximum(counts, 10**_FLOOR))
        self._layer.setData(scored.histogram.edges, heights)
        tensor, position = scored.layout[selection.tensor], selection.position
        if position is not None and len(position) == len(tensor.shape):
            score = float(scored.ranking.get_scores(tensor)[position])
            self._chosen.setVisible(score > 0)
            if score > 0:
                self._chosen.setValue(float(np.log10(score)))

    @Slot(object)
    def _on_clicked(self, click: Any) -> None:  # noqa: ANN401 - pyqtgraph has no types
        """Select the connection whose sensitivity is nearest to where the histogram is clicked."""
        if self._shown is None or click.button() != Qt.MouseButton.LeftButton:
            return
        view = self.plot.getPlotItem().getViewBox()
        if view.sceneBoundingRect().contains(click.scenePos()):
            score = 10 ** view.mapSceneToView(click.scenePos()).x()
            self._controller.selector.select_rank(self._shown.ranking.rank_at(score))

    @Slot()
    def _show_threshold(self) -> None:
        scored = self._shown
        if scored is None:
            return
        num_kept = self._state.num_kept
        histogram = scored.histogram
        threshold = scored.ranking.threshold_at(num_kept)
        position = np.log10(threshold) if threshold > 0 else histogram.edges[0]
        self.line.setValue(float(position))
        first = int(np.searchsorted(histogram.edges, position, side="right")) - 1
        first = min(max(first, 0), len(self._heights) - 1)
        self._kept.setData(histogram.edges[first:], self._heights[first:])
        self._text.setText(
            f"Threshold {threshold:.3g}; exactly zero: {histogram.num_zero:,} "
            f"({histogram.share_zero:.1%})"
        )
        self._warn(scored, num_kept)

    def _warn(self, scored: Scored, num_kept: int) -> None:
        """Say when connections of zero {scored.score_name} are kept."""
        nonzero = scored.ranking.num_nonzero
        limit = 1 - nonzero / scored.layout.num_parameters
        self._warning.setVisible(num_kept > nonzero)
        self._warning.setText(
            f"Below {limit:.1%} sparsity the choice is index order: "
            f"{num_kept - nonzero:,} connections of zero {scored.score_name} are kept."
        )

    @Slot()
    def _on_dragged(self) -> None:
        scored = self._shown
        if scored is None:
            return
        asked = 10 ** self.line.value()
        num_kept = int(np.count_nonzero(scored.ranking.score_M >= asked))
        self._controller.set_num_kept(max(1, num_kept))

    @Slot()
    def _on_theme_changed(self) -> None:
        colours = self._themes.colours
        style_plot(self.plot, colours.plot, colours.text, colours.grid)
        kept, removed = QColor(colours.kept), QColor(colours.bar)
        removed.setAlphaF(0.35)
        self._kept.setBrush(kept)
        self._kept.setPen(None)
        self._removed.setBrush(removed)
        self._removed.setPen(None)
        self._layer.setPen(pg.mkPen(colours.text, width=1))
        self._chosen.setPen(pg.mkPen(colours.accent, width=2, style=Qt.PenStyle.DashLine))
        self.line.setPen(pg.mkPen(colours.text, width=1.5))
        self.line.setHoverPen(pg.mkPen(colours.accent, width=3))
