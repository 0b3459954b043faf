"""Grid: input maps of several variants at several sparsities, as in figure 2 of the paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.comparing.tile_grid import KINDS, PAPER_SPARSITIES, SUFFIXES
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.tile_view import TileView
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState

_EMPTY = (
    "Compute shows the input map of every class at every sparsity, as in Figure 2 of the paper. "
    "Columns can also be minibatch sizes, seeds, initial weights or methods.\n\nClick a tile to "
    "use its minibatch and sparsity."
)


class GridPanel(QWidget):
    """Controls at the top, tiles in the middle, a readout below."""

    def __init__(
        self, state: SessionState, controller: Controller, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._controller, self._grid = state, controller, controller.grid
        self._shown_spec: object = None
        self._make_controls()
        self.view = named(TileView(), "tile_view", "Input maps", "")
        self._empty = named(Label(_EMPTY), "grid_empty", "Grid")
        self._empty.setProperty("role", "empty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setMargin(40)
        self._readout = named(Label(), "grid_readout", "Tile under the pointer")
        self._readout.setProperty("role", "muted")
        self._readout.setWordWrap(True)
        self._readout.setFixedHeight(2 * self._readout.fontMetrics().lineSpacing() + 2)
        self._readout.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._build()
        self._grid.changed.connect(self._show)
        self.view.taken.connect(self._on_taken)
        self.view.hovered.connect(self._on_hovered)
        state.recipe_changed.connect(self._show_mark)
        for signal in (state.images_changed, state.devices_changed):
            signal.connect(self._enable)
        self._show()

    def _make_controls(self) -> None:
        self.kind = named(QComboBox(), "grid_kind", "Columns", "What varies from column to column")
        for value, label in KINDS.items():
            self.kind.addItem(label, value)
        self.sparsities = named(
            QLineEdit(" ".join(f"{100 * one:g}" for one in PAPER_SPARSITIES)),
            "grid_sparsities",
            "Sparsities in percent",
            "One row per sparsity, in percent; the figure in the paper has 10 to 90",
        )
        self.sparsities.setCursorPosition(0)
        self.sparsities.returnPressed.connect(self._on_start)
        self.start = named(
            QPushButton("Compute"), "grid_start", "Compute the grid",
            "Score every column, in between the steps of a running training",
        )  # fmt: skip
        self.start.clicked.connect(self._on_start)
        self.export = named(
            QPushButton("Export…"), "grid_export", "Export the grid",
            "Save the grid as a picture, as arrays, or as a table of means",
        )  # fmt: skip
        self.export.clicked.connect(self._on_export)

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self.kind)
        top.addWidget(_buddy("at", self.sparsities))
        top.addWidget(self.sparsities, 1)
        top.addWidget(Label("%"))
        top.addWidget(self.start)
        top.addWidget(self.export)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self.view)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(area)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 4)
        column.addLayout(top)
        column.addWidget(pages, 1)
        column.addWidget(self._readout)

    @Slot()
    def _enable(self) -> None:
        ready = self._state.images is not None and bool(self._state.devices)
        self.start.setEnabled(ready or self._grid.is_running)
        self.start.setText("Stop" if self._grid.is_running else "Compute")
        self.export.setEnabled(bool(self._grid.columns))

    @Slot()
    def _show(self) -> None:
        """Show the computed part of the grid."""
        self._enable()
        spec = self._grid.spec
        if spec is None:
            self._pages.setCurrentIndex(0)
            return
        if spec is not self._shown_spec:
            self._shown_spec = spec
            rows = [sparsity_text(one) for one in spec.sparsities]
            self.view.show_headings(rows, [variant.label for variant in spec.variants])
        tiles = {
            number: [column.tile(row) for row in range(len(spec.sparsities))]
            for number, column in self._grid.columns.items()
            if not self.view.has_column(number)
        }
        self.view.show_columns(tiles)
        self._pages.setCurrentIndex(1)
        self._show_mark()
        self._on_hovered(-1, -1)

    @Slot()
    def _show_mark(self) -> None:
        self.view.mark(self._grid.current_tile())

    def start_empty(self) -> None:
        """Compute the grid, unless there is one."""
        if self._grid.spec is None and self.start.isEnabled():
            self._on_start()

    @Slot()
    def _on_start(self) -> None:
        if self._grid.is_running:
            self._grid.stop()
            return
        try:
            percents = [float(word) for word in self.sparsities.text().replace(",", " ").split()]
        except ValueError:
            percents = []  # refused by the grid, with a hint on the format
        self._grid.start(self.kind.currentData(), [percent / 100 for percent in percents])

    @Slot(int, int)
    def _on_taken(self, row: int, column: int) -> None:
        self._grid.take(row, column)

    @Slot(int, int)
    def _on_hovered(self, row: int, column: int) -> None:
        """Show the readout of a tile."""
        spec = self._grid.spec
        if spec is None:
            self._readout.setText("")
            return
        if column not in self._grid.columns:
            self._readout.setText(
                "Each tile is scaled to its own maximum. Hover over a tile for its values; click "
                "it to use its minibatch and sparsity."
            )
            return
        found = self._grid.columns[column]
        kept = ", ".join(f"{layer} {share:.1%}" for layer, share in found.kept[row].items())
        map_CHW = found.maps_RCHW[row]
        self._readout.setText(
            f"{spec.variants[column].label} at {sparsity_text(spec.sparsities[row])}: {kept} kept. "
            f"Brightest pixel keeps {float(map_CHW.mean(axis=0).max()):.1%}; mean is "
            f"{float(found.tile(row).mean()):.2f} of that"
        )

    @Slot()
    def _on_export(self) -> None:
        filters = [f"{title} (*{suffix})" for suffix, title in SUFFIXES.items()]
        name, chosen = QFileDialog.getSaveFileName(
            self, "Export the grid", "grid.png", ";;".join(filters)
        )
        if name:
            suffix = list(SUFFIXES)[filters.index(chosen)] if chosen in filters else ".png"
            path = Path(name)
            self._grid.export(path if path.suffix in SUFFIXES else Path(name + suffix))


def _buddy(text: str, widget: QWidget) -> QLabel:
    label = Label(text)
    label.setBuddy(widget)
    return label
