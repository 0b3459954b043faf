"""The table of formats, with the times of other runtimes."""

from __future__ import annotations

from pathlib import Path

from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.events import OPENVINO, Latency, SpeedMeasured
from snip_gui.ui.dialogs.files.export_table import ExportTable


def test_a_tool_tip_has_the_times_of_openvino(qtbot):
    table = ExportTable()
    qtbot.addWidget(table)
    times = Latency(2.0, 1.9, 2.1), Latency(30.0, 29.0, 31.0)
    speed = SpeedMeasured(Path(), "onnx" + OPENVINO, 1000, *times, batch_size=64, num_threads=1)
    table.show_measured({}, {speed.run_as: speed}, is_measuring=False)
    row = FORMATS.names.index("onnx") + 1
    tips = [table.item(row, column).toolTip() for column in range(table.columnCount())]
    assert "OpenVINO: 2 ms ±5% for one image, 30 ms ±3% for 64" in tips
    other = FORMATS.names.index("pt") + 1
    assert not any("OpenVINO" in table.item(other, c).toolTip() for c in range(5, 7))
