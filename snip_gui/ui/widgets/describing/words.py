"""What pictures and charts show, in words.

Shapes: C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

    from snip_gui.core.views.picture import Picture

EMPTY = "empty"
_MOST_CURVES = 8


def picture_words(
    picture: Picture | None,
    block: tuple[int, int] = (1, 1),
    origin: tuple[int, int] = (0, 0),
) -> str:
    """Return where a picture is brightest and how bright, or how many of each kind it has.

    Parameters
    ----------
    block, origin
        Canvas pixels per picture pixel, and row and column of the picture's origin on the canvas.
    """
    if picture is None or not picture.index_HW.any():
        return EMPTY
    index_HW = picture.index_HW
    rows, columns = index_HW.shape
    size = f"{picture.label}, {rows:,} by {columns:,}"
    if picture.legend:
        counts = np.bincount(index_HW.ravel(), minlength=256)
        present = np.flatnonzero(counts[1:]) + 1
        known = dict(picture.legend)
        if set(present) <= set(known.values()):
            parts = [f"{counts[index]:,} {name}" for name, index in known.items()]
            return f"{size}: {', '.join(parts)}"
    words = _extreme(picture, int(index_HW.argmax()), block, origin)
    if picture.low < 0 < picture.high and picture.scale == "linear":
        lowest = int(np.where(index_HW == 0, 255, index_HW).argmin())
        return f"{size}: highest {words}; lowest {_extreme(picture, lowest, block, origin)}"
    return f"{size}: brightest {words}"


def _extreme(picture: Picture, place: int, block: tuple[int, int], origin: tuple[int, int]) -> str:
    """Return place and value of a pixel; rows and columns count from 0, as in hovers."""
    row, column = np.unravel_index(place, picture.index_HW.shape)
    index = int(picture.index_HW[row, column])
    value = picture.low + (index - 1) / 254 * (picture.high - picture.low)
    value = 10**value if picture.scale == "log" else value
    is_share = picture.is_share and picture.scale == "linear"
    text = f"{value:.0%}" if is_share else f"{value:.2g}"
    return (
        f"at row {int(row) * block[0] + origin[0]:,}, "
        f"column {int(column) * block[1] + origin[1]:,}, {text}"
    )


def image_words(image_CHW: NDArray[np.uint8] | None) -> str:
    """Return the size of an image, and where it is brightest."""
    if image_CHW is None:
        return EMPTY
    channels, rows, columns = image_CHW.shape
    colour = "colour" if channels == 3 else "grey"
    brightness_HW = image_CHW.astype(np.float32).mean(0)
    row, column = np.unravel_index(int(brightness_HW.argmax()), brightness_HW.shape)
    return (
        f"{colour}, {rows:,} by {columns:,} pixels: brightest at row {row:,}, column {column:,}, "
        f"{brightness_HW[row, column] / 255:.0%}; mean {brightness_HW.mean() / 255:.0%}"
    )


def chart_words(view: pg.GraphicsView) -> str:
    """Return the curves of all plots of a view: their names, numbers of points, and last values."""
    plots = [item for item in view.scene().items() if isinstance(item, pg.PlotItem)]
    parts = [part for plot in reversed(plots) for part in _curves(plot)]
    more = [f"and {len(parts) - _MOST_CURVES} more"] if len(parts) > _MOST_CURVES else []
    return "; ".join([*parts[:_MOST_CURVES], *more]) or EMPTY


def _curves(plot: pg.PlotItem) -> Iterator[str]:
    """Yield a few words on each visible curve of a plot that has points."""
    bottom, left = plot.getAxis("bottom"), plot.getAxis("left")
    across, up = bottom.labelText or "bottom", left.labelText or "left"
    for item in plot.listDataItems():
        xs, ys = _points(item)
        xs, ys = _unlogged(bottom, xs), _unlogged(left, ys)
        if not item.isVisible() or not len(ys):
            continue
        name = item.name() or up
        number = f"{len(ys):,} {'point' if len(ys) == 1 else 'points'}"
        yield (
            f"{name}: {number}, last {ys[-1]:.3g} at {across} {xs[-1]:.3g}, "
            f"lowest {ys.min():.3g}, highest {ys.max():.3g}"
        )


def _unlogged(axis: pg.AxisItem, values: NDArray[Any]) -> NDArray[Any]:
    """Return values as an axis writes them, if it shows logarithms."""
    return 10.0**values if getattr(axis, "is_log", False) else values


def _points(item: Any) -> tuple[NDArray[Any], NDArray[Any]]:  # noqa: ANN401 - pyqtgraph has no types
    """Return the finite points of a curve, as they were given rather than as they are drawn."""
    xs, ys = item.getOriginalDataset() if hasattr(item, "getOriginalDataset") else item.getData()
    if xs is None or ys is None or not len(ys):
        return np.zeros(0), np.zeros(0)
    xs, ys = np.asarray(xs, float)[: len(ys)], np.asarray(ys, float)
    finite = np.isfinite(xs) & np.isfinite(ys)
    return xs[finite], ys[finite]
