"""Frames are seen on any picture: two lightnesses side by side."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem

from snip_gui.ui.theme.theme import load_colours
from snip_gui.ui.widgets.pictures.picture_plot import Frame


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("background", ["#000000", "#ffffff", "#7f7f7f"])
def test_part_of_a_frame_contrasts_with_any_background(qapp, theme, background):
    frame = Frame(QColor(load_colours(theme).accent))
    frame.setRect(QRectF(10, 10, 20, 20))
    image = QImage(40, 40, QImage.Format.Format_RGB32)
    image.fill(QColor(background))
    painter = QPainter(image)
    frame.paint(painter, QStyleOptionGraphicsItem(), None)
    painter.end()
    lightness = [image.pixelColor(column, 20).lightness() for column in range(5, 16)]
    base = QColor(background).lightness()
    assert max(abs(value - base) for value in lightness) >= 60
