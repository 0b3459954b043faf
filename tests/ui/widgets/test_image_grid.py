"""The grid of thumbnails lays out every image, whenever and at whatever size it is opened."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QVBoxLayout, QWidget

from snip_gui.ui.widgets.pictures.image_grid import ImageGrid

WAIT_MS = 10_000
PICTURE_CHW = np.zeros((1, 8, 8), np.uint8)
# The first batch fits each of these without a scroll bar; all images do not.
SIZES = ((596, 420), (818, 300), (855, 300))


@pytest.fixture(params=SIZES, ids=str)
def page(request, qtbot):
    page = QWidget()
    grid = ImageGrid(44)
    QVBoxLayout(page).addWidget(grid)
    grid.images.set_images(lambda _index: PICTURE_CHW, str)
    page.resize(*request.param)
    qtbot.addWidget(page)
    return page, grid


def is_laid_out(grid) -> bool:
    """Whether the last image can be scrolled to."""
    last = grid.images.index(grid.images.rowCount() - 1)
    bottom = grid.visualRect(last).bottom() + grid.verticalScrollBar().value()
    return grid.verticalScrollBar().maximum() >= bottom - grid.viewport().height() > 0


def test_every_image_is_laid_out_if_opened_late(page, qtbot):
    page, grid = page
    grid.images.show_indices(np.arange(700))
    page.show()
    qtbot.waitUntil(lambda: is_laid_out(grid), timeout=WAIT_MS)


def test_every_image_is_laid_out_if_opened_early_and_filtered(page, qtbot):
    page, grid = page
    grid.images.show_indices(np.arange(30))
    with qtbot.waitExposed(page):
        page.show()
    for number in (700, 400):
        grid.images.show_indices(np.arange(number))
        qtbot.waitUntil(lambda: is_laid_out(grid), timeout=WAIT_MS)


def test_another_width_lays_the_images_out_again(page, qtbot):
    page, grid = page
    grid.images.show_indices(np.arange(700))
    page.show()
    qtbot.waitUntil(lambda: is_laid_out(grid), timeout=WAIT_MS)
    page.resize(page.width() - 130, page.height() + 30)
    cell = grid.gridSize().width()

    def fits() -> bool:
        # Qt leaves out a column that would fit exactly.
        in_line = max(1, (grid.viewport().width() - 1) // cell)
        second_line = grid.visualRect(grid.images.index(in_line))
        return is_laid_out(grid) and second_line.left() < cell

    qtbot.waitUntil(fits, timeout=WAIT_MS)
