"""Stability: how often each connection is kept over several draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.views.input_map import map_picture
from snip_gui.core.views.mask_difference import FrequencyCanvas, frequency_canvas
from snip_gui.ui.compare.frequency_model import FrequencyModel
from snip_gui.ui.compare.overlap_table import style_table
from snip_gui.ui.compare.turning_splitter import TurningSplitter
from snip_gui.ui.theme.picture_colours import make_colour_table
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.picture_plot import PicturePlot
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes

_WAYS = (
    ("other images", "images"),
    ("other initial weights", "weights"),
    ("other images and weights", "both"),
)
_EMPTY = (
    "How much of the mask is chance?\n\nScore the same settings repeatedly with other random "
    "images or initial weights, and see which connections are always kept."
)
_MAP = ""  # entry of the input map in the list of pictures


class StabilityView(QWidget):
    """Requests draws, shows their progress, and their result."""

    def __init__(
        self,
        state: SessionState,
        controller: Controller,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._questions, self._themes = state, controller.questions, themes
        self._canvas: FrequencyCanvas | None = None
        self._make_widgets()
        self._build()
        self._questions.stability_changed.connect(self._on_stability_changed)
        for signal in (
            state.scored_changed,
            state.sparsity_changed,
            state.minibatch_changed,
            state.devices_changed,
        ):
            signal.connect(self._enable)
        themes.changed.connect(self._draw)
        self._enable()

    def _make_widgets(self) -> None:
        self.number = named(QSpinBox(), "stability_draws", "Repetitions", "How many times to score")
        self.number.setRange(2, 1000)
        self.number.setValue(10)
        self.number.setSuffix(" repetitions")
        self.ways = named(
            QComboBox(), "stability_ways", "What changes",
            "Score other random images of the same classes, other initial weights, or both",
        )  # fmt: skip
        for text, what in _WAYS:
            self.ways.addItem(text, what)
        self.run = named(
            QPushButton(), "stability_run", "Score repeatedly",
            "Score again and again with what changes; the current mask stays",
        )  # fmt: skip
        self.run.clicked.connect(self._on_run)
        self.stop = named(
            QPushButton("Stop"), "stability_stop", "Stop", "Skip the remaining repetitions"
        )
        self.stop.clicked.connect(self._questions.stop_measuring)
        self.view = named(QComboBox(), "stability_view", "Picture", "What the picture shows")
        self.view.currentIndexChanged.connect(self._on_view_changed)
        for box in (self.ways, self.view):
            policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            box.setSizeAdjustPolicy(policy)
            box.setMinimumContentsLength(8)
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.summary = named(Label(), "stability_summary", "What the masks have in common")
        self.summary.setWordWrap(True)
        self.empty = named(Label(_EMPTY), "stability_empty", "Stability")
        self.no_picture = named(Label(), "stability_no_picture", "Why there is no picture")
        for label in (self.empty, self.no_picture):
            label.setProperty("role", "empty")
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            label.setMargin(16)
        self.plot = PicturePlot("stability", "Stability")
        self.plot.zoomed.connect(self._on_zoomed)
        self.plot.hovered.connect(self._on_hovered)
        self.plot.left.connect(self._on_left)
        self.readout = named(Label(), "stability_readout", "Under the pointer")
        self.readout.setProperty("role", "muted")
        self.model = FrequencyModel(self)
        self.table = named(
            QTableView(), "stability_table", "How often connections are kept, by layer"
        )
        self.table.setModel(self.model)
        style_table(self.table)

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        for widget in (self.number, self.ways, self.run, self.stop):
            top.addWidget(widget)
        picture = QWidget()
        self._picture_pages = QStackedLayout()
        self._picture_pages.addWidget(self.plot)
        self._picture_pages.addWidget(self.no_picture)
        column = QVBoxLayout(picture)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(self._picture_pages, 1)
        column.addWidget(self.readout)
        self._found = QWidget()
        inner = QVBoxLayout(self._found)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(4)
        inner.addWidget(self.summary)
        inner.addWidget(self.view)
        inner.addWidget(TurningSplitter(picture, self.table), 1)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self._found)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addLayout(top)
        whole.addWidget(pages, 1)

    @Slot()
    def _enable(self) -> None:
        measuring = self._questions.is_measuring
        self.run.setText(f"Score at {sparsity_text(self._state.recipe.pruning.sparsity)}")
        self.run.setEnabled(self._state.can_score and not measuring)
        self.run.setVisible(not measuring)
        self.stop.setVisible(measuring)

    @Slot()
    def _on_run(self) -> None:
        self._questions.measure_stability(self.ways.currentData(), self.number.value())

    @Slot()
    def _on_stability_changed(self) -> None:
        self._enable()
        found = self._questions.stability
        if found is None or self._questions.is_measuring:
            return
        frequency, words = found.frequency, {what: text for text, what in _WAYS}
        sparsity = sparsity_text(found.recipe.pruning.sparsity)
        self.summary.setText(
            f"{frequency.num_masks:,} masks at {sparsity}, from {words[found.varied]}. "
            f"{frequency.summary}"
        )
        self.summary.setToolTip(
            "Mean Jaccard index over all pairs of masks, and the value expected of random masks "
            "that keep as many connections in each layer"
        )
        self.model.show_frequency(frequency)
        chosen = self.view.currentData()
        self.view.blockSignals(True)
        self.view.clear()
        self.view.addItem("Input map, mean of all masks", _MAP)
        for tensor in frequency.layout.weights:
            self.view.addItem(f"Weights of {tensor.label}", tensor.name)
        self.view.setCurrentIndex(max(0, self.view.findData(chosen)))
        self.view.blockSignals(False)
        self._pages.setCurrentWidget(self._found)
        self._on_view_changed()

    @Slot()
    def _on_view_changed(self) -> None:
        self._canvas = None
        self._draw()

    @Slot()
    def _draw(self) -> None:
        found = self._questions.stability
        if found is None:
            return
        which, input_map = self.view.currentData(), found.frequency.input_map
        if which == _MAP and isinstance(input_map, str):
            self.no_picture.setText(input_map)
            self._picture_pages.setCurrentWidget(self.no_picture)
            return
        if which == _MAP:
            assert not isinstance(input_map, str)
            picture = map_picture(input_map, "own-maximum")
            size, block = None, (1, 1)
        else:
            if self._canvas is None:
                self._canvas = frequency_canvas(found.frequency, found.frequency.layout[which])
            self.plot.prepare(self._canvas.size)
            self._canvas = self._canvas.reduced(self.plot.reduction)
            picture, size, block = self._canvas.picture(), self._canvas.size, self._canvas.block
        table = make_colour_table(picture, self._themes.colours)
        self.plot.set_background(self._themes.colours.plot)
        self.plot.show_picture(picture, table, size, block)
        self._picture_pages.setCurrentWidget(self.plot)
        self._on_left()

    @Slot()
    def _on_zoomed(self) -> None:
        """Adapt the resolution of a large layer to the zoom."""
        if self._canvas is not None:
            self._draw()

    @Slot(int, int)
    def _on_hovered(self, row: int, column: int) -> None:
        found = self._questions.stability
        if found is None:
            return
        input_map, number = found.frequency.input_map, found.frequency.num_masks
        if self._canvas is None:
            assert not isinstance(input_map, str)
            kept = float(input_map.mean(axis=0)[row, column])
            self.readout.setText(
                f"row {row}, column {column}: {kept:.2%} of its connections kept on average"
            )
            return
        position = self._canvas.position_at(row, column)
        if position is None:
            self.readout.setText("")
            return
        tensor = self._canvas.arrangement.tensor
        count = found.frequency.count_M[tensor.offset : tensor.end].reshape(tensor.shape)[position]
        place = ", ".join(map(str, position))
        self.readout.setText(f"{tensor.name}[{place}]: kept {int(count)} of {number} times")

    @Slot()
    def _on_left(self) -> None:
        is_map = self._canvas is None
        self.readout.setText(
            "" if is_map else "Colour: the fraction of masks that keep the connection"
        )
