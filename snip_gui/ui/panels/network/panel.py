"""Network: the architecture of the chosen network and what the mask keeps of it, by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSplitter,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import short_count
from snip_gui.ui.panels.network.graph_view import GraphView
from snip_gui.ui.panels.network.model import NetworkModel, NetworkRow
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.core.models.architecture import Architecture
    from snip_gui.session.looking.graph_maker import GraphMaker
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes

_GRAPH_SHARE = 42  # percent of the width
_LEGEND = "Line thickness and colour: fraction kept of the layer that it leads to, 0.1% to 100%"
_EMPTY = "The network is analysed once torch and the images have loaded."


class NetworkPanel(QWidget):
    """The graph and the table of layers, with totals below."""

    layer_chosen = Signal(str)  # its weights are to be shown
    layer_selected = Signal(str)

    def __init__(
        self, state: SessionState, graphs: GraphMaker, themes: Themes, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._graphs, self._themes = state, graphs, themes
        self.graph = GraphView(themes.colours)
        self.graph.layer_selected.connect(self.layer_selected)
        self.graph.layer_chosen.connect(self.layer_chosen)
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
        self.splitter = named(QSplitter(), "network_splitter", "Graph and table")
        self.splitter.addWidget(self._make_picture())
        self.splitter.addWidget(self.table)
        self.splitter.setSizes([10 * _GRAPH_SHARE, 1000 - 10 * _GRAPH_SHARE])
        self.splitter.setStretchFactor(0, _GRAPH_SHARE)
        self.splitter.setStretchFactor(1, 100 - _GRAPH_SHARE)
        self._pages.addWidget(self.splitter)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self._title)
        column.addWidget(pages, 1)
        column.addWidget(self._total)
        for signal in (state.network.changed, state.scored_changed, state.sparsity_settled):
            signal.connect(self._show)
        state.recipe_changed.connect(self._show_title)
        state.selection_changed.connect(self._show_selected)
        graphs.made.connect(self._show_graph)
        themes.changed.connect(self._on_theme_changed)
        self._show()

    def _make_picture(self) -> QWidget:
        """Return the graph with its legend."""
        legend = named(Label(_LEGEND), "network_legend", "Legend")
        legend.setProperty("role", "muted")
        legend.setWordWrap(True)
        picture = QWidget()
        column = QVBoxLayout(picture)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.graph, 1)
        column.addWidget(legend)
        return picture

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
            self.graph.show_graph(None)
            self._total.clear()
            self._pages.setCurrentWidget(self._empty)
            return
        kept = self._kept(architecture)
        rows = tuple(
            NetworkRow(layer, *kept.get(layer.name, (None, None))) for layer in architecture.layers
        )
        self.model.show_rows(rows)
        self._total.setText(self._totals(architecture))
        self._pages.setCurrentWidget(self.splitter)
        self._show_graph()
        self._show_selected()

    @Slot()
    def _show_graph(self) -> None:
        """Show the graph, or ask for it; then how much of each layer is kept."""
        architecture = self._state.network.architecture
        if architecture is None:
            return
        graph = self._graphs.find(architecture)
        if graph is not None:
            self.graph.show_graph(graph)
        scored = self._state.scored
        fits = scored is not None and scored.architecture == architecture
        rows = self._state.layer_rows() if fits else ()
        self.graph.show_shares({row.layer: (row.kept, row.total) for row in rows})

    @Slot()
    def _on_theme_changed(self) -> None:
        self.graph.show_colours(self._themes.colours)

    @Slot()
    def _show_selected(self) -> None:
        """Highlight the selected layer."""
        scored, name = self._state.scored, self._state.selection.tensor
        layer = scored.layout[name].layer if scored is not None and name else None
        self.graph.show_selected(layer or "")
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
