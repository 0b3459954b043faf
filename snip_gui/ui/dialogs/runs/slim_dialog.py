"""The dialog that slims runs: what each part takes on disk, and what is lost without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from snip_gui.core.base.text import size_text
from snip_gui.core.sharing.slimming import PARTS, RemovableMeasured
from snip_gui.ui.widgets.naming import named, text_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.session.runs.slimmer import Slimmer


class SlimDialog(QDialog):
    """Offers the parts of runs that can be removed."""

    def __init__(
        self, slimmer: Slimmer, entries: Sequence[RunEntry], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("slim_dialog")
        self.setWindowTitle("Slim runs")
        self._slimmer = slimmer
        self._folders = tuple(entry.folder for entry in entries)
        total = size_text(sum(entry.size_bytes for entry in entries))
        name = entries[0].name if len(entries) == 1 else f"{len(entries)} runs"
        self._measured: dict[str, int] = {}
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addWidget(
            text_label(
                f"{name}: {total} on disk. Recipe, initial weights, minibatch, masks, trained "
                "weights and results always stay. This cannot be undone.",
                "slim_total",
                "Size on disk",
            )
        )
        self.boxes: dict[str, QCheckBox] = {}
        for part in PARTS:
            box = named(QCheckBox(part.title), f"slim_{part.name}", part.title, part.loss)
            box.setEnabled(False)
            box.toggled.connect(self._enable)
            self.boxes[part.name] = box
            column.addWidget(box)
            loss = text_label(part.loss, f"slim_{part.name}_loss", f"Lost without {part.title}")
            loss.setProperty("role", "muted")
            loss.setIndent(24)
            column.addWidget(loss)
        standard = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
        self.start = named(buttons.button(standard.Ok), "start_slimming", "Remove")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)
        self._enable()
        self.resize(520, column.totalHeightForWidth(520))
        slimmer.measured.connect(self._on_measured)
        slimmer.measure(self._folders)

    def accept(self) -> None:
        """Remove the ticked parts."""
        self._slimmer.slim(self._folders, self._chosen())
        super().accept()

    def _chosen(self) -> list[str]:
        return [name for name, box in self.boxes.items() if box.isChecked()]

    @Slot(object)
    def _on_measured(self, found: RemovableMeasured) -> None:
        if found.folders != self._folders:
            return
        self._measured = found.num_bytes
        for part in PARTS:
            size = found.num_bytes[part.name]
            box = self.boxes[part.name]
            box.setText(f"{part.title}: {size_text(size)}" if size else f"{part.title}: none")
            box.setEnabled(size > 0)
        self._enable()

    @Slot()
    def _enable(self) -> None:
        freed = sum(self._measured.get(name, 0) for name in self._chosen())
        self.start.setEnabled(freed > 0)
        self.start.setText(f"Remove {size_text(freed)}" if freed else "Remove")
