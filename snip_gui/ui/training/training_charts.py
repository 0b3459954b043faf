"""Charts of loss and a second quantity, with other runs and the paper's curves overlaid."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QWidget,
)

from snip_gui.core.reports.paper_curves import STEPS_PER_EPOCH, PaperCurve, paper_curves
from snip_gui.core.reports.tables import percent
from snip_gui.core.views import training_curves as rows
from snip_gui.core.views.training_curves import CurveArrays, smoothed
from snip_gui.ui.training.chart_options import AXES, ChartOptions
from snip_gui.ui.widgets.describing.describer import Describer
from snip_gui.ui.widgets.describing.words import chart_words
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.plots import DecadeAxis, run_mark, run_pen, style_plot
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QResizeEvent

    from snip_gui.core.training.metrics import MetricPoint
    from snip_gui.ui.theme.theme import Themes

_STYLES = {
    "train": (Qt.PenStyle.SolidLine, "━━"),
    "validation": (Qt.PenStyle.DashLine, "╍╍"),
    "test": (Qt.PenStyle.DashDotLine, "━·"),
}
_ROWS = {
    "error": (rows.ERROR, "error, %"),
    "accuracy": (rows.ACCURACY, "accuracy, %"),
    "learning rate": (rows.RATE, "rate"),
    "gradient norm": (rows.GRADIENT, "gradient"),
    "weight norms": (rows.LOSS, "weight norm"),  # one line per layer, not per split
    "kept": (rows.LOSS, "kept, %"),  # likewise
    "steps per second": (rows.SPEED, "steps / s"),
}
_OF_TRAINING = ("learning rate", "gradient norm", "steps per second")
_NORMS, _KEPT = "weight norms", "kept"
_LEGEND_WIDTH = (130, 240)  # least and most; otherwise a quarter
_LEAST_LOG = -12
_LINEAR = ("accuracy", "kept")  # near 100% a logarithm shows nothing


@dataclass(frozen=True, slots=True)
class Overlay:
    """A run overlaid on the charts.

    Attributes
    ----------
    test_error, test_error_at_best
        Test error at the end, and at the step with the lowest validation error.
    """

    name: str
    points: tuple[MetricPoint, ...]
    test_error: float | None
    test_error_at_best: float | None


class TrainingCharts(QWidget):
    """Two charts and a legend. The zoom is kept until `reset_zoom` or a change of axis.

    The caller places `controls`.
    """

    def __init__(self, themes: Themes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._lines = CurveArrays()
        self._overlays: tuple[Overlay, ...] = ()
        self._overlay_lines: list[CurveArrays] = []
        self._drawn: list[tuple[pg.PlotDataItem, pg.PlotDataItem]] = []
        self.paper_curves: list[tuple[PaperCurve, pg.PlotDataItem]] = []
        self._num_steps = 0
        self._layers: tuple[str, ...] = ()
        self._layer_items: list[pg.PlotDataItem] = []
        self._kept_at, self._kept = np.empty(0), np.empty((0, 0))
        self.view = named(pg.GraphicsLayoutWidget(), "training_charts", "Loss and error")
        Describer(self.view, lambda: chart_words(self.view))
        self.view.ci.layout.setContentsMargins(0, 4, 4, 0)
        self._units: list[pg.LabelItem] = []
        self.loss = self._add_chart("loss", 0)
        self.error = self._add_chart("error, %", 1)
        self.curves = {
            split: (self.loss.plot(name=split), self.error.plot(name=split)) for split in _STYLES
        }
        self._make_controls()
        self._legend = named(Label(), "runs_legend", "Runs overlaid on the charts")
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setWordWrap(True)
        self._legend.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._legend_area = QScrollArea()
        self._legend_area.setWidgetResizable(True)
        self._legend_area.setFrameShape(QFrame.Shape.NoFrame)
        self._legend_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._legend_area.setWidget(self._legend)
        self._legend_area.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.view, 1)
        row.addWidget(self._legend_area)
        self._on_axes()
        themes.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def _add_chart(self, label: str, column: int) -> pg.PlotItem:
        chart = self.view.addPlot(0, column, axisItems={"left": DecadeAxis("left")})
        chart.setLabel("left", label)
        # Inside the chart, because an axis label would take a fifth of its height in a small
        # window.
        unit = pg.LabelItem("epochs", size="8pt")
        unit.setParentItem(chart.getViewBox())
        unit.anchor(itemPos=(1, 1), parentPos=(1, 1), offset=(-4, -2))
        self._units.append(unit)
        chart.showGrid(x=False, y=True, alpha=0.25)
        chart.setMenuEnabled(False)
        chart.hideButtons()
        chart.getViewBox().setLimits(xMin=0, yMin=0)
        chart.getViewBox().sigRangeChangedManually.connect(self._on_zoomed)
        chart.getAxis("left").setWidth(48)
        for side in ("left", "bottom"):
            # Ticks are recomputed at every redraw; the finest level is illegible.
            chart.getAxis(side).setStyle(maxTickLevel=1)
        return chart

    def _make_controls(self) -> None:
        self.controls = QWidget()
        self.options = ChartOptions()
        self.whole = named(
            QPushButton("Show all"), "chart_whole", "Whole curves", "Zoom out to the whole curves"
        )
        self.whole.hide()
        row = QHBoxLayout(self.controls)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.whole)
        row.addWidget(self.options)
        self.options.axes_changed.connect(self._on_axes)
        self.options.drawing_changed.connect(self._on_drawn_otherwise)
        self.whole.clicked.connect(self.reset_zoom)

    # Contents

    def show_points(self, points: Sequence[MetricPoint]) -> None:
        """Show the current training run."""
        self._lines.show(points)
        self._draw_live()
        # Update ranges now: doing so while painting would trigger a second repaint.
        self.view.scene().prepareForPaint()

    def show_training(self, layers: tuple[str, ...], num_steps: int) -> None:
        """Set the layers and the total number of steps of the current training run."""
        if (layers, num_steps) != (self._layers, self._num_steps):
            self._layers, self._num_steps = layers, num_steps
            self._on_drawn_otherwise()

    def show_kept(self, steps: NDArray[np.float64], percent_LN: NDArray[np.float64]) -> None:
        """Show what each layer keeps, in percent, after each change of the mask."""
        self._kept_at, self._kept = steps, percent_LN
        if self.options.quantity == _KEPT:
            self._draw_layers()

    def show_overlays(self, overlays: tuple[Overlay, ...]) -> None:
        """Overlay other runs."""
        if overlays == self._overlays:
            return
        self._overlays = overlays
        self._overlay_lines = []
        for overlay in overlays:
            lines = CurveArrays()
            lines.show(overlay.points)
            self._overlay_lines.append(lines)
        while len(self._drawn) > len(overlays):
            loss, error = self._drawn.pop()
            self.loss.removeItem(loss)
            self.error.removeItem(error)
        while len(self._drawn) < len(overlays):
            self._drawn.append((self.loss.plot(), self.error.plot()))
        self._on_theme_changed()
        self._on_drawn_otherwise()

    def legend_text(self) -> str:
        """Return rich text on the lines of the current training run."""
        colours = self._themes.colours
        return "&nbsp;&nbsp;".join(
            f'<span style="color:{getattr(colours, split)}">{mark}</span> {split}'
            for split, (_, mark) in _STYLES.items()
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Limit the width of the legend."""
        least, most = _LEGEND_WIDTH
        self._legend_area.setFixedWidth(min(most, max(least, self.width() // 4)))
        super().resizeEvent(event)

    @Slot()
    def reset_zoom(self) -> None:
        """Show the whole curves, and follow new points again."""
        for chart in (self.loss, self.error):
            chart.getViewBox().enableAutoRange()
        self.whole.hide()

    @Slot()
    def _on_zoomed(self) -> None:
        self.whole.show()

    @Slot()
    def _on_axes(self) -> None:
        for chart, unit in zip((self.loss, self.error), self._units, strict=True):
            is_log = self._is_log(chart)
            chart.getViewBox().setLimits(yMin=_LEAST_LOG if is_log else 0)
            chart.setLogMode(x=False, y=is_log)
            unit.setText(self.options.axis, color=self._themes.colours.muted)
        self.error.setLabel("left", _ROWS[self.options.quantity][1])
        self._on_drawn_otherwise()
        self.reset_zoom()

    def _is_log(self, chart: pg.PlotItem) -> bool:
        """Return whether the vertical axis of a chart is logarithmic."""
        return self.options.is_log and (chart is self.loss or self.options.quantity not in _LINEAR)

    @Slot()
    def _on_drawn_otherwise(self) -> None:
        self._draw_live()
        split = self.options.split
        for lines, items in zip(self._overlay_lines, self._drawn, strict=True):
            self._draw(lines, split, items)
        self._draw_papers()
        self._show_legend()

    def _draw_live(self) -> None:
        for split, items in self.curves.items():
            self._draw(self._lines, split, items)
        self._draw_layers()

    def _draw(
        self, lines: CurveArrays, split: str, items: tuple[pg.PlotDataItem, pg.PlotDataItem]
    ) -> None:
        """Draw a run: loss on the left, the chosen quantity on the right."""
        quantity = self.options.quantity
        self._draw_row(lines, split, rows.LOSS, items[0])
        if quantity in _OF_TRAINING and items is not self.curves.get("train"):
            # It is measured on training batches, but shown for overlaid runs in any case.
            split = "" if items in self.curves.values() else "train"
        self._draw_row(
            lines, "" if quantity in (_NORMS, _KEPT) else split, _ROWS[quantity][0], items[1]
        )

    def _draw_row(self, lines: CurveArrays, split: str, row: int, item: pg.PlotDataItem) -> None:
        values = lines.arrays(split)
        y = values[row]
        if split == "train" and row != rows.RATE:
            y = smoothed(y, self.options.smoothing)
        self._set_data(item, values[AXES.index(self.options.axis)], y)

    def _set_data(
        self, item: pg.PlotDataItem, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> None:
        is_log = item.opts["logMode"][1]
        if is_log:
            y = np.where(y > 0, y, np.nan)  # no logarithm of zero
        has_gaps = is_log or bool(np.isnan(y).any())
        item.setData(x, y, connect="finite" if has_gaps else "all")

    def _draw_layers(self) -> None:
        """Draw a quantity of each layer, each with its own colour and dash."""
        x, values = self._layer_values()
        while len(self._layer_items) > len(values):
            self.error.removeItem(self._layer_items.pop())
        while len(self._layer_items) < len(values):
            pen = run_pen(self._themes.colours.runs, len(self._layer_items))
            self._layer_items.append(self.error.plot(pen=pen))
            self._show_legend()
        for item, row in zip(self._layer_items, values, strict=True):
            self._set_data(item, x, row)

    def _layer_values(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return places on the horizontal axis (N), and the values of each layer (L, N)."""
        training = self._lines.arrays("train")
        x = training[AXES.index(self.options.axis)]
        if self.options.quantity == _NORMS:
            return x, self._lines.norms()
        steps = training[AXES.index("steps")]
        if self.options.quantity == _KEPT and len(steps):
            return np.interp(self._kept_at, [0, *steps], [0, *x]), self._kept
        return x, np.empty((0, 0))

    def _draw_papers(self) -> None:
        """Draw the paper's losses as thin lines; their times are unknown."""
        axis = self.options.axis
        wanted = () if axis == "seconds" else self.options.figures
        chosen = [curve for figure in wanted for curve in paper_curves(figure)]
        if [curve for curve, _ in self.paper_curves] != chosen:
            for _, item in self.paper_curves:
                self.loss.removeItem(item)
            self.paper_curves = [(curve, self.loss.plot()) for curve in chosen]
        for number, (curve, item) in enumerate(self.paper_curves):
            pen = run_pen(self._themes.colours.runs, number)
            pen.setWidthF(0.6)
            item.setPen(pen)
            item.setZValue(-1)
            steps = np.array(curve.steps)
            upto = steps <= (self._num_steps or steps[-1])
            x = steps[upto] / (STEPS_PER_EPOCH if axis == "epochs" else 1)
            self._set_data(item, x, np.array(curve.losses)[upto])

    def _show_legend(self) -> None:
        """Label every line other than the splits of the current training run."""
        colours = self._themes.colours.runs
        parts = [self._describe_overlay(number) for number in range(len(self._overlays))]
        if self._layer_items:
            names = self._layers or tuple(f"layer {n + 1}" for n in range(len(self._layer_items)))
            marks = zip(names, range(len(self._layer_items)), strict=False)
            parts.append("<br>".join(f"{run_mark(colours, n)} {escape(name)}" for name, n in marks))
        if self.paper_curves:
            lines = [
                f"{run_mark(colours, number)} {escape(curve.name)}"
                for number, (curve, _) in enumerate(self.paper_curves)
            ]
            parts.append("The paper's loss:<br>" + "<br>".join(lines))
        self._legend.setText("<br>".join(parts))
        self._legend_area.setVisible(bool(parts))

    @Slot()
    def _on_theme_changed(self) -> None:
        colours = self._themes.colours
        self.view.setBackground(colours.plot)
        for chart in (self.loss, self.error):
            style_plot(chart, colours.plot, colours.text, colours.muted)
        for split, curves in self.curves.items():
            pen = pg.mkPen(getattr(colours, split), width=1, style=_STYLES[split][0])
            for curve in curves:
                curve.setPen(pen)
        for number, items in enumerate(self._drawn):
            for item in items:
                item.setPen(run_pen(colours.runs, number))
        for unit in self._units:
            unit.setText(self.options.axis, color=colours.muted)
        for number, item in enumerate(self._layer_items):
            item.setPen(run_pen(colours.runs, number))
        self._draw_papers()
        self._show_legend()

    def _describe_overlay(self, number: int) -> str:
        """Return the legend entry of a run, with its test error."""
        overlay, colours = self._overlays[number], self._themes.colours
        at_best = percent(overlay.test_error_at_best)
        errors = f"test {percent(overlay.test_error)} final, {at_best} at lowest validation error"
        # Names have no spaces to break at.
        name = escape(overlay.name).replace("-", "-\u200b").replace("_", "_\u200b")
        return (
            f"{run_mark(colours.runs, number)} {name}"
            f'<br><span style="color:{colours.muted}">{errors}</span>'
        )
