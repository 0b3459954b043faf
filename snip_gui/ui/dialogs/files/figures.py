"""Figures: pictures and charts on screen, redrawn at any size, and their numbers.

Everything is repainted rather than enlarged, so lines and text are sharp at any size; in an SVG
they stay vectors.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QIODevice, QRectF, QSize
from PySide6.QtGui import QColor, QGuiApplication, QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgGenerator

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import replacing, write_bytes, write_text
from snip_gui.ui.widgets.figures.figure_view import FigureView
from snip_gui.ui.widgets.pictures.flow_view import FlowView
from snip_gui.ui.widgets.pictures.picture_plot import PicturePlot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from PySide6.QtWidgets import QWidget

ENDINGS = {
    ".png": "Picture",
    ".svg": "Vector graphic",
    ".npz": "Data as NumPy arrays",
    ".csv": "Data as a table",
}

_DOTS_PER_METRE = 100 / 2.54  # for one dot per inch


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture or chart on screen.

    Attributes
    ----------
    size
        Size on screen, in points.
    paint
        Paints it into a rectangle of this size.
    numbers
        Returns the underlying arrays by name.
    """

    title: str
    size: QSize
    paint: Callable[[QPainter], None]
    numbers: Callable[[], Mapping[str, NDArray[np.generic]]]


def find_figures(window: QWidget) -> list[Figure]:
    """Return the visible figures of a window, the one in the centre first."""
    painted: list[PicturePlot | FlowView | FigureView] = [
        *window.findChildren(PicturePlot),
        *window.findChildren(FlowView),
        *window.findChildren(FigureView),
    ]
    found = [
        Figure(plot.title, plot.size(), plot.paint_on, plot.numbers)
        for plot in painted
        # Behind another tab of a dock it counts as visible for Qt, but cannot be seen.
        if plot.isVisible() and not plot.visibleRegion().isEmpty() and plot.picture is not None
    ]
    inside = {view for plot in window.findChildren(PicturePlot) for view in _views(plot)}
    return found + [
        _chart(view)
        for view in _views(window)
        if view.isVisible() and view not in inside and _curves(view)
    ]


def save_figure(figure: Figure, path: Path, *, width: int, dpi: int, background: QColor) -> None:
    """Write a figure, or its numbers, in the format of the file extension.

    Parameters
    ----------
    width
        Width of the picture in pixels, from which the height follows.
    dpi
        Resolution to store in the picture.

    Raises
    ------
    UserError
        If the extension is unknown or the file cannot be written.
    """
    match path.suffix.lower():
        case ".png":
            with replacing(path) as part:
                writer = QImageWriter(str(part), b"png")
                if not writer.write(
                    render_figure(figure, width=width, dpi=dpi, background=background)
                ):
                    raise OSError(None, writer.errorString())
        case ".svg":
            write_bytes(path, _svg(figure, background))
        case ".npz":
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **dict(figure.numbers()))  # type: ignore[arg-type]  # its stub takes a flag for the arrays
            write_bytes(path, buffer.getvalue())
        case ".csv":
            write_text(path, _table(figure.numbers()))
        case other:
            raise UserError(
                f"Pictures cannot be saved as “{other}”.", f"Choose one of {', '.join(ENDINGS)}."
            )


def render_figure(figure: Figure, *, width: int, dpi: int, background: QColor) -> QImage:
    """Return a figure as an image of a given width in pixels."""
    scale = width / max(1, figure.size.width())
    height = max(1, round(figure.size.height() * scale))
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(background)
    painter = QPainter(image)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
    painter.scale(scale, scale)
    figure.paint(painter)
    painter.end()
    # Only now: axes are recorded for the screen's resolution and would be scaled twice.
    image.setDotsPerMeterX(round(dpi * _DOTS_PER_METRE))
    image.setDotsPerMeterY(round(dpi * _DOTS_PER_METRE))
    return image


def _svg(figure: Figure, background: QColor) -> bytes:
    """Return a figure as the contents of an SVG file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(figure.size)
    generator.setViewBox(QRectF(0, 0, figure.size.width(), figure.size.height()))
    generator.setResolution(round(QGuiApplication.primaryScreen().logicalDotsPerInch()))
    generator.setTitle(figure.title)
    painter = QPainter(generator)
    painter.fillRect(QRectF(0, 0, figure.size.width(), figure.size.height()), background)
    figure.paint(painter)
    painter.end()
    return bytes(buffer.data().data())


def _table(numbers: Mapping[str, NDArray[np.generic]]) -> str:
    """Return arrays as the columns of a CSV; a two-dimensional array as its rows."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    planes = [array for array in numbers.values() if array.ndim == 2]
    if planes:
        writer.writerows(planes[0].tolist())
        return text.getvalue()
    writer.writerow(numbers)
    columns = [array.tolist() for array in numbers.values()]
    for row in range(max(map(len, columns), default=0)):
        writer.writerow([column[row] if row < len(column) else "" for column in columns])
    return text.getvalue()


def _views(parent: QWidget) -> list[pg.GraphicsView]:
    return list(parent.findChildren(pg.GraphicsView))


def _curves(view: pg.GraphicsView) -> list[pg.PlotDataItem]:
    """Return the non-empty curves in a view."""
    items = [item for item in view.scene().items() if isinstance(item, pg.PlotDataItem)]
    return [item for item in reversed(items) if item.xData is not None and len(item.xData)]


def _chart(view: pg.GraphicsView) -> Figure:
    """Return a chart as a figure."""

    def paint(painter: QPainter) -> None:
        view.scene().prepareForPaint()
        # Of the view, because the plot item in it uses the same attribute for something else.
        source = pg.GraphicsView.viewRect(view)
        view.scene().render(painter, QRectF(view.viewport().rect()), source)

    def numbers() -> dict[str, NDArray[np.generic]]:
        found: dict[str, NDArray[np.generic]] = {}
        for place, curve in enumerate(_curves(view), 1):
            name = curve.name() or f"curve {place}"
            name = name if f"{name} x" not in found else f"{name} {place}"
            found |= {f"{name} x": np.asarray(curve.xData), f"{name} y": np.asarray(curve.yData)}
        return found

    return Figure(view.accessibleName() or "Chart", view.viewport().size(), paint, numbers)
