"""Error against sparsity of runs, with the paper's points in the background."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.reports.error_sparsity import SOURCE, error_series, published
from snip_gui.core.reports.tables import percent
from snip_gui.ui.widgets.describing.describer import Describer
from snip_gui.ui.widgets.describing.words import chart_words
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.plots import DecadeAxis, run_mark, run_pen, style_plot
from snip_gui.ui.widgets.plain_text import Label, plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.reports.error_sparsity import Series
    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.ui.theme.theme import Themes

_NOTHING = "No finished run yet.\n\nSweep… (F9) trains at several sparsities, one after another."
_MEANS = "Lines are means over seeds, bands one standard deviation"
_STRETCHED_TICKS = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
# Half of one image in ten thousand: a run without errors is drawn here on a logarithmic axis.
_LEAST_PERCENT = 0.005
_DOT, _HOVERED_DOT = 8, 12
# Room around the points: a fraction of their range, and at least so much: percentage points, or the
# logarithm of a factor.
_MARGIN, _LEAST_PERCENTS, _LEAST_FACTOR = 0.06, 2.0, 0.1
_LEAST_HEIGHT = 110


class ErrorPlot(QWidget):
    """For each series a line of means, a point per run, and a band of one deviation over seeds."""

    run_chosen = Signal(object)  # RunEntry, whose point was clicked

    def __init__(self, themes: Themes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("error_plot")
        self._themes = themes
        self._series: tuple[Series, ...] = ()
        self._networks: tuple[str, ...] = ()
        self.points: list[pg.ScatterPlotItem] = []
        self._axis = DecadeAxis("left")
        self.plot = named(
            pg.PlotWidget(axisItems={"left": self._axis}),
            "error_sparsity_plot", "Test error versus sparsity",
        )  # fmt: skip
        Describer(self.plot, lambda: chart_words(self.plot))
        self.plot.setLabel("left", "final test error, %")
        self.plot.setLabel("bottom", "sparsity, %")
        self.plot.showGrid(x=False, y=True, alpha=0.25)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMinimumHeight(_LEAST_HEIGHT)
        self.logarithmic = named(
            QCheckBox("Logarithmic error"), "logarithmic_error", "Logarithmic error",
            "Equal distances are equal factors; an error of zero is drawn at the lower edge",
        )  # fmt: skip
        self.logarithmic.setChecked(True)
        self.stretched = named(
            QCheckBox("Logarithmic toward 100%"), "stretch_sparsity", "Logarithmic toward 100%",
            "Equal distances are equal factors of the number of connections kept",
        )  # fmt: skip
        for box in (self.logarithmic, self.stretched):
            box.toggled.connect(self._draw)
        self.legend = named(Label(), "error_sparsity_legend", "Legend")
        self.legend.setWordWrap(True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        empty = named(Label(_NOTHING), "error_sparsity_empty", "Nothing to show")
        empty.setProperty("role", "empty")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setWordWrap(True)
        filled = QWidget()
        column = QVBoxLayout(filled)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.plot, 1)
        row = QHBoxLayout()
        row.addWidget(self.legend, 1)
        boxes = QVBoxLayout()
        boxes.addWidget(self.logarithmic)
        boxes.addWidget(self.stretched)
        boxes.addStretch()
        row.addLayout(boxes)
        column.addLayout(row)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(empty)
        self._pages.addWidget(filled)
        themes.changed.connect(self._draw)

    def show_runs(self, entries: Sequence[RunEntry]) -> None:
        """Show the finished ones of some runs."""
        series = error_series(entries)
        if series == self._series:
            return
        self._series = series
        trained = [entry for entry in entries if entry.state == "finished" and entry.recipe]
        names = (e.network for e in trained if e.recipe and e.recipe.data.name == "mnist")
        self._networks = tuple(dict.fromkeys(names))
        self._draw()

    @Slot()
    def _draw(self) -> None:
        colours = self._themes.colours
        style_plot(self.plot, colours.plot, colours.text, colours.muted)
        self._pages.setCurrentIndex(1 if self._series else 0)
        self.plot.clear()
        self.points = []
        self._axis.setLogMode(y=self.logarithmic.isChecked())
        lines = []
        for network in self._networks:
            points = published(network)
            if points:
                self._draw_published(points)
                ink = f'<span style="color:{colours.muted}">+</span>'
                lines.append(f"{ink} {escape(f'{network} on MNIST: {SOURCE}')}")
        for number, series in enumerate(self._series):
            self._draw_series(series, number)
            label = escape(f"{series.brief}{_runs(series)}")
            lines.insert(number, f"{run_mark(colours.runs, number)} {label}")
        if any(len(level.runs) > 1 for series in self._series for level in series.levels):
            lines.append(f'<span style="color:{colours.muted}">{_MEANS}</span>')
        self.legend.setText("<br>".join(lines))
        ticks = None
        if self.stretched.isChecked():
            ticks = [[(self._place(s).item(), f"{100 * s:g}") for s in _STRETCHED_TICKS]]
        self.plot.getAxis("bottom").setTicks(ticks)
        self._show_all_points()

    def _show_all_points(self) -> None:
        """Fit the axes to the points; bands may reach the lower edge of a logarithmic axis."""
        points = [item for item in self.plot.items() if isinstance(item, pg.ScatterPlotItem)]
        view = self.plot.getViewBox()
        if not points:
            return
        ranges = []
        logarithmic = (self.stretched.isChecked(), self.logarithmic.isChecked())
        for bounds, is_log in zip(view.childrenBounds(items=points), logarithmic, strict=True):
            low, high = bounds
            least = _LEAST_FACTOR if is_log else _LEAST_PERCENTS
            margin = max(_MARGIN * (high - low), least)
            low, high = low - margin, high + margin
            if not is_log:  # both are percentages
                low, high = max(low, -1.0), min(high, 101.0)
            ranges.append((low, high))
        view.setRange(xRange=ranges[0], yRange=ranges[1], padding=0)

    def _draw_published(self, points: Sequence[tuple[float, float]]) -> None:
        sparsities, errors = np.array(points).T
        pen = pg.mkPen(self._themes.colours.muted, width=1)
        places = self._place(sparsities), self._height(100 * errors)
        item = pg.ScatterPlotItem(*places, symbol="+", size=6, pen=pen, brush=None)
        self.plot.addItem(item)

    def _draw_series(self, series: Series, number: int) -> None:
        pen = run_pen(self._themes.colours.runs, number)
        x = self._place(np.array([level.sparsity for level in series.levels]))
        mean = 100 * np.array([level.mean for level in series.levels])
        deviation = 100 * np.array([level.deviation for level in series.levels])
        edges = [
            pg.PlotDataItem(x, self._height(edge), pen=pg.mkPen(None))
            for edge in (mean - deviation, mean + deviation)
        ]
        fill = QColor(pen.color())
        fill.setAlphaF(0.18)
        for item in (*edges, pg.FillBetweenItem(*edges, brush=fill)):
            self.plot.addItem(item)
        self.plot.plot(x, self._height(mean), pen=pen)
        runs = [entry for level in series.levels for entry in level.runs]
        at = np.repeat(x, [len(level.runs) for level in series.levels])
        errors = 100 * np.array([error for level in series.levels for error in level.errors])
        dots = pg.ScatterPlotItem(
            at, self._height(errors), data=runs, size=_DOT, pen=pg.mkPen(None), brush=pen.color(),
            hoverable=True, hoverSize=_HOVERED_DOT, tip=_point_tip,
        )  # fmt: skip
        dots.sigClicked.connect(self._on_points_clicked)
        self.points.append(dots)
        self.plot.addItem(dots)

    @Slot(object, object, object)
    def _on_points_clicked(
        self, _item: pg.ScatterPlotItem, points: Sequence[pg.SpotItem], _event: object
    ) -> None:
        if len(points):
            self.run_chosen.emit(points[0].data())

    def _place(self, sparsities: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the horizontal coordinates of sparsities."""
        if self.stretched.isChecked():
            return np.asarray(-np.log10(1 - np.asarray(sparsities)))
        return 100 * np.asarray(sparsities)

    def _height(self, percents: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the vertical coordinates of errors."""
        if self.logarithmic.isChecked():
            return np.asarray(np.log10(np.maximum(percents, _LEAST_PERCENT)))
        return percents


def _point_tip(x: float, y: float, data: RunEntry) -> str:
    """Return the tool tip of a point; its coordinates may be logarithms, so they are not shown."""
    removed = f"{sparsity_text(data.sparsity or 0)} removed" if data.sparsity else "dense"
    return plain_tip(f"{data.name}\n{percent(data.test_error)} test error, {removed}")


def _runs(series: Series) -> str:
    """Return the number of runs per sparsity as text, if there are several."""
    counts = sorted({len(level.errors) for level in series.levels})
    if counts == [1]:
        return ""
    number = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f", {number} runs per level"
