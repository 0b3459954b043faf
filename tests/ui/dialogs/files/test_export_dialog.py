"""The export dialog: real clicks, visible text."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QLabel

from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.events import FormatMeasured
from snip_gui.ui.dialogs.files.export_dialog import ExportDialog
from snip_gui.ui.dialogs.files.export_table import ExportTable

WAIT_MS = 60_000


@pytest.fixture
def exporter(started):
    return started.controller.exporter


@pytest.fixture
def dialog(started, exporter, qtbot, tmp_path):
    started.controller.prefer(export_folder=str(tmp_path / "out"))
    started.window.actions_by_name["export"].trigger()
    dialog = started.window.findChild(ExportDialog)
    assert "Saving" in text(dialog, "export_run")
    assert not dialog.start.isEnabled()
    qtbot.waitUntil(lambda: exporter.folder is not None, timeout=WAIT_MS)
    yield dialog
    dialog.reject()


@pytest.fixture
def measured(dialog, exporter, qtbot):
    """The dialog with the costs of all formats, which takes seconds."""
    qtbot.waitUntil(lambda: not exporter.is_measuring, timeout=WAIT_MS)
    return dialog


def text(dialog, name):
    return dialog.findChild(QLabel, name).text()


def find_row(dialog, name):
    return FORMATS.names.index(name) + 1


def cells(dialog, name):
    row = find_row(dialog, name)
    return [dialog.table.item(row, column).text() for column in range(dialog.table.columnCount())]


def tick(dialog, qtbot, name):
    """A click on the box of a row."""
    item = dialog.table.item(find_row(dialog, name), 0)
    rect = dialog.table.visualItemRect(item)
    place = rect.center()
    place.setX(rect.left() + 14)
    qtbot.mouseClick(dialog.table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_the_measured_sizes_are_shown_before_a_byte_is_written(measured, tmp_path):
    dialog = measured
    assert "multiply zeros" in text(dialog, "export_truth")
    assert "LeNet-300-100" in text(dialog, "export_what")
    assert "90% of its connections removed" in text(dialog, "export_what")
    assert "untrained" in text(dialog, "export_what")
    title, size, number, error, macs, one, batch, readers = cells(dialog, "pt")
    assert error == ""  # the run is untrained
    assert (title, number, macs) == ("PyTorch state_dict", "266,610", "266 k")
    assert size == "1.07 MB"
    assert re.fullmatch(r"[\d.]+ ms ±\d+%", one)
    assert re.fullmatch(r"[\d.]+ ms ±\d+%", batch)
    assert "torch" in readers
    assert cells(dialog, "packed")[2] == "26,661"
    assert cells(dialog, "csr")[4:7] == ["–"] * 3
    assert dialog.table.item(0, 0).text().startswith("Before pruning")
    assert "1 thread" in text(dialog, "export_basis")
    assert not (tmp_path / "out").exists()


def test_several_formats_are_ticked_and_written(dialog, exporter, qtbot, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    tick(dialog, qtbot, "packed")
    assert dialog.table.checked_formats() == ["safetensors", "packed"]
    dialog.name.setText("mein Netz")
    assert not dialog.show_folder.isEnabled()
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    assert dialog.start.text() == "Stop"
    qtbot.waitUntil(lambda: not exporter.is_exporting, timeout=WAIT_MS)
    assert "verified by reading back" in text(dialog, "export_said")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"mein Netz.safetensors", "mein Netz.snip", "mein Netz.snip.load.py"} <= names
    qtbot.mouseClick(dialog.show_folder, Qt.MouseButton.LeftButton)
    assert opened == [QUrl.fromLocalFile(str(tmp_path / "out"))]
    assert dialog.start.text() == "Export"


def test_files_that_are_there_already_are_named(dialog, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "net.safetensors").touch()
    dialog.name.setText("net")
    assert "will be replaced: net.safetensors" in text(dialog, "export_said")
    dialog.name.setText("net/more")
    assert "cannot contain a slash" in text(dialog, "export_said")
    assert not dialog.start.isEnabled()


def test_the_loading_code_of_the_selected_row_is_copied(dialog, qtbot, tmp_path):
    dialog.name.setText("net")
    dialog.table.selectRow(find_row(dialog, "onnx"))
    qtbot.mouseClick(dialog.copy_code, Qt.MouseButton.LeftButton)
    code = QGuiApplication.clipboard().text()
    assert "onnxruntime.InferenceSession" in code
    assert str(tmp_path / "out" / "net.onnx") in code
    compile(code, "copied", "exec")


def test_a_format_that_is_refused_cannot_be_ticked_and_says_why(dialog, exporter, qtbot):
    exporter.cancel()
    qtbot.waitUntil(lambda: not exporter.is_measuring, timeout=WAIT_MS)
    tick(dialog, qtbot, "onnx")
    reason = "ONNX needs packages that are not installed."
    exporter.formats["onnx"] = FormatMeasured(exporter.folder, "onnx", refused=reason)
    exporter.changed.emit()
    assert cells(dialog, "onnx")[-1] == "not available"
    assert dialog.table.item(find_row(dialog, "onnx"), 0).toolTip() == reason
    assert dialog.table.checked_formats() == ["safetensors"]
    tick(dialog, qtbot, "onnx")
    assert dialog.table.checked_formats() == ["safetensors"]


def test_it_fits_a_small_screen(dialog):
    assert dialog.minimumSizeHint().height() < 480
    assert dialog.minimumSizeHint().width() < 1000


def test_all_formats_are_in_sight_where_the_screen_has_room(qtbot):
    table = ExportTable()
    qtbot.addWidget(table)
    table.resize(1000, table.sizeHint().height())
    table.show()
    assert not table.verticalScrollBar().isVisible()
    assert table.columnWidth(0) == table.sizeHintForColumn(0)
