"""Sensitivity: its distribution, and the threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from snip_gui.core.views.weight_canvas import NO_SCORES
from snip_gui.ui.widgets.describing.describer import Describer
from snip_gui.ui.widgets.describing.words import chart_words
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.plots import LogAxis, style_plot
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.core.pruning.ranking import Ranking
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes

# Empty bins, which have no logarithm, are drawn slightly below one connection.
_FLOOR = -0.3
_NOTHING = "Score a minibatch to see how sensitivities are distributed."
_EQUATION = (
    "Sensitivity of connection j: |w g| divided by the sum of |w g| over the whole network, "
    "where g is the gradient of the mean loss over the minibatch (paper, equation 6)."
)


class SensitivityPanel(QWidget):
    """A histogram on log axes with a draggable threshold line."""

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
        self._axis = LogAxis("bottom")
        axes = {"bottom": self._axis, "left": LogAxis("left")}
        self.plot = named(
            pg.PlotWidget(axisItems=axes), "sensitivity_histogram", "Histogram of sensitivities"
        )
        Describer(self.plot, lambda: chart_words(self.plot))
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        self.plot.setLabel("bottom", "sensitivity")
        self.plot.setLabel("left", "connections")
        self.plot.setMinimumHeight(80)
        self.plot.getPlotItem().setContentsMargins(0, 8, 6, 0)  # room for the top label
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
        self._text = named(Label(), "sensitivity_text", "Sensitivity")
        self._text.setWordWrap(True)
        self._text.setProperty("role", "muted")
        self._text.setToolTip(_EQUATION)
        self._warning = named(Label(), "sensitivity_warning", "Warning")
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
        histogram = scored.histogram if scored is not None else None
        for item in (self._removed, self._kept):
            item.setVisible(histogram is not None)
        self.line.setVisible(scored is not None and scored.ranking is not None)
        self._warning.hide()
        self._show_selected()
        if scored is None or histogram is None:
            self._text.setText(_NOTHING if scored is None else NO_SCORES)
            return
        self._axis.is_log = histogram.is_log
        self._axis.picture = None  # redraw: the kind of ticks may have changed
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

    @Slot()
    def _show_selected(self) -> None:
        """Draw the histogram of the selected layer, and mark the selected connection."""
        scored, selection = self._shown, self._state.selection
        counts = None
        if scored is not None and selection.tensor:
            counts = scored.layer_counts(scored.layout[selection.tensor])
        self._layer.setVisible(counts is not None)
        self._chosen.setVisible(False)
        if scored is None or counts is None or scored.histogram is None or scored.ranking is None:
            return
        heights = np.log10(np.maximum(counts, 10**_FLOOR))
        self._layer.setData(scored.histogram.edges, heights)
        tensor, position = scored.layout[selection.tensor], selection.position
        if position is not None and len(position) == len(tensor.shape):
            score = float(scored.ranking.get_scores(tensor)[position])
            self._chosen.setVisible(score > 0 or not scored.histogram.is_log)
            self._chosen.setValue(scored.histogram.to_place(score))

    @Slot(object)
    def _on_clicked(self, click: Any) -> None:  # noqa: ANN401 - pyqtgraph has no types
        """Select the connection with the score nearest to the click."""
        histogram = self._shown.histogram if self._shown is not None else None
        if histogram is None or click.button() != Qt.MouseButton.LeftButton:
            return
        view = self.plot.getPlotItem().getViewBox()
        if view.sceneBoundingRect().contains(click.scenePos()):
            place = view.mapSceneToView(click.scenePos()).x()
            self._controller.selector.select_score(histogram.score_at(place))

    @Slot()
    def _show_threshold(self) -> None:
        scored = self._shown
        histogram = scored.histogram if scored is not None else None
        if scored is None or histogram is None:
            return
        zeros = f"exactly zero: {histogram.num_zero:,} ({histogram.share_zero:.1%})"
        ranking = scored.ranking
        if ranking is None:
            self._kept.setData(histogram.edges[:1], self._heights[:0])
            self._text.setText(f"No threshold: this method does not rank; {zeros}")
            return
        num_kept = self._state.num_kept
        threshold = ranking.threshold_at(num_kept)
        position = histogram.to_place(threshold)
        self.line.setValue(position)
        first = int(np.searchsorted(histogram.edges, position, side="right")) - 1
        first = min(max(first, 0), len(self._heights) - 1)
        self._kept.setData(histogram.edges[first:], self._heights[first:])
        self._text.setText(f"Threshold {threshold:.3g}; {zeros}")
        self._warn(ranking, num_kept, scored.score_name)

    def _warn(self, ranking: Ranking, num_kept: int, score_name: str) -> None:
        """Warn if the choice among connections with zero score is arbitrary."""
        number = ranking.num_arbitrary(num_kept)
        limit = 1 - ranking.num_positive / ranking.layout.num_parameters
        self._warning.setVisible(number > 0)
        self._warning.setText(
            f"Below {limit:.1%} sparsity, ties are broken by index: "
            f"{number:,} connections of zero {score_name} are kept."
        )

    @Slot()
    def _on_dragged(self) -> None:
        scored = self._shown
        if scored is None or scored.ranking is None or scored.histogram is None:
            return
        asked = scored.histogram.score_at(self.line.value())
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
