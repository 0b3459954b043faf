"""The dialog on unreadable files of a folder, with reasons, which asks whether to skip them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label, plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.data.sets.events import BadFile


class UnreadableDialog(QDialog):
    """Accepted if the files are to be skipped."""

    def __init__(self, files: Sequence[BadFile], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Unreadable files")
        number = len(files)
        intro = Label(
            "The data set can be opened without these files. The recipe records this, because it "
            "changes the results."
        )
        intro.setWordWrap(True)
        self.list = named(QTreeWidget(), "unreadable_files", "Unreadable files")
        self.list.setHeaderLabels(["File", "Reason"])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.addTopLevelItems([_row(file) for file in files])
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        buttons = QDialogButtonBox()
        what = "this file" if number == 1 else f"these {number:,} files"
        self.skip = buttons.addButton(f"Skip {what}", QDialogButtonBox.ButtonRole.AcceptRole)
        named(self.skip, "skip_unreadable_button", f"Skip {what}")
        cancel = buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.skip.setAutoDefault(False)
        cancel.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(intro)
        column.addWidget(self.list, 1)
        column.addWidget(buttons)
        self.resize(760, 420)


def _row(file: BadFile) -> QTreeWidgetItem:
    row = QTreeWidgetItem([file.path, file.reason])
    row.setToolTip(0, plain_tip(file.path))
    row.setToolTip(1, plain_tip(file.reason))
    return row
