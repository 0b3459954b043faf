"""The table of formats: the cost of each, and a box to tick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from snip_gui.core.base.text import short_count, size_text, time_text
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.events import OPENVINO
from snip_gui.ui.widgets.plain_text import plain_tip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snip_gui.core.export.catalogue import ExportFormat
    from snip_gui.core.export.events import FormatMeasured, Latency, SpeedMeasured

_DENSE = "dense"
_HEADERS = (
    "Format", "On disk", "Values stored", "Test error", "MACs", "1 image", "64 images", "Opens with"
)  # fmt: skip
_ROW_HEIGHT = 25
_LEAST_ROWS = 5
_TIPS = (
    "",
    "Exact size of the file",
    "Number of weights and buffers in the file",
    (
        "Fraction of the test images that are misclassified; for reduced precision, of as many as "
        "could be measured in a few seconds"
    ),
    (
        "Multiply-accumulate operations per image; zeros are multiplied too unless a runtime "
        "skips them"
    ),
    "Time for one image, with the network as loaded",
    "Time for 64 images at once",
    "What can open the file",
)
_FIRST_CHOICE = "safetensors"
_READERS = len(_HEADERS) - 1
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ExportTable(QTableWidget):
    """A row for the network before pruning, then one per format with a box to tick."""

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__(len(FORMATS.names) + 1, len(_HEADERS))
        self.setHorizontalHeaderLabels(_HEADERS)
        for column, tip in enumerate(_TIPS):
            title = self.horizontalHeaderItem(column)
            assert title is not None
            title.setToolTip(plain_tip(tip))
            title.setTextAlignment(_LEFT if column in (0, _READERS) else _RIGHT)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.setStyleSheet("QTableView::item { padding: 0 5px; }")
        self.setMinimumHeight(_height_of(_LEAST_ROWS))
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self._make_rows()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.selectRow(1)
        self.itemChanged.connect(self._on_item)

    def sizeHint(self) -> QSize:
        """Return the size at which every row is visible."""
        return QSize(super().sizeHint().width(), _height_of(self.rowCount()))

    def _make_rows(self) -> None:
        before = QTableWidgetItem("Before pruning, for comparison")
        before.setFlags(Qt.ItemFlag.ItemIsEnabled)
        self.setItem(0, 0, before)
        for row, one in enumerate(FORMATS, 1):
            item = QTableWidgetItem(one.title)
            item.setToolTip(f"{one.description}\nExtension: {one.suffix}")
            item.setFlags(
                Qt.ItemFlag.ItemIsEnabled
                | Qt.ItemFlag.ItemIsSelectable
                | Qt.ItemFlag.ItemIsUserCheckable
            )
            first = one.name == _FIRST_CHOICE
            item.setCheckState(Qt.CheckState.Checked if first else Qt.CheckState.Unchecked)
            self.setItem(row, 0, item)
        for row in range(self.rowCount()):
            for column in range(1, self.columnCount()):
                cell = QTableWidgetItem("")
                cell.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
                if column < _READERS:
                    cell.setTextAlignment(_RIGHT)
                self.setItem(row, column, cell)

    def show_measured(
        self,
        formats: Mapping[str, FormatMeasured],
        speeds: Mapping[str, SpeedMeasured],
        is_measuring: bool,
    ) -> None:
        """Show the measurements so far."""
        self.blockSignals(True)
        self._show_dense(formats, speeds, "…" if is_measuring else "")
        for row, one in enumerate(FORMATS, 1):
            measured = formats.get(one.name)
            refused = measured is not None and bool(measured.refused)
            self._allow(row, not refused)
            if refused and measured is not None:
                self._show(row, [""] * (_READERS - 1), "not available")
                for column in range(self.columnCount()):
                    self._cell(row, column).setToolTip(plain_tip(measured.refused))
            else:
                missing = "…" if is_measuring else ""
                self._show(row, self._cells(one, measured, speeds, missing), one.readers)
                self._compare(row, speeds.get(one.run_as + OPENVINO))
        self.blockSignals(False)

    def _show_dense(
        self,
        formats: Mapping[str, FormatMeasured],
        speeds: Mapping[str, SpeedMeasured],
        missing: str,
    ) -> None:
        whole = formats.get("pt")
        size = size_text(whole.size_bytes) if whole else missing
        number = f"{whole.num_stored:,}" if whole else missing
        self._show(0, [size, number, "", *_speed_cells(speeds.get(_DENSE), missing)], "")

    def _cells(
        self,
        one: ExportFormat,
        measured: FormatMeasured | None,
        speeds: Mapping[str, SpeedMeasured],
        missing: str,
    ) -> list[str]:
        size = size_text(measured.size_bytes) if measured else missing
        number = f"{measured.num_stored:,}" if measured else missing
        error = "" if measured is not None else missing
        if measured is not None and measured.test_error is not None:
            error = f"{measured.test_error:.2%}"
        if not one.run_as:
            return [size, number, error, "–", "–", "–"]
        return [size, number, error, *_speed_cells(speeds.get(one.run_as), missing)]

    def _show(self, row: int, cells: list[str], readers: str) -> None:
        for column, text in enumerate((*cells, readers), 1):
            self._cell(row, column).setText(text)

    def _compare(self, row: int, speed: SpeedMeasured | None) -> None:
        """Say in the tool tips of a row how fast OpenVINO is."""
        if speed is not None:
            one, batch = _speed_cells(speed, "…")[1:]
            for column in (_READERS - 2, _READERS - 1):
                self._cell(row, column).setToolTip(
                    f"OpenVINO: {one} for one image, {batch} for {speed.batch_size}"
                )

    def _allow(self, row: int, allowed: bool) -> None:
        """Enable or disable ticking of a row; disabling also unticks it."""
        item = self._cell(row, 0)
        flags = item.flags()
        enabled = Qt.ItemFlag.ItemIsEnabled
        if allowed == bool(flags & enabled):
            return
        for column in range(self.columnCount()):
            cell = self._cell(row, column)
            cell.setFlags(cell.flags() | enabled if allowed else cell.flags() & ~enabled)
        if not allowed:
            item.setCheckState(Qt.CheckState.Unchecked)

    def _cell(self, row: int, column: int) -> QTableWidgetItem:
        cell = self.item(row, column)
        assert cell is not None
        return cell

    def checked_formats(self) -> list[str]:
        """Return the names of the ticked formats."""
        ticked = Qt.CheckState.Checked
        return [
            f.name for row, f in enumerate(FORMATS, 1) if self._cell(row, 0).checkState() == ticked
        ]

    def selected_format(self) -> str | None:
        """Return the name of the selected format."""
        row = self.currentRow()
        return FORMATS.names[row - 1] if row > 0 else None

    @Slot(QTableWidgetItem)
    def _on_item(self, _item: QTableWidgetItem) -> None:
        self.chosen.emit()


def _height_of(num_rows: int) -> int:
    """Return the height of a table with rows and a header."""
    return _ROW_HEIGHT * (num_rows + 1) + 6


def _speed_cells(speed: SpeedMeasured | None, missing: str) -> list[str]:
    """Return the cells with MACs and times."""
    if speed is None:
        return [missing] * 3
    times = (_latency_text(t) if t is not None else missing for t in (speed.one, speed.batch))
    return [short_count(speed.multiply_accumulates), *times]


def _latency_text(latency: Latency) -> str:
    """Return the median, and half the interquartile range as a percentage of it."""
    half = (latency.upper_ms - latency.lower_ms) / 2
    return f"{time_text(latency.median_ms)} ±{half / latency.median_ms:.0%}"
