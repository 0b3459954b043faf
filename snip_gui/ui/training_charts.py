"""Loss and error over a training, with other runs laid over them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QWidget,
)

from snip_gui.core.run_tables import percent
from snip_gui.core.views.smoothing import smoothed
from snip_gui.ui.chart_options import AXES, ChartOptions
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plots import run_mark, run_pen, style_plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QResizeEvent

    from snip_gui.core.training.metrics import MetricPoint
    from snip_gui.ui.theme import Themes

_STYLES = {
    "train": (Qt.PenStyle.SolidLine, "━━"),
    "validation": (Qt.PenStyle.DashLine, "╍╍"),
    "test": (Qt.PenStyle.DashDotLine, "━·"),
}
_LOSS, _ERROR = 3, 4
_LEGEND_WIDTH = (130, 240)  # at least and at most; else a quarter
_LEAST_LOG = -12


@dataclass(frozen=True, slots=True)
class Overlay:
    """A run that is laid over the charts.

    Attributes
    ----------
    test_error, test_error_at_best
        At the end, and at the step with the lowest validation error.
    """

    name: str
    points: tuple[MetricPoint, ...]
    test_error: float | None
    test_error_at_best: float | None


class TrainingCharts(QWidget):
    """Two charts and a legend. Zooming holds until `reset_zoom` or another axis is chosen.

    `controls` is for the caller to place.
    """

    def __init__(self, themes: Themes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._lines = _Lines()
        self._overlays: tuple[Overlay, ...] = ()
        self._overlay_lines: list[_Lines] = []
        self._drawn: list[tuple[pg.PlotDataItem, pg.PlotDataItem]] = []
        self.view = named(pg.GraphicsLayoutWidget(), "training_charts", "Loss and error")
        self.view.ci.layout.setContentsMargins(0, 4, 4, 0)
        self._units: list[pg.LabelItem] = []
        self.loss = self._add_chart("loss", 0)
        self.error = self._add_chart("error, %", 1)
        self.curves = {split: (self.loss.plot(), self.error.plot()) for split in _STYLES}
        self._make_controls()
        self._legend = named(QLabel(), "runs_legend", "Runs laid over the charts")
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
        themes.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def _add_chart(self, label: str, column: int) -> pg.PlotItem:
        chart = self.view.addPlot(0, column)
        chart.setLabel("left", label)
        # Inside the chart: an axis label would take a fifth of its height in a small window.
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
            # Ticks are worked out anew at every redraw; the finest are too small to be read.
            chart.getAxis(side).setStyle(maxTickLevel=1)
        return chart

    def _make_controls(self) -> None:
        self.controls = QWidget()
        self.options = ChartOptions()
        self.whole = named(
            QPushButton("Whole"), "chart_whole", "Whole curves", "Show the curves from end to end"
        )
        self.whole.hide()
        row = QHBoxLayout(self.controls)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.whole)
        row.addWidget(self.options)
        self.options.axes_changed.connect(self._on_axes)
        self.options.drawing_changed.connect(self._on_drawn_otherwise)
        self.whole.clicked.connect(self.reset_zoom)

    # What is shown

    def show_points(self, points: Sequence[MetricPoint]) -> None:
        """Show the training at hand."""
        self._lines.show(points)
        self._draw_live()
        # Ranges follow now: left to the paint, they would ask for a second one.
        self.view.scene().prepareForPaint()

    def show_overlays(self, overlays: tuple[Overlay, ...]) -> None:
        """Lay other runs over the charts."""
        if overlays == self._overlays:
            return
        self._overlays = overlays
        self._overlay_lines = []
        for overlay in overlays:
            lines = _Lines()
            lines.show(overlay.points)
            self._overlay_lines.append(lines)
        while len(self._drawn) > len(overlays):
            loss, error = self._drawn.pop()
            self.loss.removeItem(loss)
            self.error.removeItem(error)
        while len(self._drawn) < len(overlays):
            self._drawn.append((self.loss.plot(), self.error.plot()))
        self._legend_area.setVisible(bool(overlays))
        self._on_theme_changed()
        self._on_drawn_otherwise()

    def legend_text(self) -> str:
        """Return rich text on the lines of the training at hand."""
        colours = self._themes.colours
        return "&nbsp;&nbsp;".join(
            f'<span style="color:{getattr(colours, split)}">{mark}</span> {split}'
            for split, (_, mark) in _STYLES.items()
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave most of the room to the charts."""
        least, most = _LEGEND_WIDTH
        self._legend_area.setFixedWidth(min(most, max(least, self.width() // 4)))
        super().resizeEvent(event)

    @Slot()
    def reset_zoom(self) -> None:
        """Show the whole curves, and follow them again."""
        for chart in (self.loss, self.error):
            chart.getViewBox().enableAutoRange()
        self.whole.hide()

    @Slot()
    def _on_zoomed(self) -> None:
        self.whole.show()

    @Slot()
    def _on_axes(self) -> None:
        is_log = self.options.is_log
        for chart, unit in zip((self.loss, self.error), self._units, strict=True):
            chart.getViewBox().setLimits(yMin=_LEAST_LOG if is_log else 0)
            chart.setLogMode(x=False, y=is_log)
            unit.setText(self.options.axis, color=self._themes.colours.muted)
        self._on_drawn_otherwise()
        self.reset_zoom()

    @Slot()
    def _on_drawn_otherwise(self) -> None:
        self._draw_live()
        split = self.options.split
        for lines, items in zip(self._overlay_lines, self._drawn, strict=True):
            self._draw(lines, split, items)

    def _draw_live(self) -> None:
        for split, items in self.curves.items():
            self._draw(self._lines, split, items)

    def _draw(
        self, lines: _Lines, split: str, items: tuple[pg.PlotDataItem, pg.PlotDataItem]
    ) -> None:
        values = lines.arrays(split)
        x = values[AXES.index(self.options.axis)]
        for item, row in zip(items, (_LOSS, _ERROR), strict=True):
            y = values[row]
            if split == "train":
                y = smoothed(y, self.options.smoothing)
            if self.options.is_log:
                y = np.where(y > 0, y, np.nan)  # there is no logarithm of nothing
            item.setData(x, y, connect="finite" if self.options.is_log else "all")

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
        self._legend.setText("<br>".join(map(self._said, range(len(self._overlays)))))

    def _said(self, number: int) -> str:
        """Return a run's line in the legend, with its test error."""
        overlay, colours = self._overlays[number], self._themes.colours
        at_best = percent(overlay.test_error_at_best)
        errors = f"test {percent(overlay.test_error)} final, {at_best} at best validation"
        # A name has no spaces to break at.
        name = escape(overlay.name).replace("-", "-\u200b").replace("_", "_\u200b")
        return (
            f"{run_mark(colours.runs, number)} {name}"
            f'<br><span style="color:{colours.muted}">{errors}</span>'
        )


class _Lines:
    """Points as arrays to draw; each is converted once, however often it is drawn."""

    def __init__(self) -> None:
        self._first: MetricPoint | None = None
        self._num_taken = 0
        self._values: dict[str, array[float]] = {}

    def show(self, points: Sequence[MetricPoint]) -> None:
        """Take in what is new; begin again if it is another training."""
        first = points[0] if points else None
        if first is not self._first or len(points) < self._num_taken:
            self._first, self._num_taken, self._values = first, 0, {}
        for point in points[self._num_taken :]:
            values = self._values.setdefault(point.split, array("d"))
            values.extend((point.epoch, point.step, point.seconds, point.loss, 100 * point.error))
        self._num_taken = len(points)

    def arrays(self, split: str) -> NDArray[np.float64]:
        """Return epochs, steps, seconds, losses and errors in percent of a split, shape (5, N)."""
        values = self._values.get(split, array("d"))
        return np.array(values, np.float64).reshape(-1, 5).T
