"""Common parts of all charts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPen

_DASHES = (
    (Qt.PenStyle.SolidLine, "━━"),
    (Qt.PenStyle.DashLine, "╍╍"),
    (Qt.PenStyle.DotLine, "┄┄"),
    (Qt.PenStyle.DashDotLine, "━·"),
)
"""Dashes of lines that are drawn together, and their appearance in text."""


class LogAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """An axis of base-10 logarithms with ticks at whole powers, or of plain values.

    Attributes
    ----------
    is_log
        Whether the values are logarithms.
    """

    is_log = True

    def tickValues(
        self, minimum: float, maximum: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Return the integers in the range, thinned if they would overlap."""
        if not self.is_log:
            ticks: list[tuple[float, list[float]]] = super().tickValues(minimum, maximum, size)
            return ticks
        first, last = math.ceil(minimum), math.floor(maximum)
        room = max(1.0, size / (44 if self.orientation == "bottom" else 22))
        step = max(1, math.ceil((last - first + 1) / room))
        return [(float(step), [float(v) for v in range(first, last + 1, step)])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return powers of ten as text; small ones are written out."""
        if not self.is_log:
            return [f"{value * scale:.3g}" for value in values]
        return [f"{10**v:,.0f}" if 0 <= v <= 4 else f"1e{v:.0f}" for v in values]


class DecadeAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """An axis that, in logarithmic mode, writes out values that are easy to read.

    Base-10 logarithms are labelled at 1, 2 and 5 times a power of ten, at powers alone over more
    than three decades, and at round values within a third of one.
    """

    def logTickValues(
        self,
        minimum: float,
        maximum: float,
        size: float,
        std_ticks: Sequence[tuple[float, Sequence[float]]],
    ) -> list[tuple[float, list[float]]]:
        """Return the logarithms to label."""
        decades = maximum - minimum
        if decades < 1 / 3:
            values = round_values(10**minimum, 10**maximum)
            return [(1.0, [math.log10(value) for value in values])]
        factors = (1, 2, 5) if decades <= 3 else (1,)
        step = max(1, math.ceil(decades * 22 / max(size, 1)))
        powers = range(math.floor(minimum), math.ceil(maximum) + 1, step)
        ticks = [power + math.log10(factor) for power in powers for factor in factors]
        return [(1.0, [tick for tick in ticks if minimum <= tick <= maximum])]

    def logTickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the values as text."""
        return [f"{10**value * scale:.3g}" for value in values]


def round_values(low: float, high: float, most: int = 5) -> list[float]:
    """Return at most ``most`` evenly spaced round values between two positive ones."""
    finest = 10.0 ** math.floor(math.log10(max(high - low, 1e-12)) - 1)
    steps = (finest * factor * power for power in (1, 10, 100) for factor in (1, 2, 5))
    step = next(step for step in steps if (high - low) / step <= most - 1)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)]


def style_plot(plot: pg.PlotWidget | pg.PlotItem, back: str, ink: str, grid: str) -> None:
    """Apply the colours of the theme to a chart."""
    if isinstance(plot, pg.PlotWidget):
        plot.setBackground(back)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(pg.mkPen(grid))
        axis.setTextPen(pg.mkPen(ink))
        axis.setStyle(tickLength=-4)


def run_pen(colours: Sequence[str], number: int) -> QPen:
    """Return the pen of one of several runs; colour and dash are unique for up to 16."""
    style = _get_dash(colours, number)[0]
    pen: QPen = pg.mkPen(_get_colour(colours, number), width=1, style=style)
    return pen


def run_mark(colours: Sequence[str], number: int) -> str:
    """Return a sample of `run_pen` as rich text for a legend."""
    mark = _get_dash(colours, number)[1]
    return f'<span style="color:{_get_colour(colours, number)}">{mark}</span>'


def _get_colour(colours: Sequence[str], number: int) -> str:
    return colours[number % len(colours)]


def _get_dash(colours: Sequence[str], number: int) -> tuple[Qt.PenStyle, str]:
    return _DASHES[(number + number // len(colours)) % len(_DASHES)]
