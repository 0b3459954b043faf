"""Lays out figures: where everything is, in pixels."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.studies.figures.axes import Axis, fit_axis
from snip_gui.core.studies.figures.drawing import (
    LIGHT,
    Box,
    Dot,
    Drawing,
    Line,
    Raster,
    Words,
    text_width,
)
from snip_gui.core.studies.figures.figure import PERCENT, Chart, Matrix, Tiles
from snip_gui.core.views.picture import colour_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from snip_gui.core.studies.figures.drawing import Colour, Colours, Shape
    from snip_gui.core.studies.figures.figure import Figure, Series

WIDTH, HEIGHT = 640.0, 400.0
_TITLE, _TEXT, _SMALL = 14.0, 12.0, 10.0
_LINE = 17.0
_CAP = 3.0  # half the width of the ends of an error bar
_MOST_LABEL = 26


def lay_out(
    figure: Figure, colours: Colours = LIGHT, width: float = WIDTH, height: float = HEIGHT
) -> Drawing:
    """Return a figure as shapes.

    Parameters
    ----------
    width, height
        Size of charts; matrices and tiles are as large as their contents.
    """
    match figure:
        case Chart():
            return _chart(figure, colours, width, height)
        case Matrix():
            return _matrix(figure, colours)
        case Tiles():
            return _tiles(figure, colours)


def _chart(chart: Chart, colours: Colours, width: float, height: float) -> Drawing:
    xs = [x for s in chart.series for x in s.xs] + [x for x, _ in chart.x_ticks]
    x_axis = fit_axis(xs, is_log=chart.is_x_log)
    if chart.x_ticks:  # things side by side
        x_axis = Axis(min(xs) - 0.5, max(xs) + 0.5)
    ys = [y for s in chart.series for y in (*s.ys, *s.lows, *s.highs)]
    y_axis = fit_axis(ys, is_log=chart.is_y_log)
    y_texts = {tick: _number_text(tick, chart.y_form) for tick in y_axis.ticks}
    left = 22 + max((text_width(text, _TEXT) for text in y_texts.values()), default=20)
    legend, rows = _legend(chart.series, colours, left, width)
    title = _title_lines(chart.title, width - left)
    top, right = 40.0 + _LINE * len(title), width - 18
    is_staggered = bool(chart.x_ticks) and _is_crowded(chart.x_ticks, right - left)
    bottom = height - 44 - _LINE * rows - (_LINE if is_staggered else 0)
    shapes: list[Shape] = [
        Words(left, 22 + _LINE * number, line, _TITLE, colours.ink)
        for number, line in enumerate(title)
    ]
    shapes.append(Words(left, top - 12, chart.y_label, _TEXT, colours.muted))

    def x_of(x: float) -> float:
        return left + (right - left) * x_axis.place(x)

    def y_of(y: float) -> float:
        return bottom - (bottom - top) * y_axis.place(y)

    for tick, text in y_texts.items():
        shapes.append(Line(((left, y_of(tick)), (right, y_of(tick))), colours.faint))
        shapes.append(Words(left - 8, y_of(tick) + 4, text, _TEXT, colours.muted, "end"))
    shapes += _x_labels(chart, x_axis, x_of, bottom, colours, is_staggered=is_staggered)
    shapes.append(Line(((left, bottom), (right, bottom)), colours.muted))
    y = bottom + (34 if not is_staggered else 34 + _LINE)
    shapes.append(Words((left + right) / 2, y, chart.x_label, _TEXT, colours.muted, "middle"))
    for series, colour in zip(chart.series, _series_colours(chart.series, colours), strict=True):
        shapes += _series_shapes(series, colour, x_of, y_of, x_axis, y_axis)
    shapes += [_shifted(shape, y + 22) for shape in legend]
    return Drawing(width, height, colours.paper, tuple(shapes))


def _title_lines(title: str, width: float) -> list[str]:
    """Return a title in lines that fit into a width."""
    return textwrap.wrap(title, max(20, int(width / text_width("x", _TITLE)))) or [""]


def _number_text(value: float, form: str) -> str:
    return f"{100 * value:.6g}%" if form == PERCENT else format(value, form)


def _is_crowded(ticks: Sequence[tuple[float, str]], width: float) -> bool:
    """Return whether labels side by side would overlap, so that they need two rows."""
    widest = max(text_width(text[:_MOST_LABEL], _SMALL) for _, text in ticks)
    return widest * len(ticks) > width


def _x_labels(
    chart: Chart,
    axis: Axis,
    x_of: Callable[[float], float],
    bottom: float,
    colours: Colours,
    *,
    is_staggered: bool,
) -> list[Shape]:
    """Return the labels of the horizontal axis; crowded ones alternate between two rows."""
    if not chart.x_ticks:
        texts = [(tick, _number_text(tick, chart.x_form)) for tick in axis.ticks]
        return [
            Words(x_of(tick), bottom + 16, text, _TEXT, colours.muted, "middle")
            for tick, text in texts
        ]
    return [
        Words(
            x_of(at),
            bottom + 16 + (_LINE if is_staggered and number % 2 else 0),
            text if len(text) <= _MOST_LABEL else f"{text[: _MOST_LABEL - 1]}…",
            _SMALL,
            colours.muted,
            "middle",
        )
        for number, (at, text) in enumerate(chart.x_ticks)
    ]


def _series_colours(series: Sequence[Series], colours: Colours) -> list[Colour]:
    """Return a colour for each series: grey for published ones that belong to none of ours."""
    ours = [one for one in series if one.origin == "ours"]
    own = {id(one): colours.series[n % len(colours.series)] for n, one in enumerate(ours)}
    groups = {one.group: own[id(one)] for one in ours if one.group}
    return [own.get(id(one), groups.get(one.group, colours.muted)) for one in series]


def _series_shapes(
    series: Series,
    colour: Colour,
    x_of: Callable[[float], float],
    y_of: Callable[[float], float],
    x_axis: Axis,
    y_axis: Axis,
) -> list[Shape]:
    shapes: list[Shape] = []
    points = [
        (number, x, y)
        for number, (x, y) in enumerate(zip(series.xs, series.ys, strict=True))
        if math.isfinite(y) and (y > 0 or not y_axis.is_log) and (x > 0 or not x_axis.is_log)
    ]
    places = tuple((x_of(x), y_of(y)) for _, x, y in points)
    if series.is_joined and len(places) > 1:
        shapes.append(Line(places, colour, 1.6, _dashes(series)))
    for number, x, _ in points:
        if series.lows and math.isfinite(series.lows[number]):
            low, high = (y_of(ends[number]) for ends in (series.lows, series.highs))
            low = min(low, y_of(y_axis.low))
            shapes.append(Line(((x_of(x), low), (x_of(x), high)), colour, 1.2))
            shapes += [
                Line(((x_of(x) - _CAP, y), (x_of(x) + _CAP, y)), colour, 1.2) for y in (low, high)
            ]
    if series.has_markers:
        shapes += [Dot(x, y, 3.5, colour, series.origin == "ours") for x, y in places]
    return shapes


def _dashes(series: Series) -> tuple[float, float] | None:
    dashes = {"paper": (6.0, 4.0), "reproduced": (2.0, 3.0)}
    return dashes.get(series.origin)


def _legend(
    series: Sequence[Series], colours: Colours, left: float, width: float
) -> tuple[list[Shape], int]:
    """Return the legend, from y = 0 on, and how many rows it has; none for a single series."""
    if len(series) < 2:
        return [], 0
    shapes: list[Shape] = []
    x, row = left, 0
    for one, colour in zip(series, _series_colours(series, colours), strict=True):
        needed = 34 + text_width(one.label, _TEXT)
        if x > left and x + needed > width:
            x, row = left, row + 1
        y = _LINE * row
        if one.is_joined:
            shapes.append(Line(((x, y - 4), (x + 20, y - 4)), colour, 1.6, _dashes(one)))
        if one.has_markers:
            shapes.append(Dot(x + 10, y - 4, 3.5, colour, one.origin == "ours"))
        shapes.append(Words(x + 26, y, one.label, _TEXT, colours.ink))
        x += needed + 12
    return shapes, row + 1


def _shifted(shape: Shape, down: float) -> Shape:
    """Return a shape of the legend further down."""
    match shape:
        case Line():
            points = tuple((x, y + down) for x, y in shape.points)
            return Line(points, shape.colour, shape.width, shape.dashes)
        case Dot():
            return Dot(shape.x, shape.y + down, shape.radius, shape.colour, shape.is_filled)
        case Words():
            return Words(
                shape.x, shape.y + down, shape.text, shape.size, shape.colour, shape.anchor
            )
        case _:
            return shape


def _matrix(matrix: Matrix, colours: Colours) -> Drawing:
    cell_width, cell_height = 58.0, 28.0
    left = 20 + max((text_width(t, _TEXT) for t in matrix.row_labels), default=20)
    top = 62.0
    number = len(matrix.column_labels)
    width = max(left + cell_width * number + 16, 40 + text_width(matrix.title, _TITLE))
    height = top + cell_height * len(matrix.row_labels) + 16
    known = [v for row in matrix.values_RC for v in row if v is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    table = colour_table("viridis")
    shapes: list[Shape] = [Words(16, 24, matrix.title, _TITLE, colours.ink)]
    for column, text in enumerate(matrix.column_labels):
        x = left + cell_width * (column + 0.5)
        shapes.append(Words(x, top - 8, text[:9], _SMALL, colours.muted, "middle"))
    for row, (label, values) in enumerate(zip(matrix.row_labels, matrix.values_RC, strict=True)):
        y = top + cell_height * row
        shapes.append(Words(left - 8, y + 18, label, _TEXT, colours.muted, "end"))
        for column, value in enumerate(values):
            if value is None:
                continue
            share = (value - low) / (high - low) if high > low else 0.5
            red, green, blue = (int(part) for part in table[1 + round(254 * share)])
            x = left + cell_width * column
            shapes.append(Box(x, y, cell_width - 1, cell_height - 1, (red, green, blue)))
            is_bright = 0.299 * red + 0.587 * green + 0.114 * blue > 140
            ink = (20, 20, 20) if is_bright else (250, 250, 250)
            text = format(value, matrix.form)
            shapes.append(Words(x + cell_width / 2, y + 18, text, _SMALL, ink, "middle"))
    return Drawing(width, height, colours.paper, tuple(shapes))


def _tiles(tiles: Tiles, colours: Colours) -> Drawing:
    side, gap, caption = 84.0, 6.0, 14.0
    left = 20 + max((text_width(t, _TEXT) for t in tiles.row_labels), default=20)
    top, step = 62.0, side + caption + gap
    width = max(
        left + (side + gap) * len(tiles.column_labels) + 10, 40 + text_width(tiles.title, _TITLE)
    )
    height = top + step * len(tiles.row_labels) + 8
    shapes: list[Shape] = [Words(16, 24, tiles.title, _TITLE, colours.ink)]
    for column, text in enumerate(tiles.column_labels):
        x = left + (side + gap) * column + side / 2
        shapes.append(Words(x, top - 8, text[:14], _SMALL, colours.muted, "middle"))
    for row, label in enumerate(tiles.row_labels):
        y = top + step * row
        shapes.append(Words(left - 8, y + side / 2, label, _TEXT, colours.muted, "end"))
        for column, tile_HW in enumerate(tiles.tiles_RC[row]):
            if tile_HW is None:
                continue
            x = left + (side + gap) * column
            grey_HW = np.rint(np.clip(tile_HW, 0, 1) * 255).astype(np.uint8)
            shapes.append(Raster(x, y, side, grey_HW))
            text = tiles.captions_RC[row][column]
            shapes.append(Words(x + side / 2, y + side + 11, text, _SMALL, colours.muted, "middle"))
    return Drawing(width, height, colours.paper, tuple(shapes))
