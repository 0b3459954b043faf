"""Network: the architecture of the chosen network and what the mask keeps of it, by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import short_count
from snip_gui.ui.panels.network.model import NetworkModel, NetworkRow
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.core.models.architecture import Architecture
    from snip_gui.session.state.session_state import SessionState

_EMPTY = "The network is analysed once torch and the images have loaded."


class NetworkPanel(QWidget):
    """The table of layers, with totals below."""

    layer_chosen = Signal(str)  # its weights are to be shown
    layer_selected = Signal(str)

    def __init__(self, state: SessionState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.model = NetworkModel(self)
        self.table = named(QTableView(), "network_table", "Layers of the network")
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        self.table.activated.connect(self._on_activated)
        self.table.clicked.connect(self._on_clicked)
        self._empty = named(Label(_EMPTY), "network_empty", "Network")
        self._empty.setProperty("role", "empty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._title = named(Label(), "network_title", "Network")
        self._title.setWordWrap(True)
        self._total = named(Label(), "network_total", "Totals")
        self._total.setProperty("role", "muted")
        self._total.setWordWrap(True)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.table)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self._title)
        column.addWidget(pages, 1)
        column.addWidget(self._total)
        for signal in (state.network.changed, state.scored_changed, state.sparsity_settled):
            signal.connect(self._show)
        state.recipe_changed.connect(self._show_title)
        state.selection_changed.connect(self._show_selected)
        self._show()

    @Slot()
    def _show_title(self) -> None:
        architecture = self._state.network.architecture
        text = self._state.network.info.title
        if architecture is not None:
            channels, rows, columns = architecture.input_shape
            images = f"images of {rows}x{columns} with {channels} channel{'s'[: channels > 1]}"
            text += f" on {images}, {architecture.num_classes} classes"
        self._title.setText(text)

    @Slot()
    def _show(self) -> None:
        self._show_title()
        architecture = self._state.network.architecture
        if architecture is None:
            self.model.show_rows(())
            self._total.clear()
            self._pages.setCurrentWidget(self._empty)
            return
        kept = self._kept(architecture)
        rows = tuple(
            NetworkRow(layer, *kept.get(layer.name, (None, None))) for layer in architecture.layers
        )
        self.model.show_rows(rows)
        self._total.setText(self._totals(architecture))
        self._pages.setCurrentWidget(self.table)
        self._show_selected()

    @Slot()
    def _show_selected(self) -> None:
        """Highlight the selected layer."""
        scored, name = self._state.scored, self._state.selection.tensor
        layer = scored.layout[name].layer if scored is not None and name else None
        for number, row in enumerate(self.model.rows):
            if row.layer.name == layer and self.table.currentIndex().row() != number:
                self.table.selectRow(number)

    def _kept(self, architecture: Architecture) -> dict[str, tuple[int, int]]:
        """Return the kept parameters and weights by layer, if the scores belong to this network."""
        scored = self._state.scored
        if scored is None or scored.architecture != architecture:
            return {}
        return {row.layer: (row.kept, row.weights_kept) for row in self._state.layer_rows()}

    def _totals(self, architecture: Architecture) -> str:
        """Return the totals: parameters, and MACs before and after pruning."""
        sentences = [f"{architecture.num_parameters:,} parameters"]
        if architecture.num_frozen:
            sentences[0] += f", {architecture.num_frozen:,} of them frozen"
        scored, work = self._state.scored, architecture.multiply_accumulates
        text = f"{short_count(work)} MACs per image"
        if scored is not None and scored.architecture == architecture:
            left, _ = scored.multiply_accumulates(self._state.num_kept)
            if left < work:
                text += f", {short_count(left)} if every removed weight is skipped"
        sentences.append(text)
        remarks = (*architecture.remarks, architecture.resized)
        sentences += [remark.rstrip(".") for remark in remarks if remark]
        return ". ".join(sentences) + "."

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        self.layer_selected.emit(self.model.rows[index.row()].layer.name)

    @Slot(QModelIndex)
    def _on_activated(self, index: QModelIndex) -> None:
        self.layer_chosen.emit(self.model.rows[index.row()].layer.name)
