"""The table of all layers of a network, pruned or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.ui.widgets.rows_model import Column, RowsModel

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from snip_gui.core.models.architecture import LayerInfo


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """A layer and its kept counts, which are None if it is not pruned."""

    layer: LayerInfo
    kept: int | None
    weights_kept: int | None

    @property
    def work_kept(self) -> int:
        """MACs per image if every removed weight is skipped."""
        if self.weights_kept is None:
            return self.layer.multiply_accumulates
        return (self.weights_kept + self.layer.num_frozen_weights) * self.layer.uses

    def state(self) -> str:
        """Return the number of kept parameters, or why all are kept."""
        layer = self.layer
        if layer.num_frozen == layer.num_parameters:
            return "frozen"
        if self.kept is not None:
            return f"{self.kept:,}"
        return "dense" if layer.is_prunable else "not pruned"

    def tip(self) -> str:
        """Return all details of a row."""
        layer, name = self.layer, self.layer.name or "The network itself"
        sentences = [f"{name}: {layer.num_parameters:,} parameters."]
        if layer.num_frozen:
            sentences.append(
                f"{layer.num_frozen:,} are frozen, so they are neither trained nor pruned."
            )
        if not layer.is_prunable:
            sentences.append("Only weights and biases of linear, convolutional, recurrent and "
                             "attention layers are pruned.")  # fmt: skip
        elif self.kept is None:
            sentences.append(
                "None of its parameters is scored: the layer is excluded, or nothing has "
                "been scored yet."
            )
        else:
            sentences.append(f"{self.kept:,} are kept.")
        if layer.uses:
            sentences.append(f"Each weight is used {layer.uses:,} times per image.")
        return " ".join(sentences)


_COLUMNS: tuple[Column[NetworkRow], ...] = (
    Column("Layer", lambda row: row.layer.name or "(whole)", "The layer's name in the network"),
    Column("Type", lambda row: row.layer.kind, "Class of the module"),
    Column(
        "Output",
        lambda row: " x ".join(map(str, row.layer.output_shape)),
        "Shape of its output for one image",
    ),
    Column(
        "Parameters",
        lambda row: f"{row.layer.num_parameters:,}",
        "All parameters of the layer, including those that are never pruned",
        is_number=True,
    ),
    Column(
        "Kept",
        lambda row: row.state(),
        "Parameters kept by the mask at the current sparsity",
        is_number=True,
    ),
    Column(
        "MACs",
        lambda row: f"{row.layer.multiply_accumulates:,}" if row.layer.is_prunable else "",
        "Multiply-accumulate operations (MACs) of its weights per image",
        is_number=True,
    ),
    Column(
        "After pruning",
        lambda row: f"{row.work_kept:,}" if row.layer.is_prunable else "",
        "MACs if every removed weight is skipped; ordinary dense kernels skip none",
        is_number=True,
    ),
)


class NetworkModel(RowsModel[NetworkRow]):
    """One row per layer."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, lambda row: row.layer, NetworkRow.tip, parent)
