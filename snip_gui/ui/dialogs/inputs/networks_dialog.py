"""The dialog to choose one of torchvision's classification networks by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, QStringListModel, Qt, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QListView,
    QVBoxLayout,
    QWidget,
)

from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.session.state.session_state import SessionState


class NetworksDialog(QDialog):
    """A searchable list of networks."""

    def __init__(self, state: SessionState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setWindowTitle("torchvision networks")
        self.setObjectName("networks_dialog")
        self._text = Label()
        self._text.setWordWrap(True)
        self.filter = named(QLineEdit(), "network_filter", "Filter", "Part of a name")
        self.filter.setPlaceholderText("Part of a name")
        self.filter.setClearButtonEnabled(True)
        self._names = QStringListModel(self)
        self._shown = QSortFilterProxyModel(self)
        self._shown.setSourceModel(self._names)
        self._shown.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.list = named(QListView(), "network_list", "Networks")
        self.list.setModel(self._shown)
        self.list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Use this network")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.filter.textChanged.connect(self._on_filter)
        self.list.activated.connect(self.accept)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        column = QVBoxLayout(self)
        for widget in (self._text, self.filter, self.list, self.buttons):
            column.addWidget(widget)
        self.resize(380, 460)
        state.network.changed.connect(self._show_names)
        self._show_names()

    def name(self) -> str:
        """Return the chosen name; empty if there is none."""
        return str(self.list.currentIndex().data() or "")

    @Slot()
    def _show_names(self) -> None:
        names = self._state.network.names
        self._text.setText(
            f"{len(names)} classification networks, adapted to the channels and classes of your "
            "images. Images that are too small for a network are resized."
            if names
            else "Listing the networks…"
        )
        if self._names.stringList() != list(names):
            self._names.setStringList(list(names))
        self._choose_first()

    @Slot(str)
    def _on_filter(self, text: str) -> None:
        self._shown.setFilterFixedString(text.strip())
        self._choose_first()

    def _choose_first(self) -> None:
        """Choose the first visible network if none is chosen."""
        if not self.list.currentIndex().isValid():
            self.list.setCurrentIndex(self._shown.index(0, 0))
        self._on_current()

    @Slot(QModelIndex)
    def _on_current(self) -> None:
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(bool(self.name()))
