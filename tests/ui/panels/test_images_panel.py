"""A folder of images in the window: seen while it is read, bad files, settings of its own."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QLabel, QSpinBox, QTreeWidget, QWidget

from snip_gui.core.data.sets import scan

WAIT_MS = 60_000


def child(window, kind, name):
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    root = tmp_path / "images"
    for name in ("kot", "犬"):
        (root / name).mkdir(parents=True)
        for number in range(15):
            pixels = generator.integers(0, 256, (28, 40, 3), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def open_folder(started, folder):
    started.controller.prefer(data_folder=str(folder))
    started.controller.set_field("data.name", "folder")


def test_the_grid_is_filled_before_the_files_are_read(started, qtbot, folder, monkeypatch):
    gate, look = threading.Event(), scan.read_header

    def look_later(path):
        assert gate.wait(WAIT_MS / 1000)
        return look(path)

    monkeypatch.setattr(scan, "read_header", look_later)
    state, window = started.controller.state, started.window
    window.actions_by_name["show_images"].trigger()
    open_folder(started, folder)
    qtbot.waitUntil(lambda: state.listing is not None, timeout=WAIT_MS)
    panel = window.images
    assert panel.isEnabled()
    assert panel.grid.model().rowCount() == 24
    assert child(window, QLabel, "image_count").text() == "24 files"
    panel.grid.select_rows(range(3))
    assert not panel.add.isEnabled()
    assert child(window, QLabel, "selected_count").text() == "Reading…"
    assert "being read" in child(window, QLabel, "minibatch_summary").text()
    panel.filter.setCurrentIndex(2)
    assert panel.grid.model().rowCount() == 12
    gate.set()
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    assert panel.filter.currentText() == "class 犬"
    panel.grid.select_rows(range(3))
    assert panel.add.isEnabled()


def test_the_grid_stays_where_it_is_when_all_files_have_been_read(
    started, qtbot, folder, monkeypatch
):
    for name in ("kot", "犬"):
        for number in range(100, 500):
            (folder / name / f"{number}.png").write_bytes((folder / name / "1.png").read_bytes())
    gate, look = threading.Event(), scan.read_header

    def look_later(path):
        assert gate.wait(WAIT_MS / 1000)
        return look(path)

    monkeypatch.setattr(scan, "read_header", look_later)
    state, window = started.controller.state, started.window
    window.actions_by_name["show_images"].trigger()
    open_folder(started, folder)
    qtbot.waitUntil(lambda: state.listing is not None, timeout=WAIT_MS)
    grid = window.images.grid
    qtbot.waitUntil(lambda: grid.verticalScrollBar().maximum() > 0, timeout=WAIT_MS)
    grid.scroll_to_index(300)
    qtbot.waitUntil(lambda: 270 < grid.top_index() <= 300, timeout=WAIT_MS)
    top = grid.top_index()
    gate.set()
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    # Less what is held out for validation, a tenth.
    qtbot.waitUntil(lambda: abs(grid.top_index() - top) <= 20, timeout=WAIT_MS)


def test_bad_files_are_skipped_from_the_banner(started, qtbot, folder):
    for number in range(3):
        (folder / "kot" / f"{number}.png").write_bytes(b"no image")
    state, window = started.controller.state, started.window
    open_folder(started, folder)
    qtbot.waitUntil(lambda: window.banner.isVisible(), timeout=WAIT_MS)
    assert window.banner.action.text() == "Show 3 files…"
    qtbot.mouseClick(window.banner.action, Qt.MouseButton.LeftButton)
    files = child(window, QTreeWidget, "unreadable_files")
    rows = [files.topLevelItem(row) for row in range(files.topLevelItemCount())]
    assert [row.text(0)[-9:] for row in rows] == ["kot/0.png", "kot/1.png", "kot/2.png"]
    assert rows[0].text(1) == "it is not an image in a known format"
    skip = child(window, QWidget, "skip_unreadable_button")
    assert skip.text() == "Skip these 3 files"
    qtbot.mouseClick(skip, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    assert not window.banner.isVisible()
    assert child(window, QCheckBox, "data_skip_unreadable").isChecked()


def test_settings_of_image_files_are_shown_for_them_only(started, qtbot, folder):
    state, window = started.controller.state, started.window
    names = (
        (QSpinBox, "data_image_size"),
        (QCheckBox, "data_skip_unreadable"),
        (QDoubleSpinBox, "image_memory"),
    )
    editors = [child(window, kind, name) for kind, name in names]
    assert not any(editor.isVisibleTo(window) for editor in editors)
    open_folder(started, folder)
    assert all(editor.isVisibleTo(window) for editor in editors)
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    about = window.setup._about
    assert "Kept in memory" in about.text()
    editors[0].setValue(20)
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    assert state.images.image_shape == (3, 14, 20)
    editors[1].click()
    assert state.recipe.data.skip_unreadable
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    editors[2].setValue(0.1)
    assert state.preferences.image_memory_gb == pytest.approx(0.1)
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
