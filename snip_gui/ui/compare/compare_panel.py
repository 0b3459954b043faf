"""Compare: two pinned states, or one state over many draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import size_text
from snip_gui.session.comparing.pins import MOST_BYTES, ON_SCREEN
from snip_gui.ui.compare.pair_view import PairView
from snip_gui.ui.compare.pin_list import PinList
from snip_gui.ui.compare.stability_view import StabilityView
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label
from snip_gui.ui.widgets.sparsity_control import SparsityControl

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes


class ComparePanel(QWidget):
    """The list of pins, the comparison of two of them, and the sparsity slider."""

    without_asked = Signal()  # to score without the selected images
    study_asked = Signal(str)  # name of a study of the same question over many masks

    def __init__(
        self,
        state: SessionState,
        controller: Controller,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._controller, self._pins = state, controller, controller.pins
        self._make_switch()
        self.list = named(PinList(self._pins), "pin_list", "Pins")
        self._make_buttons()
        self.pair = PairView(state, self._pins, controller.selector, self.list.pins, themes)
        self.stability = StabilityView(state, controller, themes)
        self.control = SparsityControl()
        for child in self.control.findChildren(QWidget):
            if child.objectName():  # unique: the heatmap has the same controls
                child.setObjectName(f"compare_{child.objectName()}")
        self._build()
        self._connect()
        self._on_scored_changed()
        self._show_buttons()

    def _make_switch(self) -> None:
        self.show_pair = _switch("Two masks", "compare_pair", "Compare two pinned masks")
        self.show_stability = _switch(
            "Stability",
            "compare_stability",
            "See which connections are kept for other images or initial weights",
        )
        self.show_pair.setChecked(True)
        self._switches = QButtonGroup(self)
        self._switches.addButton(self.show_pair)
        self._switches.addButton(self.show_stability)

    def _make_buttons(self) -> None:
        self.pin = named(
            QPushButton("Pin current"), "pin_button", "Pin the current mask",
            "Pin the current mask (Ctrl+D)",
        )  # fmt: skip
        self.remove = named(
            QPushButton("Remove"), "unpin_button", "Remove the selected pin",
            "Remove the selected pin (Delete)",
        )  # fmt: skip
        self.without = named(
            QPushButton("Leave selected out"), "without_button", "Leave the selected images out",
            "Score without the images selected in the minibatch, and compare",
        )  # fmt: skip
        self.each_out = _link(
            "Leave out each…", "each_out_button",
            "Find out which image of the minibatch moves the mask most, under Studies",
        )  # fmt: skip
        self.over_seeds = _link(
            "Over seeds…", "over_seeds_button",
            "Compare masks of several seeds with one another and with chance, under Studies",
        )  # fmt: skip
        self._memory = named(Label(), "pins_memory", "Memory used by pins")
        self._memory.setProperty("role", "muted")
        delete = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.list)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._on_remove)

    def _build(self) -> None:
        left = QWidget()
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.pin, 1)
        buttons.addWidget(self.remove)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.list, 1)
        column.addWidget(self._memory)
        column.addLayout(buttons)
        column.addWidget(self.without)
        column.addWidget(self.each_out)
        states = QSplitter(Qt.Orientation.Horizontal)
        states.setChildrenCollapsible(False)
        states.addWidget(left)
        states.addWidget(self.pair)
        states.setStretchFactor(1, 1)
        states.setSizes([170, 400])
        self._pages = named(QStackedWidget(), "compare_pages", "Compare")
        self._pages.addWidget(states)
        self._pages.addWidget(self.stability)
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self.show_pair)
        top.addWidget(self.show_stability)
        top.addStretch()
        top.addWidget(self.over_seeds)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 6, 8, 4)
        whole.setSpacing(4)
        whole.addLayout(top)
        whole.addWidget(self._pages, 1)
        whole.addWidget(self.control)

    def _connect(self) -> None:
        state, pins = self._state, self._pins
        self._switches.buttonClicked.connect(self._on_switched)
        self.pin.clicked.connect(pins.pin_screen)
        self.remove.clicked.connect(self._on_remove)
        self.without.clicked.connect(self.without_asked)
        self.each_out.clicked.connect(lambda: self.study_asked.emit("leave-one-out"))
        self.over_seeds.clicked.connect(lambda: self.study_asked.emit("stability"))
        self.list.selection_changed.connect(self._show_buttons)
        pins.changed.connect(self._show_buttons)
        pins.choice_changed.connect(self._show_control)
        state.scored_changed.connect(self._on_scored_changed)
        state.sparsity_changed.connect(self._show_control)
        self.control.sparsity_asked.connect(self._controller.set_sparsity)
        self.control.num_kept_asked.connect(self._controller.set_num_kept)

    def choose_pair(self) -> None:
        """Show the comparison of two states."""
        self.show_pair.setChecked(True)
        self._on_switched()

    def choose_stability(self) -> None:
        """Show the stability view."""
        self.show_stability.setChecked(True)
        self._on_switched()
        self.stability.run.setFocus()

    @Slot()
    def _on_switched(self) -> None:
        self._pages.setCurrentIndex(1 if self.show_stability.isChecked() else 0)
        self._show_control()

    @Slot()
    def _on_scored_changed(self) -> None:
        scored = self._state.scored
        self.pin.setEnabled(scored is not None)
        self.without.setEnabled(scored is not None)
        self.control.show_presets(scored.model.paper_sparsities if scored else ())
        self._show_control()

    @Slot()
    def _show_control(self) -> None:
        """Show the slider if the view follows it."""
        state = self._state
        follows = self.show_pair.isChecked() and ON_SCREEN in self._pins.choice
        self.control.setVisible(state.scored is not None and follows)
        self.control.show_values(
            state.recipe.pruning.sparsity, state.num_kept, state.num_parameters
        )
        self.control.show_note(state.mask_note)

    @Slot()
    def _show_buttons(self) -> None:
        self.remove.setEnabled(self.list.selected() is not None)
        number = len(self._pins.pins)
        self._memory.setText(
            f"{number} pinned, {size_text(self._pins.num_bytes)}" if number else "no pins"
        )
        self._memory.setToolTip(f"Pins may use up to {size_text(MOST_BYTES)} of memory")

    @Slot()
    def _on_remove(self) -> None:
        pin = self.list.selected()
        if pin is not None:
            self._pins.remove(pin.number)


def _link(text: str, name: str, tip: str) -> QPushButton:
    """Return a button that leads to a study."""
    return named(QPushButton(text), name, text, tip)


def _switch(text: str, name: str, tip: str) -> QToolButton:
    button = named(QToolButton(), name, text, tip)
    button.setText(text)
    button.setCheckable(True)
    return button
