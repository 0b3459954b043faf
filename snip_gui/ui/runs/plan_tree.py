"""The tree of plans: each pin, run and opened file below what it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QTreeWidgetItemIterator,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.reports.tables import NOTHING, percent
from snip_gui.ui.widgets.layouts.wrapping_row import WrappingRow
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label, plain_tip

if TYPE_CHECKING:
    from snip_gui.core.comparing.plans import Plan
    from snip_gui.session.runs.tree.plans import Plans

_HEADERS = ("State", "Kind", "Method", "Sparsity", "Edits", "Test error")
_KEY = Qt.ItemDataRole.UserRole
_EMPTY = (
    "No states yet. Pin a mask (Ctrl+D), train, or open a checkpoint: each appears here below what "
    "it came from."
)


class PlanTree(QWidget):
    """The tree, with buttons for the selected states."""

    train_asked = Signal(object)  # Plan

    def __init__(self, plans: Plans, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plans = plans
        self.tree = named(QTreeWidget(), "plan_tree", "Tree of states")
        self.tree.setHeaderLabels(_HEADERS)
        self.tree.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setUniformRowHeights(True)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.open = _button(
            "Open", "plan_open", "Make the selected state the current one, and branch from it"
        )
        self.train = _button(
            "Train", "plan_train", "Train the selected state, or resume or extend its run"
        )
        self.compare = _button(
            "Compare", "plan_compare", "Compare the masks of the two selected states"
        )
        self._hint = named(Label(), "plan_hint", "Hint")
        self._hint.setProperty("role", "muted")
        self._hint.setWordWrap(True)
        row = WrappingRow()
        for widget in (self.open, self.train, self.compare):
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.tree, 1)
        column.addWidget(self._hint)
        self.tree.itemSelectionChanged.connect(self._enable)
        self.tree.itemDoubleClicked.connect(self._on_open)
        self.open.clicked.connect(self._on_open)
        self.train.clicked.connect(self._on_train)
        self.compare.clicked.connect(self._on_compare)
        plans.changed.connect(self._on_changed)
        self._show()

    def selected(self) -> list[Plan]:
        """Return the selected plans, from top to bottom."""
        known = {plan.key: plan for plan in self._plans.all}
        keys = [item.data(0, _KEY) for item in self._items() if item.isSelected()]
        return [known[key] for key in keys if key in known]

    @Slot()
    def _on_changed(self) -> None:
        self._show()

    def _show(self) -> None:
        """Show all plans; selection and folded branches are kept."""
        chosen = {item.data(0, _KEY) for item in self._items() if item.isSelected()}
        folded = {item.data(0, _KEY) for item in self._items() if not item.isExpanded()}
        folded -= {item.data(0, _KEY) for item in self._items() if not item.childCount()}
        plans, parents = self._plans.all, self._plans.parents()
        items = {plan.key: self._make_item(plan) for plan in plans}
        self.tree.blockSignals(True)
        self.tree.clear()
        for plan in plans:
            item, parent = items[plan.key], items.get(parents[plan.key])
            if parent is None:
                self.tree.addTopLevelItem(item)
            else:
                parent.addChild(item)
        for key, item in items.items():
            item.setExpanded(key not in folded)
            item.setSelected(key in chosen)
        self.tree.blockSignals(False)
        self.tree.setColumnHidden(_HEADERS.index("Edits"), not any(p.num_edits for p in plans))
        self._hint.setText("" if plans else _EMPTY)
        self._hint.setVisible(not plans)
        self._enable()

    def _make_item(self, plan: Plan) -> QTreeWidgetItem:
        edits = str(plan.num_edits) if plan.num_edits else ""
        error = percent(plan.test_error) if plan.kind == "run" else NOTHING
        sparsity = sparsity_text(plan.sparsity)
        item = QTreeWidgetItem([plan.name, plan.kind, plan.method, sparsity, edits, error])
        item.setData(0, _KEY, plan.key)
        item.setToolTip(0, plain_tip(plan.name))
        for number in (3, 4, 5):
            item.setTextAlignment(
                number, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            )
        if plan.key == self._plans.origin:
            font = item.font(0)
            font.setBold(True)
            item.setFont(0, font)
            item.setToolTip(0, plain_tip(f"{plan.name}\nOrigin of the current state"))
        return item

    def _items(self) -> list[QTreeWidgetItem]:
        """Return all items from top to bottom."""
        found, iterator = [], QTreeWidgetItemIterator(self.tree)
        while (item := iterator.value()) is not None:
            found.append(item)
            iterator += 1
        return found

    @Slot()
    def _enable(self) -> None:
        chosen = self.selected()
        self.open.setEnabled(len(chosen) == 1)
        self.train.setEnabled(len(chosen) == 1)
        self.compare.setEnabled(len(chosen) == 2 and all(plan.num_kept for plan in chosen))

    @Slot()
    def _on_open(self) -> None:
        for plan in self.selected()[:1]:
            self._plans.open(plan)

    @Slot()
    def _on_train(self) -> None:
        for plan in self.selected()[:1]:
            self.train_asked.emit(plan)

    @Slot()
    def _on_compare(self) -> None:
        self._plans.compare(*self.selected()[:2])


def _button(text: str, name: str, tip: str) -> QPushButton:
    return named(QPushButton(text), name, text, tip)
