"""What all charts share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pyqtgraph as pg

if TYPE_CHECKING:
    from collections.abc import Sequence


class LogAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """An axis over base-10 logarithms with ticks at whole powers."""

    def tickValues(
        self, minimum: float, maximum: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Return the whole numbers in the range, thinned where they would touch."""
        first, last = math.ceil(minimum), math.floor(maximum)
        room = max(1.0, size / (44 if self.orientation == "bottom" else 22))
        step = max(1, math.ceil((last - first + 1) / room))
        return [(float(step), [float(v) for v in range(first, last + 1, step)])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return powers of ten, small ones written out."""
        return [f"{10**v:,.0f}" if 0 <= v <= 4 else f"1e{v:.0f}" for v in values]


def style_plot(plot: pg.PlotWidget | pg.PlotItem, back: str, ink: str, grid: str) -> None:
    """Give a chart the colours of the theme."""
    if isinstance(plot, pg.PlotWidget):
        plot.setBackground(back)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(pg.mkPen(grid))
        axis.setTextPen(pg.mkPen(ink))
        axis.setStyle(tickLength=-4)
