"""Heatmap: the kept connections, which follow the slider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QPoint, QRect, Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.views.readout import connection_text, part_text
from snip_gui.ui.commands.edit_menu import make_edit_menu
from snip_gui.ui.heatmap.map_page import MapPage
from snip_gui.ui.heatmap.mask_timeline import MaskTimeline
from snip_gui.ui.heatmap.mask_tools import MaskTools
from snip_gui.ui.heatmap.next_step import NextStep
from snip_gui.ui.widgets.elided_label import ElidedLabel
from snip_gui.ui.widgets.lazy_page import LazyPage
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label
from snip_gui.ui.widgets.sparsity_control import SparsityControl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

    from snip_gui.core.pruning.edits.regions import Target
    from snip_gui.core.recipe.edits import Edit
    from snip_gui.core.reports.animation import AnimatedView
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.heatmap.weights_page import WeightsPage
    from snip_gui.ui.theme.theme import Themes
    from snip_gui.ui.widgets.pictures.picture_plot import PicturePlot

# Width from which two pictures are side by side rather than stacked.
_WIDE = 620
# Room for the sparsity of a running training beside the controls.
_BADGE_WIDTH = 40


class HeatmapPanel(QWidget):
    """The input map, the weights of a layer or both, above the sparsity slider."""

    def __init__(
        self,
        state: SessionState,
        controller: Controller,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._controller, self._themes = state, controller, themes
        self.map = MapPage(state, controller, themes)
        self._weights_page: LazyPage[WeightsPage] = LazyPage(self._make_weights)
        self._is_stale = False
        self._make_controls()
        self._readout = named(ElidedLabel(), "heatmap_readout", "Under the pointer, or selected")
        self._readout.setProperty("role", "muted")
        self._readout.setIndent(6)
        self.timeline = MaskTimeline(self._controller.live_masks)
        self.control = SparsityControl()
        self.next_step = NextStep(state, self)
        self._build()
        self._connect()
        self._on_scored_changed()
        self._on_view_changed()

    def _make_controls(self) -> None:
        self.show_map = _view_button(
            "Input map", "view_input_map", "The fraction kept of each pixel's connections"
        )
        self.show_weights = _view_button("Weights", "view_weights", "Every connection of a layer")
        self.show_both = _view_button("Both", "view_both", "The input map beside the weights")
        self.show_map.setChecked(True)
        self._views = QButtonGroup(self)
        for button in (self.show_map, self.show_weights, self.show_both):
            self._views.addButton(button)
        self.badge = named(Label(), "training_badge", "Training")
        self.badge.setProperty("role", "notice")
        self.tools = MaskTools(self._state, self._controller.masks)
        self.back = named(
            QPushButton(), "back_to_training", "Return to the training sparsity",
            "Move the slider to the sparsity being trained",
        )  # fmt: skip

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(6)
        for widget in (self.show_map, self.show_weights, self.show_both):
            top.addWidget(widget)
        self._top = top
        top.addStretch()
        top.addWidget(self.tools)
        top.addWidget(self.badge)
        top.addWidget(self.back)
        self.splitter = QSplitter()
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.map)
        self.splitter.addWidget(self._weights_page)
        column = QVBoxLayout(self)
        top.setContentsMargins(6, 2, 6, 0)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addLayout(top)
        column.addWidget(self.splitter, 1)
        column.addWidget(self._readout)
        column.addWidget(self.timeline)
        column.addWidget(self.control)

    def _connect(self) -> None:
        state, control = self._state, self.control
        state.scored_changed.connect(self._on_scored_changed)
        state.sparsity_changed.connect(self._on_sparsity_changed)
        state.selection_changed.connect(self._show_hint)
        state.training_changed.connect(self._show_badge)
        control.sparsity_asked.connect(self._controller.set_sparsity)
        control.num_kept_asked.connect(self._controller.set_num_kept)
        self.next_step.score_asked.connect(self._controller.score)
        self.next_step.changed.connect(self._on_next_step)
        self._views.buttonClicked.connect(self._on_view_changed)
        self.splitter.splitterMoved.connect(self._align_pictures)
        self.back.clicked.connect(self._on_back)
        self.tools.tool_changed.connect(self._on_tool_changed)
        self._connect_page(self.map)

    def _connect_page(self, page: MapPage | WeightsPage) -> None:
        page.readout.connect(self._on_readout)
        page.menu_asked.connect(self._on_menu_asked)
        page.edit_painted.connect(self._on_edit_painted)

    def _make_weights(self) -> WeightsPage:
        # Imported late, because it is not shown at first.
        from snip_gui.ui.heatmap.weights_page import WeightsPage

        page = WeightsPage(self._state, self._controller, self._themes)
        self._connect_page(page)
        page.set_tool(self.tools.tool, keeps=self.tools.action_of_tool == "keep")
        page.show_scored()
        page.plot.set_faded(self._is_stale)
        return page

    @Slot()
    def _on_tool_changed(self) -> None:
        for page in self._pages():
            page.set_tool(self.tools.tool, keeps=self.tools.action_of_tool == "keep")

    @Slot(object, QPoint)
    def _on_menu_asked(self, targets: Sequence[Target], place: QPoint) -> None:
        make_edit_menu(self._controller.masks, targets, self).popup(place)

    @Slot(object)
    def _on_edit_painted(self, edit: Edit) -> None:
        edit = msgspec.structs.replace(edit, action=self.tools.action_of_tool)
        self._controller.masks.add(edit)

    @property
    def weights(self) -> WeightsPage:
        """The page of a layer's weights."""
        return self._weights_page.content

    def _pages(self) -> list[MapPage | WeightsPage]:
        """Return the existing pages."""
        made = self._weights_page.made
        return [self.map] if made is None else [self.map, made]

    @property
    def plot(self) -> PicturePlot:
        """The plot of the first visible page."""
        return self.weights.plot if self.show_weights.isChecked() else self.map.plot

    def animated_view(self) -> AnimatedView:
        """Return what an animation of the visible picture shows, in the colours of the theme."""
        # Imported late, because it imports Pillow.
        from snip_gui.core.reports.animation import AnimatedView

        colours = self._themes.colours
        return AnimatedView(
            tensor=self._state.selection.tensor if self.show_weights.isChecked() else "",
            unit=self.map.unit_shown,
            scale=self.map.scale.currentData(),
            kept=colours.rgb("kept"),
            removed=colours.rgb("removed"),
            nothing=colours.rgb("canvas"),
            paper=colours.rgb("base"),
            ink=colours.rgb("text"),
        )

    def select_layer(self, layer: str) -> None:
        """Show the weights of a layer."""
        self._controller.selector.select_layer(layer)
        if not self.show_both.isChecked():
            self.show_weights.setChecked(True)
            self._on_view_changed()

    def reset_view(self) -> None:
        """Show the whole of every picture."""
        for page in self._pages():
            page.plot.reset_view()

    @Slot()
    def _on_next_step(self) -> None:
        """Fade the pictures while they show older settings."""
        self._is_stale = self._state.is_stale
        for page in self._pages():
            page.plot.set_faded(self._is_stale)
        self._place_next_step()

    def _place_next_step(self) -> None:
        # Below the controls of a page, which may have several lines.
        plot = self.plot if self.plot.isVisible() else self.splitter
        self.next_step.place_over(QRect(plot.mapTo(self, QPoint(0, 0)), plot.size()))

    def _place_bars(self) -> None:
        """Put the controls of a single page beside the buttons if there is room."""
        buttons = sum(b.sizeHint().width() + 6 for b in self._views.buttons())
        hidden = self.show_weights, self.show_map
        for page, other in zip(self._pages(), hidden, strict=False):
            width = buttons + page.bar.sizeHint().width() + page.controls.spacing()
            width += self.tools.sizeHint().width() + self._top.spacing()
            if not self.show_both.isChecked() and width < self.width() - _BADGE_WIDTH:
                self._top.insertWidget(len(self._views.buttons()), page.bar)
            else:
                page.column.insertWidget(0, page.bar)
            page.bar.setVisible(not other.isChecked())

    @Slot()
    def _align_pictures(self) -> None:
        """Give the controls of pictures that are side by side the same height."""
        is_row = self.splitter.orientation() == Qt.Orientation.Horizontal
        pages = self._pages() if self.show_both.isChecked() and is_row else []
        heights = [page.controls.heightForWidth(page.width()) for page in pages]
        for page in self._pages():
            page.bar.setMinimumHeight(max(heights, default=0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange two pictures according to the width."""
        across = Qt.Orientation.Horizontal if self.width() >= _WIDE else Qt.Orientation.Vertical
        if self.splitter.orientation() != across:
            self.splitter.setOrientation(across)
        self._place_bars()
        super().resizeEvent(event)
        # Once the pages are laid out.
        QTimer.singleShot(0, self, self._align_pictures)
        QTimer.singleShot(0, self, self._place_next_step)

    @Slot()
    def _on_scored_changed(self) -> None:
        scored = self._state.scored
        self.control.setEnabled(scored is not None)
        self.control.show_presets(scored.model.paper_sparsities if scored else ())
        for page in self._pages():
            page.show_scored()
        self._on_sparsity_changed()
        self._show_hint()

    @Slot()
    def _on_sparsity_changed(self) -> None:
        state = self._state
        self.control.show_values(
            state.recipe.pruning.sparsity, state.num_kept, state.num_parameters
        )
        self.control.show_note(state.mask_note)
        for page in self._pages():
            page.refresh()
        self._show_badge()

    @Slot()
    def _on_view_changed(self) -> None:
        self.map.setVisible(not self.show_weights.isChecked())
        self._weights_page.setVisible(not self.show_map.isChecked())
        self._place_bars()
        QTimer.singleShot(0, self, self._align_pictures)
        self._show_hint()

    @Slot(str)
    def _on_readout(self, text: str) -> None:
        if text:
            self._readout.setText(text)
        else:
            self._show_hint()

    @Slot()
    def _show_hint(self) -> None:
        """Show the selection or a hint on the picture, while the pointer is elsewhere."""
        pinned = self._pinned()
        if pinned:
            self._readout.setText(f"{pinned} (Esc clears)")
        elif self._state.scored is None:
            self._readout.setText("")
        else:
            page = self.weights if self.show_weights.isChecked() else self.map
            self._readout.setText(page.hint())

    def _pinned(self) -> str:
        """Return the selection as text."""
        scored, selection = self._state.scored, self._state.selection
        if scored is None or not selection.is_pinned:
            return ""
        tensor, num_kept = scored.layout[selection.tensor], self._state.num_kept
        position = selection.position
        if position is not None and len(position) == len(tensor.shape):
            return connection_text(scored, tensor, position, num_kept)
        text = part_text(scored, tensor, selection.unit, selection.source, num_kept)
        if selection.pixel is not None:
            row, column = selection.pixel
            pixel = f"pixel at row {row}, column {column}"
            text = f"{pixel}; {text}" if text else pixel
        return text

    @Slot()
    def _show_badge(self) -> None:
        training = self._state.training
        active = training is not None and training.is_active and training.num_kept > 0
        self.badge.setVisible(active)
        same = training is not None and training.num_kept == self._state.num_kept
        self.back.setVisible(active and not same)
        if training is not None:
            sparsity = sparsity_text(training.sparsity)
            self.badge.setText(f"training at {sparsity}")
            self.back.setText(f"Return to {sparsity}")
        self._show_hint()

    @Slot()
    def _on_back(self) -> None:
        if self._state.training is not None:
            self._controller.set_num_kept(self._state.training.num_kept)


def _view_button(text: str, name: str, tip: str) -> QToolButton:
    button = named(QToolButton(), name, text, tip)
    button.setText(text)
    button.setCheckable(True)
    return button
