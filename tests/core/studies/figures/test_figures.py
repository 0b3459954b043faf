"""Figures: where things are, recomputed from the shapes, and files that others can read."""

from __future__ import annotations

import dataclasses
import io
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from snip_gui.core.base.errors import UserError
from snip_gui.core.studies.figures.axes import fit_axis
from snip_gui.core.studies.figures.drawing import DARK, LIGHT, Dot, Line, Raster, Words
from snip_gui.core.studies.figures.figure import PERCENT, Chart, Matrix, Series, Tiles
from snip_gui.core.studies.figures.layout import lay_out
from snip_gui.core.studies.figures.render import figure_png, figure_svg, save_figure

INFINITE = math.inf


def chart(**more):
    ours = Series(
        "SNIP <1>", (1, 2, 4), (0.1, 0.2, 0.4), (0.05, -INFINITE, 0.3), (0.15, INFINITE, 0.5)
    )
    paper = Series("paper & others", (1, 4), (0.1, 0.3), origin="paper")
    usual = {"series": (ours, paper), "y_form": PERCENT}
    return Chart("A “title”", "x", "error", **(usual | more))


def dots(drawing, *, is_filled):
    """Markers within the axes, from the left; the legend has the last one of each series."""
    found = [s for s in drawing.shapes if isinstance(s, Dot) and s.is_filled == is_filled]
    return found[:-1]


def test_points_lie_where_their_numbers_are_on_both_axes():
    drawing = lay_out(chart())
    ours, paper = dots(drawing, is_filled=True), dots(drawing, is_filled=False)
    assert (len(ours), len(paper)) == (3, 2)
    assert ours[2].x - ours[0].x == pytest.approx(3 * (ours[1].x - ours[0].x))
    assert ours[0].y - ours[2].y == pytest.approx(3 * (ours[0].y - ours[1].y))
    assert (paper[0].x, paper[0].y) == (ours[0].x, ours[0].y)
    # The labels of the vertical axis are on the same scale.
    ticks = {s.text: s.y for s in drawing.shapes if isinstance(s, Words) and s.anchor == "end"}
    per_point = (ticks["10%"] - ticks["30%"]) / 20
    assert ours[0].y - ours[1].y == pytest.approx(10 * per_point)
    assert drawing.shapes[0].text == "A “title”"


def test_intervals_are_drawn_unless_nothing_can_be_said():
    drawing = lay_out(chart())
    ours = dots(drawing, is_filled=True)
    for dot, has_interval in zip(ours, (True, False, True), strict=True):
        bars = [
            s for s in drawing.shapes
            if isinstance(s, Line) and s.colour == dot.colour and len(s.points) == 2
            and s.points[0][0] == s.points[1][0] == dot.x
        ]  # fmt: skip
        assert len(bars) == has_interval
        for bar in bars:
            assert bar.points[0][1] > dot.y > bar.points[1][1]


def test_logarithmic_axes_have_equal_distances_for_equal_ratios():
    ours = dots(lay_out(chart(is_x_log=True, is_y_log=True)), is_filled=True)
    assert ours[1].x - ours[0].x == pytest.approx(ours[2].x - ours[1].x)
    assert ours[0].y - ours[1].y == pytest.approx(ours[1].y - ours[2].y)
    assert fit_axis([0, -1, 10, 1000], is_log=True).ticks == (10, 20, 50, 100, 200, 500, 1000)
    assert fit_axis([1e-4, 1e8], is_log=True).ticks == (1e-4, 1e-2, 1, 1e2, 1e4, 1e6, 1e8)
    assert fit_axis([0.02, 0.2], is_log=True).ticks == (0.02, 0.05, 0.1, 0.2)


@pytest.mark.parametrize("values", [[0, 1], [3, 3], [0], [], [1e-9, 2e-9], [-5, 1e6], [math.nan]])
def test_ticks_are_round_few_and_within_the_axis(values):
    axis = fit_axis(values)
    assert axis.low < axis.high
    assert 2 <= len(axis.ticks) <= 8
    assert all(-1e-9 <= axis.place(tick) <= 1 + 1e-9 for tick in axis.ticks)


def test_everything_is_on_the_page_even_with_many_long_labels():
    labels = tuple((float(number), f"arm number {number} with a long name") for number in range(8))
    series = [Series(f"series {n}", (0.0, 7.0), (n, n + 1.0)) for n in range(7)]
    drawing = lay_out(Chart("t", "x", "y", tuple(series), labels))
    for shape in drawing.shapes:
        if isinstance(shape, Words | Dot):
            assert 0 <= shape.x <= drawing.width
            assert 0 <= shape.y <= drawing.height


MATRIX = Matrix("m", ("a", "b"), ("a", "b"), ((None, 0.25), (0.25, 0.5)), ".0%")
TILES = Tiles("t", ("10%",), ("3", "8"), ((np.eye(4), None),), (("0.25", ""),))


ONE_LINE = dataclasses.replace(chart(), series=chart().series[:1])


@pytest.mark.parametrize("figure", [ONE_LINE, MATRIX, TILES], ids=["chart", "matrix", "tiles"])
def test_both_files_are_of_the_same_page_and_always_the_same(figure):
    drawing, svg = lay_out(figure), figure_svg(figure)
    root = ElementTree.fromstring(svg)
    assert root.get("width") == f"{drawing.width:g}"
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == [shape.text for shape in drawing.shapes if isinstance(shape, Words)]
    assert svg.count("href=") == svg.count('href="data:')
    picture = Image.open(io.BytesIO(figure_png(figure)))
    assert picture.size == (2 * round(drawing.width), 2 * round(drawing.height))
    for shape in drawing.shapes:
        if isinstance(shape, Dot) and shape.is_filled:
            assert picture.getpixel((2 * shape.x, 2 * shape.y)) == shape.colour
        if isinstance(shape, Raster):
            assert picture.getpixel((2 * shape.x + 3, 2 * shape.y + 3)) == (255,) * 3
            assert picture.getpixel((2 * shape.x + 3, 2 * shape.y + 160)) == (0,) * 3
    assert figure_svg(figure) == svg
    assert figure_png(figure) == figure_png(figure)


def test_names_from_files_are_text_not_markup():
    evil = Series('</svg><script x="1">\u202e\n', (1,), (1,))
    svg = figure_svg(Chart("a", "b", "c", (evil, evil)))
    assert "<script" not in svg
    assert "\\u202e" in svg
    ElementTree.fromstring(svg)


def test_dark_pages_are_readable():
    for colours in (LIGHT, DARK):
        for colour in (colours.ink, colours.muted, *colours.series):
            one, other = sorted((_luminance(colour), _luminance(colours.paper)))
            assert (other + 0.05) / (one + 0.05) >= 2.2


def _luminance(colour):
    parts = [c / 255 for c in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_extension_says_the_format(tmp_path):
    save_figure(tmp_path / "a.SVG", MATRIX)
    save_figure(tmp_path / "a.png", MATRIX)
    assert (tmp_path / "a.SVG").read_text("utf-8") == figure_svg(MATRIX)
    assert (tmp_path / "a.png").read_bytes() == figure_png(MATRIX)
    with pytest.raises(UserError, match="pdf"):
        save_figure(tmp_path / "a.pdf", MATRIX)


def test_published_series_share_the_colour_of_their_group_and_references_are_grey():
    ours = [Series(f"{n}", (1,), (n + 1,), group=f"{n}") for n in range(len(LIGHT.series))]
    paper = Series("published", (2,), (1,), origin="paper", group="3")
    reference = Series("unpruned", (1, 2), (1, 1), origin="reference", has_markers=False)
    drawing = lay_out(chart(series=(*ours, paper, reference)))
    filled = [s.colour for s in drawing.shapes if isinstance(s, Dot) and s.is_filled]
    assert len(set(filled)) == len(ours)
    (published, _) = [s for s in drawing.shapes if isinstance(s, Dot) and not s.is_filled]
    assert published.colour == filled[3]
    lines = [s for s in drawing.shapes if isinstance(s, Line) and s.width == 1.6]
    assert lines[0].colour == LIGHT.muted
