"""One button per class that draws a minibatch from it; a searchable list if there are many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QButtonGroup, QComboBox, QCompleter, QToolButton, QVBoxLayout, QWidget

from snip_gui.core.base.text import natural_order
from snip_gui.ui.widgets.layouts.wrapping_row import WrappingRow
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import plain_name, plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = -1
_MOST_BUTTONS = 20
_LONGEST = 9  # letters on a button


class ClassButtons(QWidget):
    """A choice of one class or all; choosing draws at once."""

    chosen = Signal(int)  # position of the class, or ALL

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self._on_button)
        self._buttons = QWidget()
        self._row = WrappingRow(self._buttons, spacing=2)
        self.list = named(
            QComboBox(), "draw_class", "Class to draw from", "Draw from all classes, or only one"
        )
        self.list.setMinimumContentsLength(7)
        self.list.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.list.setEditable(True)
        self.list.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        completer = QCompleter(self.list.model(), self.list)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.list.setCompleter(completer)
        self.list.activated.connect(self._on_list)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._buttons)
        column.addWidget(self.list)

    def show_classes(self, classes: Sequence[str]) -> None:
        """Offer the classes of a data set."""
        for button in self._group.buttons():
            self._group.removeButton(button)
            self._row.removeWidget(button)
            button.deleteLater()
        with QSignalBlocker(self.list):
            self.list.clear()
            self.list.addItem("all classes", ALL)
            for label in natural_order(classes):
                self.list.addItem(f"class {classes[label]}", label)
        has_buttons = len(classes) <= _MOST_BUTTONS
        self._buttons.setVisible(has_buttons)
        self.list.setVisible(not has_buttons)
        if has_buttons:
            self._add("all", "all classes", ALL)
            for label in natural_order(classes):
                self._add(classes[label], f"class {classes[label]}", label)

    def show_chosen(self, label: int | None) -> None:
        """Show which class the minibatch was drawn from; None if it was not drawn."""
        self._group.setExclusive(False)
        for button in self._group.buttons():
            button.setChecked(self._group.id(button) == _identifier(label))
        self._group.setExclusive(label is not None)
        if label is not None:
            with QSignalBlocker(self.list):
                self.list.setCurrentIndex(self.list.findData(label))

    def label(self) -> int:
        """Return the chosen class, or ALL."""
        data = self.list.currentData()
        return ALL if data is None else int(data)

    def _add(self, name: str, title: str, label: int) -> None:
        short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        button = named(
            QToolButton(), f"draw_class_{label if label >= 0 else 'all'}", f"Draw from {title}",
            plain_tip(f"Draw the minibatch from {title}; press again for other images"),
        )  # fmt: skip
        button.setText(plain_name(short))
        button.setProperty("role", "class")
        button.setCheckable(True)
        self._group.addButton(button, _identifier(label))
        self._row.addWidget(button)

    def minimumSizeHint(self) -> QSize:
        """Return a width of a few buttons."""
        return QSize(80, super().minimumSizeHint().height())

    @Slot(int)
    def _on_button(self, identifier: int) -> None:
        self.list.setCurrentIndex(self.list.findData(identifier - 1))
        self.chosen.emit(identifier - 1)

    @Slot()
    def _on_list(self) -> None:
        self.chosen.emit(self.label())


def _identifier(label: int | None) -> int:
    """Return the number of a button: Qt assigns numbers of its own to negative ones."""
    return -1 if label is None else label + 1
