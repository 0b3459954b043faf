"""The comparison of two masks: what both keep, and what only one of them keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt, Slot
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.errors import UserError
from snip_gui.core.comparing.comparison import compare, overlap_matrix, refuse_different
from snip_gui.core.views.mask_difference import (
    DifferenceCanvas,
    difference_canvas,
    input_maps,
    who_keeps,
)
from snip_gui.core.views.picture import colour_table
from snip_gui.session.comparing.pins import ON_SCREEN
from snip_gui.session.looking.selector import mapped_tensor
from snip_gui.session.state.selection import Selection, connection
from snip_gui.ui.compare.overlap_table import OverlapTable
from snip_gui.ui.compare.turning_splitter import TurningSplitter
from snip_gui.ui.theme.picture_colours import make_colour_table
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.number_grid import NumberGrid
from snip_gui.ui.widgets.pictures.picture_plot import PicturePlot
from snip_gui.ui.widgets.plain_text import Label, plain_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from snip_gui.core.comparing.comparison import Comparison, Mask
    from snip_gui.core.views.mask_difference import InputMaps
    from snip_gui.session.comparing.pins import Pins
    from snip_gui.session.looking.selector import Selector
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.compare.pin_list import PinModel
    from snip_gui.ui.theme.theme import Themes

_NO_SCORES = (
    "Nothing scored yet.\n\nPress Score (F5), then pin the current mask to compare it with others."
)
_NO_PINS = (
    "Nothing pinned yet.\n\nPin the current mask (Ctrl+D), then choose other images, another "
    "seed or another sparsity. The connections kept by both masks, or by only one, appear here."
)
_MAPS = (("Input map, A − B", "difference"), ("Input map, A", "a"), ("Input map, B", "b"))
_MAP_NAMES = tuple(which for _, which in _MAPS)
_LEAST_PINS = 3  # for the overlap matrix
_LIST_WIDTH = 260  # of an open list: in a small window the boxes are too narrow for names


class PairView(QWidget):
    """A and B, a picture, a table, and for several pins the overlap of every pair."""

    def __init__(
        self,
        state: SessionState,
        pins: Pins,
        selector: Selector,
        model: PinModel,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._pins, self._model, self._themes = state, pins, model, themes
        self._selector = selector
        self._pair: tuple[Mask, Mask] | None = None
        self._canvas: DifferenceCanvas | None = None
        self._subject = ("", 0, 0)  # what the canvas shows
        self._maps: InputMaps | None = None
        self._is_old = True
        self._make_widgets()
        self._build()
        pins.changed.connect(self._on_pins_changed)
        pins.choice_changed.connect(self._refresh)
        state.scored_changed.connect(self._refresh)
        state.selection_changed.connect(self._on_selection_changed)
        state.sparsity_changed.connect(self._on_sparsity_changed)
        state.sparsity_settled.connect(self._on_sparsity_settled)
        themes.changed.connect(self._refresh)
        self._refresh()

    def _make_widgets(self) -> None:
        self.a = named(QComboBox(), "compare_a", "A", "The first of the two masks to compare")
        self.b = named(QComboBox(), "compare_b", "B", "The second of the two masks to compare")
        self.view = named(QComboBox(), "compare_view", "Picture", "What the picture shows")
        for box in (self.a, self.b, self.view):
            policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            box.setSizeAdjustPolicy(policy)
            box.setMinimumContentsLength(2)
            box.view().setMinimumWidth(_LIST_WIDTH)
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.a.activated.connect(self._on_chosen)
        self.b.activated.connect(self._on_chosen)
        self.view.currentIndexChanged.connect(self._draw)
        self.view.activated.connect(self._on_view_chosen)
        self.summary = named(Label(), "compare_summary", "What the two masks have in common")
        self.summary.setWordWrap(True)
        self.plot = PicturePlot("compare", "Comparison")
        self.plot.zoomed.connect(self._on_zoomed)
        self.readout = named(Label(), "compare_readout", "Under the pointer")
        self.readout.setProperty("role", "muted")
        self.plot.hovered.connect(self._on_hovered)
        self.plot.clicked.connect(self._on_clicked)
        self.plot.left.connect(self.readout.clear)
        self.no_picture = named(Label(), "compare_no_picture", "Why there is no picture")
        self.empty = named(Label(), "compare_empty", "Compare")
        for label in (self.no_picture, self.empty):
            label.setProperty("role", "empty")
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            label.setMargin(16)
        self.table = named(OverlapTable(), "compare_table", "Overlap of each layer")
        self.table.clicked.connect(self._on_layer_chosen)
        self.matrix = named(
            NumberGrid(), "compare_matrix", "Overlap of each pair of pins, in percent",
        )  # fmt: skip
        self.matrix.cell_chosen.connect(self._on_cell_chosen)

    def _build(self) -> None:
        picture = QWidget()
        self._picture_pages = QStackedLayout()
        self._picture_pages.addWidget(self.plot)
        self._picture_pages.addWidget(self.no_picture)
        column = QVBoxLayout(picture)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(self._picture_pages, 1)
        column.addWidget(self.readout)
        found = QWidget()
        inner = QVBoxLayout(found)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(4)
        inner.addWidget(self.view)
        inner.addWidget(self.summary)
        inner.addWidget(TurningSplitter(picture, self.table, self.matrix), 1)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(found)
        self._found = found
        grid = QGridLayout()
        grid.setSpacing(4)
        for at, (text, box) in enumerate((("A", self.a), ("B", self.b))):
            label = Label(text)
            label.setBuddy(box)
            grid.addWidget(label, 0, 2 * at)
            grid.addWidget(box, 0, 2 * at + 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addLayout(grid)
        whole.addWidget(pages, 1)

    # Updates

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with changes while it could not be seen."""
        super().showEvent(event)
        if self._is_old:
            self._on_pins_changed()

    @Slot()
    def _on_pins_changed(self) -> None:
        """Refresh everything, including the matrix."""
        if self.isVisible():
            self._show_matrix()
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        """Refresh the pair; later, if it cannot be seen."""
        self._is_old = not self.isVisible()
        if self._is_old:
            return
        self._fill_choices()
        problem = self._problem()
        if problem:
            self._pair = None
            self.empty.setText(problem)
            self._pages.setCurrentWidget(self.empty)
            self.table.overlaps.show_comparison(None)
            return
        self._pages.setCurrentWidget(self._found)
        self._fill_views()
        self._show_numbers()
        self._draw()

    def _problem(self) -> str:
        """Look up the two masks; return why there is nothing to compare, empty if there is."""
        a, b = self._pins.choice
        mask_a, mask_b = self._pins.get_mask(a), self._pins.get_mask(b)
        if mask_a is None or mask_b is None:
            return _NO_SCORES
        if not self._pins.pins:
            return _NO_PINS
        try:
            refuse_different(mask_a, mask_b, (self._pins.pin_name(a), self._pins.pin_name(b)))
        except UserError as error:
            return f"{error.message}\n\n{error.hint}"
        self._pair = (mask_a, mask_b)
        return ""

    def _follow_slider(self) -> bool:
        """Look up the masks again if one is the current state; return whether one is."""
        follows = self._pair is not None and ON_SCREEN in self._pins.choice
        if not self.isVisible():
            self._is_old = self._is_old or follows
            return False
        return follows and not self._problem()

    @Slot()
    def _on_sparsity_changed(self) -> None:
        if self._follow_slider():
            self._draw()

    @Slot()
    def _on_sparsity_settled(self) -> None:
        if self._follow_slider():
            self._show_numbers()

    # Choices

    def _fill_choices(self) -> None:
        for box, chosen in zip((self.a, self.b), self._pins.choice, strict=True):
            with QSignalBlocker(box):
                box.clear()
                box.addItem("Current mask", ON_SCREEN)
                for pin in self._pins.pins:
                    image = self._model.pin_image(pin.number)
                    icon = QIcon() if image is None else QIcon(QPixmap.fromImage(image))
                    box.addItem(icon, pin.name, pin.number)
                box.setCurrentIndex(box.findData(chosen))
            box.setToolTip(plain_tip(self._pins.pin_name(chosen)))

    @Slot()
    def _on_chosen(self) -> None:
        self._pins.choose(self.a.currentData(), self.b.currentData())

    @Slot(int, int)
    def _on_cell_chosen(self, row: int, column: int) -> None:
        pins = self._pins.pins
        self._pins.choose(pins[row].number, pins[column].number)

    def _fill_views(self) -> None:
        assert self._pair is not None
        chosen = self.view.currentData()
        with QSignalBlocker(self.view):
            self.view.clear()
            for text, which in _MAPS if mapped_tensor(self._pair[0].scored) else ():
                self.view.addItem(text, which)
            for tensor in self._pair[0].layout.weights:
                self.view.addItem(f"Weights of {tensor.label}", tensor.name)
            if self.view.findData(chosen) < 0:
                chosen = self._state.selection.tensor if self._first_is_layer() else chosen
            self.view.setCurrentIndex(max(0, self.view.findData(chosen)))

    def _first_is_layer(self) -> bool:
        """Return whether the list starts with a layer, for lack of an input map."""
        return self.view.itemData(0) not in _MAP_NAMES

    @Slot()
    def _on_view_chosen(self) -> None:
        """Select the chosen layer."""
        if self.view.currentData() not in _MAP_NAMES:
            self._selector.select(Selection(self.view.currentData()))

    @Slot()
    def _on_selection_changed(self) -> None:
        """Show the selected layer, unless the input map is shown."""
        number = self.view.findData(self._state.selection.tensor)
        if number >= 0 and self.view.currentData() not in _MAP_NAMES:
            self.view.setCurrentIndex(number)
        if self.isVisible():
            self._draw_marks()

    def _draw_marks(self) -> None:
        """Frame the selected part of the shown layer."""
        canvas, selection = self._canvas, self._state.selection
        shown = self.view.currentData()
        if canvas is None or shown != selection.tensor:
            self.plot.show_marks(())
            return
        place = canvas.arrangement.rectangles(selection.unit, selection.source, selection.place)
        self.plot.show_marks(place)

    @Slot(int, int)
    def _on_clicked(self, row: int, column: int) -> None:
        """Select the connection under the pointer."""
        position = self._canvas.position_at(row, column) if self._canvas else None
        if self._maps is None and self._canvas is not None and position is not None:
            self._selector.select(connection(self._canvas.arrangement.tensor, position))

    @Slot(QModelIndex)
    def _on_layer_chosen(self, index: QModelIndex) -> None:
        """Show the weights of the clicked layer."""
        if self._pair is None:
            return
        layer = self.table.overlaps.rows[index.row()][0]
        weights = [t.name for t in self._pair[0].layout.get_tensors(layer) if t.is_weight]
        if weights:
            self.view.setCurrentIndex(self.view.findData(weights[0]))
            self._selector.select_layer(layer)

    # Display

    def _show_numbers(self) -> None:
        assert self._pair is not None
        found = compare(*self._pair)
        self.table.overlaps.show_comparison(found)
        self.summary.setText(_in_words(found))

    @Slot()
    def _draw(self) -> None:
        if self._pair is None:
            return
        which = self.view.currentData()
        self._maps = None
        if which in _MAP_NAMES:
            maps = input_maps(*self._pair)
            if isinstance(maps, str):
                self.no_picture.setText(maps)
                self._picture_pages.setCurrentWidget(self.no_picture)
                return
            self._maps = maps
            picture = maps.picture(which)
            size, block = None, (1, 1)
        else:
            canvas = self._laid_out(which)
            picture = canvas.picture(self._pair[0].num_kept, self._pair[1].num_kept)
            size, block = canvas.size, canvas.block
        table = make_colour_table(picture, self._themes.colours)
        self.plot.set_background(self._themes.colours.plot)
        self.plot.show_picture(picture, table, size, block)
        self.plot.set_mark_colour(self._themes.colours.accent)
        self._draw_marks()
        self._picture_pages.setCurrentWidget(self.plot)

    def _laid_out(self, name: str) -> DifferenceCanvas:
        """Return the canvas of a tensor at the shown resolution; cached for the same scores."""
        assert self._pair is not None
        a, b = self._pair
        subject = (name, id(a.scored), id(b.scored))
        if self._canvas is None or self._subject != subject:
            self._subject = subject
            self._canvas = difference_canvas(a.scored.masks, b.scored.masks, a.layout[name])
        self.plot.prepare(self._canvas.size)
        self._canvas = self._canvas.reduced(self.plot.reduction)
        return self._canvas

    @Slot()
    def _on_zoomed(self) -> None:
        """Adapt the resolution of a large layer to the zoom."""
        if self._maps is None and self.isVisible():
            self._draw()

    def _show_matrix(self) -> None:
        pins = self._pins.pins
        self.matrix.setVisible(len(pins) >= _LEAST_PINS)
        if len(pins) >= _LEAST_PINS:
            values = overlap_matrix([pin.mask for pin in pins])
            names = [pin.name for pin in pins]
            self.matrix.show_values(values, names, colour_table("viridis"))

    @Slot(int, int)
    def _on_hovered(self, row: int, column: int) -> None:
        if self._pair is None:
            return
        if self._maps is not None:
            a, b = self._maps.a_HW[row, column], self._maps.b_HW[row, column]
            self.readout.setText(f"row {row}, column {column}: A {a:.2%}, B {b:.2%}, {a - b:+.2%}")
        elif self._canvas is not None:
            position = self._canvas.position_at(row, column)
            tensor = self._canvas.arrangement.tensor
            self.readout.setText(who_keeps(*self._pair, tensor, position) if position else "")


def _in_words(found: Comparison) -> str:
    whole = found.whole
    if not whole.num_changed:
        return f"Both keep the same {whole.both:,} connections."
    return (
        f"{whole.both:,} kept by both; {whole.num_changed:,} by only one, mostly in "
        f"{found.most_changed}. Overlap {whole.jaccard:.1%}, by chance {whole.chance:.1%}."
    )
