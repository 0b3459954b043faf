"""The table of layers with their kept counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from snip_gui.core.base.text import short_count
from snip_gui.ui.widgets.rows_model import Column, RowsModel

if TYPE_CHECKING:
    from snip_gui.core.pruning.layer_table import LayerRow

LAYER, SPARSITY, KEPT, TOTAL = range(4)
"""The columns."""


class LayerModel(RowsModel["LayerRow"]):
    """One row per layer."""

    def __init__(self, parent: QObject | None = None) -> None:
        columns: tuple[Column[LayerRow], ...] = (
            Column("Layer", lambda row: row.layer),
            Column("Sparsity", lambda row: row.sparsity_text, is_number=True),
            Column("Kept", lambda row: self._count(row.kept), is_number=True),
            Column("Total", lambda row: self._count(row.total), is_number=True),
        )
        super().__init__(columns, lambda row: row.layer, _describe, parent)
        self.is_exact = True

    def show_exact(self, *, exact: bool) -> None:
        """Show exact counts, or only three digits if there is no room."""
        if exact != self.is_exact:
            self.is_exact = exact
            self.refresh()

    def _count(self, number: int) -> str:
        return f"{number:,}" if self.is_exact else short_count(number)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the data of a cell; in the user role, the length of its bar from 0 to 1."""
        if role == Qt.ItemDataRole.UserRole:
            return self.rows[index.row()].sparsity
        return super().data(index, role)


def _describe(row: LayerRow) -> str:
    shape = " x ".join(map(str, row.shape))
    return (
        f"{row.layer} ({shape}): {row.kept:,} of {row.total:,} parameters kept, "
        f"{row.weights_kept:,} of {row.weights_total:,} weights "
        f"and {row.biases_kept:,} of {row.biases_total:,} biases. Biases start at "
        "zero, so their sensitivity is zero."
    )
