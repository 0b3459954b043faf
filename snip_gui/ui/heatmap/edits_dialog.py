"""The list of edits of the mask, from which each can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QListWidget, QPushButton, QVBoxLayout

from snip_gui.core.pruning.edits.edited import EditedRanking
from snip_gui.core.recipe.edits import shortened
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label, plain_tip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from snip_gui.session.choosing.mask_editor import MaskEditor
    from snip_gui.session.state.session_state import SessionState

_HINT = (
    "Later edits override earlier ones. To add some, right-click in a picture or a layer of the "
    "table, or paint with the tools under “Edit mask”."
)


class EditsDialog(QDialog):
    """Stays open while the mask is edited."""

    def __init__(self, state: SessionState, masks: MaskEditor, parent: QWidget) -> None:
        super().__init__(parent)
        self._state, self._masks = state, masks
        self.setObjectName("edits_dialog")
        self.setWindowTitle("Edits of the mask")
        self.list = named(QListWidget(), "edits_list", "Edits, in order")
        self._sum = named(Label(), "edits_sum", "Number of edited connections")
        self._sum.setWordWrap(True)
        hint = named(Label(_HINT), "edits_hint", "Hint")
        hint.setProperty("role", "muted")
        hint.setWordWrap(True)
        self.one = named(QPushButton("Take back"), "take_back_edit", "Take back the selected edit")
        self.all = named(QPushButton("Take back all"), "take_back_edits", "Take back all edits")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        for button in (self.one, self.all):
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        column = QVBoxLayout(self)
        for widget in (self.list, self._sum, hint, buttons):
            column.addWidget(widget)
        self.resize(460, 320)
        self.one.clicked.connect(self._on_one)
        self.all.clicked.connect(masks.clear)
        buttons.rejected.connect(self.close)
        self.list.currentRowChanged.connect(self._enable)
        state.recipe_changed.connect(self._show)
        state.scored_changed.connect(self._show)
        self._show()

    @Slot()
    def _show(self) -> None:
        row, edits = self.list.currentRow(), self._masks.edits
        self.list.clear()
        for edit in edits:
            self.list.addItem(shortened(edit))
            self.list.item(self.list.count() - 1).setToolTip(plain_tip(str(edit)[:2000]))
        self.list.setCurrentRow(min(max(row, 0), len(edits) - 1))
        scored = self._state.scored
        if scored is not None and isinstance(scored.masks, EditedRanking):
            kept, removed = scored.masks.num_edited_kept, scored.masks.num_edited_removed
            self._sum.setText(f"{kept:,} connections kept and {removed:,} removed by hand")
        else:
            self._sum.setText("The mask follows the scores alone." if not edits else "")
        self._enable()

    @Slot()
    def _enable(self) -> None:
        self.one.setEnabled(self.list.currentRow() >= 0)
        self.all.setEnabled(self.list.count() > 0)

    @Slot()
    def _on_one(self) -> None:
        self._masks.take_back(self.list.currentRow())
