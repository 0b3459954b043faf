"""Layers: what is kept of each, live, with a warning if nothing passes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import short_count, sparsity_text
from snip_gui.core.pruning.edits.regions import layer_target
from snip_gui.ui.commands.edit_menu import make_edit_menu
from snip_gui.ui.panels.layers.bar_delegate import BarDelegate
from snip_gui.ui.panels.layers.model import KEPT, LAYER, SPARSITY, TOTAL, LayerModel
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from snip_gui.session.choosing.mask_editor import MaskEditor
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes

_LEAST_WIDTH, _BAR_WIDTH, _CELL_MARGIN = 42, 66, 11


class LayersPanel(QWidget):
    """A table of per-layer sparsity with bars."""

    layer_chosen = Signal(str)

    def __init__(
        self,
        state: SessionState,
        masks: MaskEditor,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._masks, self._themes = state, masks, themes
        self.model = LayerModel(self)
        self.table = named(QTableView(), "layers_table", "Layers")
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(SPARSITY, BarDelegate(themes, self))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(26)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self.table.horizontalHeader()
        header.setMinimumSectionSize(_LEAST_WIDTH)
        # Not ResizeToContents, which would measure every cell at every step of the slider.
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(SPARSITY, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(LAYER, QHeaderView.ResizeMode.Interactive)
        self.model.modelReset.connect(self._fit_columns)
        header.setHighlightSections(False)
        self.table.clicked.connect(self._on_chosen)
        self.table.activated.connect(self._on_chosen)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._on_menu_asked)
        self.table.setMinimumWidth(218)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._total = named(Label(), "layers_total", "Total")
        self._total.setWordWrap(True)
        self._effect = named(Label(), "layers_effect", "Sparsity and effective sparsity")
        self._effect.setProperty("role", "muted")
        self._effect.setWordWrap(True)
        self._dense = named(Label(), "layers_dense", "Layers that stay dense")
        self._dense.setProperty("role", "muted")
        self._dense.setWordWrap(True)
        self._work = named(Label(), "layers_work", "MACs per image")
        self._work.setProperty("role", "muted")
        self._work.setWordWrap(True)
        self._warning = named(Label(), "layers_warning", "Warning")
        self._warning.setProperty("role", "warning")
        self._warning.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 6)
        column.setSpacing(6)
        column.addWidget(self.table, 1)
        column.addWidget(self._total)
        column.addWidget(self._effect)
        column.addWidget(self._work)
        column.addWidget(self._dense)
        column.addWidget(self._warning)
        state.selection_changed.connect(self._show_selected)
        state.sparsity_changed.connect(self._show_rows)
        state.scored_changed.connect(self._show_all)
        state.sparsity_settled.connect(self._show_warning)
        state.paths.changed.connect(self._show_warning)
        themes.changed.connect(self.table.viewport().update)
        self._show_all()

    @Slot()
    def _fit_columns(self) -> None:
        """Give names and counts the most room they can ever need."""
        rows, room = self.model.rows, self.table.viewport().width() - _BAR_WIDTH
        names = self._measure_width(["Layer", *(row.layer for row in rows)])
        exact = self._measure_width([f"{row.total:,}" for row in rows])
        self.model.show_exact(exact=names + 2 * exact <= room)
        short = self._measure_width([short_count(row.total) for row in rows])
        counts = exact if self.model.is_exact else short
        # Long names are elided until the column is widened: bars and counts stay visible.
        self.table.setColumnWidth(LAYER, max(_LEAST_WIDTH, min(names, room - 2 * counts)))
        for column in (KEPT, TOTAL):
            self.table.setColumnWidth(column, counts)

    def _measure_width(self, texts: list[str]) -> int:
        """Return the width of a column of given texts."""
        widths = map(self.table.fontMetrics().horizontalAdvance, texts)
        return max(_LEAST_WIDTH, max(widths, default=0) + _CELL_MARGIN)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the columns to the new width."""
        super().resizeEvent(event)
        self._fit_columns()

    @Slot()
    def _show_all(self) -> None:
        self._show_rows()
        self._show_dense()
        self._show_warning()
        self._show_selected()

    @Slot()
    def _show_selected(self) -> None:
        """Highlight the selected layer."""
        scored, name = self._state.scored, self._state.selection.tensor
        layer = scored.layout[name].layer if scored is not None and name else ""
        for number, row in enumerate(self.model.rows):
            if row.layer == layer and self.table.currentIndex().row() != number:
                self.table.selectRow(number)

    @Slot()
    def _show_rows(self) -> None:
        rows = self._state.layer_rows()
        self.model.show_rows(rows)
        if not rows:
            self._total.setText("Score a minibatch to see how much of each layer is kept.")
            return
        kept, total = sum(row.kept for row in rows), sum(row.total for row in rows)
        self._total.setText(f"{kept:,} of {total:,} kept")
        weights = sum(row.weights_total for row in rows)
        self._total.setToolTip(
            f"{weights:,} of the {total:,} are weights, the rest biases" if weights != total
            else "All of them are weights"
        )  # fmt: skip
        self._show_work()

    def _show_effect(self) -> None:
        """Show sparsity and effective sparsity, which counts connections on no path as removed."""
        total, kept = self._state.num_parameters, self._state.num_kept
        on_paths = self._state.paths.num_on_paths()
        if self._state.scored is None:
            self._effect.clear()
        elif not on_paths:
            self._effect.setText(f"{sparsity_text(1 - kept / total)} removed")
        else:
            left = sum(on_paths.values())
            self._effect.setText(
                f"{sparsity_text(1 - kept / total)} removed, "
                f"effective {sparsity_text(1 - left / total)}"
            )
            self._effect.setToolTip(
                f"Effective sparsity: {kept - left:,} kept connections lie on no path from the "
                "input or a bias to an output, or see padding alone. They have no effect while the "
                "shifts of BatchNorm before them are zero, and are counted as removed"
            )

    def _show_work(self) -> None:
        scored = self._state.scored
        if scored is None:
            return
        left, dense = scored.multiply_accumulates(self._state.num_kept)
        self._work.setToolTip(
            f"Multiply-accumulate operations: one image needs {left:,} of {dense:,} "
            f"({left / max(1, dense):.2%}) if every removed weight is skipped; ordinary dense "
            "kernels skip none."
        )
        self._work.setText(f"{short_count(left)} of {short_count(dense)} MACs per image")

    def _show_dense(self) -> None:
        """Show which layers are excluded, and the minimum kept per layer."""
        scored = self._state.scored
        sentences: list[str] = []
        if scored is not None:
            pruning, frozen = scored.recipe.pruning, scored.architecture.num_frozen
            if pruning.exclude:
                sentences.append(f"Excluded from pruning: {', '.join(pruning.exclude)}.")
            if frozen:
                sentences.append(f"Frozen, so not pruned: {frozen:,} parameters.")
            sentences += scored.architecture.remarks
            if pruning.floor:
                sentences.append(f"Each layer keeps at least {pruning.floor:,} weights.")
        self._dense.setText(" ".join(sentences))
        self._dense.setVisible(bool(sentences))

    @Slot()
    def _show_warning(self) -> None:
        self._show_effect()
        sentences = []
        empty = [row.layer for row in self._state.layer_rows() if row.is_empty]
        if empty:
            sentences.append(
                f"No weights remain in {', '.join(empty)}, so no signal passes through."
            )
        reach = self._state.paths.reach()
        if reach is not None and reach.num_reached < reach.num_outputs:
            sentences.append(
                f"Only {reach.num_reached} of {reach.num_outputs} outputs can be reached from "
                "the input."
            )
        self._warning.setText(" ".join(sentences))
        self._warning.setVisible(bool(sentences))

    @Slot(QPoint)
    def _on_menu_asked(self, place: QPoint) -> None:
        """Offer to keep or remove all weights of a layer."""
        scored, index = self._state.scored, self.table.indexAt(place)
        if scored is None or not index.isValid():
            return
        tensors = scored.layout.get_tensors(self.model.rows[index.row()].layer)
        targets = [layer_target(tensor) for tensor in tensors if tensor.is_weight]
        menu = make_edit_menu(self._masks, targets, self)
        menu.popup(self.table.viewport().mapToGlobal(place))

    @Slot(QModelIndex)
    def _on_chosen(self, index: QModelIndex) -> None:
        self.layer_chosen.emit(self.model.rows[index.row()].layer)
