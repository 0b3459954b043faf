"""A picture below its controls, or a sentence on why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QComboBox, QStackedLayout, QVBoxLayout, QWidget

from snip_gui.core.pruning.edits.resolving import KEPT, REMOVED
from snip_gui.ui.widgets.layouts.wrapping_row import WrappingRow
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.painting.region_painter import RegionPainter
from snip_gui.ui.widgets.pictures.picture_plot import PicturePlot
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QShowEvent

    from snip_gui.core.pruning.edits.regions import Target
    from snip_gui.core.recipe.edits import Edit
    from snip_gui.ui.theme.theme import Themes
    from snip_gui.ui.widgets.painting.paint_box import Tool

NO_SCORES = (
    "Nothing scored yet.\n\nChoose a network and images on the left, then press Score (F5). The "
    "connections that matter for these images appear here."
)


class PicturePage(QWidget):
    """Base of the pages with the input map and the weights.

    Pages override `draw`, `on_hovered` and `on_clicked`. These raise instead of being abstract,
    since the metaclass of abstract classes conflicts with Qt's.

    Signals
    -------
    readout
        Readout of the position under the pointer; empty if it is elsewhere.
    menu_asked
        Targets (see `Target`) of an edit of the mask, and the place of their menu on the screen.
    edit_painted
        An edit that keeps what was painted; the tool decides whether to keep or remove it.
    """

    readout = Signal(str)
    menu_asked = Signal(object, QPoint)
    edit_painted = Signal(object)

    def __init__(
        self, name: str, title: str, themes: Themes, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.themes = themes
        self.plot = PicturePlot(name, title)
        self.painter = RegionPainter(self.plot)
        self.painter.painting.connect(self._on_painting)
        self.painter.painted.connect(self._on_painted)
        self.painter.refused.connect(self.readout)
        self._paints_kept = True
        self.empty = named(Label(NO_SCORES), f"{name}_empty", title)
        self.empty.setProperty("role", "empty")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setMargin(24)
        self.bar = QWidget()
        self.controls = WrappingRow(self.bar)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.plot)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(4)
        self.column.addWidget(self.bar)
        self.column.addWidget(pages, 1)
        self._is_due = False
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._draw_if_due)
        self.plot.hovered.connect(self.on_hovered)
        self.plot.clicked.connect(self._on_clicked)
        self.plot.menu_asked.connect(self._on_menu_asked)
        self.plot.left.connect(self._on_left)
        themes.changed.connect(self._on_theme_changed)

    def follow_theme(self) -> None:
        """Apply the colours of the theme."""
        colours = self.themes.colours
        self.plot.set_background(colours.canvas)
        self.plot.set_mark_colour(colours.accent)
        self.plot.set_edit_colours(colours.edit_kept, colours.edit_removed)
        self.plot.colour_bar.update()

    def refresh(self) -> None:
        """Draw now, or once it is visible."""
        self._is_due = not self.isVisible()
        if not self._is_due:
            self.draw()

    def draw(self) -> None:
        """Draw the picture of the current state."""
        raise NotImplementedError

    def on_hovered(self, row: int, column: int) -> None:
        """Show the readout of the position under the pointer."""
        raise NotImplementedError

    def on_clicked(self, row: int, column: int) -> None:
        """Select what is under the pointer."""
        raise NotImplementedError

    def targets_at(self, row: int, column: int) -> Sequence[Target]:
        """Return what can be edited at a position."""
        raise NotImplementedError

    def painted_edit(self, chosen_HW: NDArray[np.bool_]) -> Edit | None:
        """Return the edit that keeps a painted region of the canvas."""
        raise NotImplementedError

    def edited_HW(self) -> NDArray[np.uint8] | None:
        """Return what edits do to each position of the canvas; None if it cannot be drawn."""
        raise NotImplementedError

    def set_tool(self, tool: Tool, *, keeps: bool) -> None:
        """Choose a tool that keeps or removes what it paints; empty to select and move."""
        self.painter.set_tool(tool)
        self._paints_kept = keeps

    @Slot(int, int)
    def _on_clicked(self, row: int, column: int) -> None:
        if self.painter.tool:
            self.painter.dab(row, column)
        else:
            self.on_clicked(row, column)

    @Slot(int, int, QPoint)
    def _on_menu_asked(self, row: int, column: int, place: QPoint) -> None:
        targets = self.targets_at(row, column)
        if targets:
            self.menu_asked.emit(targets, place)

    @Slot(object)
    def _on_painting(self, chosen_HW: NDArray[np.bool_]) -> None:
        """Show what is being painted over earlier edits."""
        edited_HW = self.edited_HW()
        if edited_HW is None or edited_HW.shape != chosen_HW.shape:
            edited_HW = np.zeros(chosen_HW.shape, np.uint8)
        state = KEPT if self._paints_kept else REMOVED
        self.plot.show_edits(np.where(chosen_HW, np.uint8(state), edited_HW))

    @Slot(object)
    def _on_painted(self, chosen_HW: NDArray[np.bool_]) -> None:
        edit = self.painted_edit(chosen_HW)
        if edit is not None:
            self.edit_painted.emit(edit)
        self.refresh()

    def say(self, sentence: str) -> None:
        """Show why there is no picture."""
        self.empty.setText(sentence)
        self._pages.setCurrentWidget(self.empty)
        self.plot.clear()

    def show_plot(self) -> None:
        """Show the plot in place of a sentence."""
        self._pages.setCurrentWidget(self.plot)

    def _on_left(self) -> None:
        self.readout.emit("")

    def _on_theme_changed(self) -> None:
        self.follow_theme()
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Draw changes made while it was hidden, once its size is known."""
        super().showEvent(event)
        if self._is_due:
            self._later.start()

    @Slot()
    def _draw_if_due(self) -> None:
        if self._is_due:
            self.refresh()


def choice(name: str, title: str, tip: str, entries: Sequence[tuple[str, str]]) -> QComboBox:
    """Return a combo box with (text, value) entries."""
    box = named(QComboBox(), name, title, tip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    box.setMinimumContentsLength(6)
    for text, value in entries:
        box.addItem(text, value)
    return box
