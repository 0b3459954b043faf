"""Error against sparsity of runs, with the paper's points in the background."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout

from snip_gui.core.reports.error_sparsity import SOURCE, published
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.plots import run_mark, run_pen, style_plot
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtWidgets import QWidget

    from snip_gui.core.reports.error_sparsity import Series
    from snip_gui.ui.theme.theme import Themes

_NOTHING = (
    "None of these runs has a final test error.\n\nSweep… trains at several sparsities, one "
    "after another."
)
_STRETCHED_TICKS = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)


class ErrorSparsityDialog(QDialog):
    """For each series a line of means, a point per run, and a band of one deviation over seeds.

    Parameters
    ----------
    networks
        Titles of networks on MNIST whose published points are shown.
    """

    def __init__(
        self,
        series: Sequence[Series],
        networks: Sequence[str],
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("error_sparsity_dialog")
        self.setWindowTitle("Test error versus sparsity")
        self._series, self._networks, self._themes = series, networks, themes
        self.plot = named(pg.PlotWidget(), "error_sparsity_plot", "Test error versus sparsity")
        self.plot.setLabel("left", "final test error, %")
        self.plot.setLabel("bottom", "sparsity, %")
        self.plot.showGrid(x=False, y=True, alpha=0.25)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.stretched = named(
            QCheckBox("Logarithmic toward 100%"), "stretch_sparsity", "Logarithmic toward 100%",
            "Space the axis by factors in the number of connections kept",
        )  # fmt: skip
        self.stretched.toggled.connect(self._draw)
        self.legend = named(Label(), "error_sparsity_legend", "Legend")
        self.legend.setWordWrap(True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        column = QVBoxLayout(self)
        if series:
            column.addWidget(self.plot, 1)
            column.addWidget(self.legend)
        else:
            self.plot.setParent(self)
            self.plot.hide()
            empty = named(Label(_NOTHING), "error_sparsity_empty", "Nothing to show")
            empty.setProperty("role", "empty")
            empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(empty, 1)
        row = QHBoxLayout()
        row.addWidget(self.stretched)
        self.stretched.setVisible(bool(series))
        row.addStretch()
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        row.addWidget(close)
        column.addLayout(row)
        self.resize(720, 520)
        themes.changed.connect(self._draw)
        self._draw()

    @Slot()
    def _draw(self) -> None:
        colours = self._themes.colours
        style_plot(self.plot, colours.plot, colours.text, colours.muted)
        self.plot.clear()
        lines = []
        for network in self._networks:
            points = published(network)
            if points:
                self._draw_published(points)
                ink = f'<span style="color:{colours.muted}">+</span>'
                lines.append(f"{ink} {escape(f'{network} on MNIST: {SOURCE}')}")
        for number, series in enumerate(self._series):
            self._draw_series(series, number)
            label = escape(f"{series.label}{_runs(series)}")
            lines.insert(number, f"{run_mark(colours.runs, number)} {label}")
        self.legend.setText("<br>".join(lines))
        ticks = None
        if self.stretched.isChecked():
            ticks = [[(self._place(s).item(), f"{100 * s:g}") for s in _STRETCHED_TICKS]]
        self.plot.getAxis("bottom").setTicks(ticks)
        self.plot.getViewBox().autoRange()

    def _draw_published(self, points: Sequence[tuple[float, float]]) -> None:
        sparsities, errors = np.array(points).T
        pen = pg.mkPen(self._themes.colours.muted, width=1)
        self.plot.addItem(
            pg.ScatterPlotItem(
                self._place(sparsities), 100 * errors, symbol="+", size=6, pen=pen, brush=None
            )
        )

    def _draw_series(self, series: Series, number: int) -> None:
        pen = run_pen(self._themes.colours.runs, number)
        x = self._place(np.array([level.sparsity for level in series.levels]))
        mean = 100 * np.array([level.mean for level in series.levels])
        deviation = 100 * np.array([level.deviation for level in series.levels])
        edges = [
            pg.PlotDataItem(x, edge, pen=pg.mkPen(None))
            for edge in (mean - deviation, mean + deviation)
        ]
        fill = QColor(pen.color())
        fill.setAlphaF(0.18)
        for item in (*edges, pg.FillBetweenItem(*edges, brush=fill)):
            self.plot.addItem(item)
        self.plot.plot(x, mean, pen=pen)
        at = np.repeat(x, [len(level.errors) for level in series.levels])
        errors = 100 * np.array([error for level in series.levels for error in level.errors])
        dots = pg.ScatterPlotItem(at, errors, size=6, pen=pg.mkPen(None), brush=pen.color())
        self.plot.addItem(dots)

    def _place(self, sparsities: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the axis coordinates of sparsities."""
        if self.stretched.isChecked():
            return np.asarray(-np.log10(1 - np.asarray(sparsities)))
        return 100 * np.asarray(sparsities)


def _runs(series: Series) -> str:
    """Return the number of runs per sparsity as text, if there are several."""
    counts = sorted({len(level.errors) for level in series.levels})
    if counts == [1]:
        return ""
    number = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f": mean and standard deviation of {number} runs per level"
