"""The input map: the kept fraction of each pixel, for all units or for one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QSpinBox

from snip_gui.core.pruning.edits.edited import EditedRanking
from snip_gui.core.pruning.edits.regions import painted_inputs, painted_pixels, pixel_targets
from snip_gui.core.pruning.input_map import find_pixel
from snip_gui.core.views.input_map import edited_pixels, map_picture
from snip_gui.session.looking.selector import mapped_tensor
from snip_gui.ui.heatmap.picture_page import NO_SCORES, PicturePage, choice
from snip_gui.ui.theme.picture_colours import make_colour_table
from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtWidgets import QWidget

    from snip_gui.core.pruning.edits.regions import Target
    from snip_gui.core.recipe.edits import Edit
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes

_ALL_UNITS = -1
_NO_PIXELS = "This map has no pixels with connections of their own: paint on the weights instead."
_NOT_A_MASK = "The input sensitivity is not the mask: choose “fraction kept” to paint."


class MapPage(PicturePage):
    """The input map with its controls."""

    def __init__(
        self,
        state: SessionState,
        controller: Controller,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("input_map", "Input map", themes, parent)
        self._state, self._selector = state, controller.selector
        self._pictures, self._inputs = controller.pictures, controller.inputs
        self._inputs.changed.connect(self._on_inputs_changed)
        self._shows_inputs = False
        self._fractions: NDArray[np.float64] | None = None
        self._companion: tuple[object, ...] = ()
        self._make_controls()
        state.selection_changed.connect(self._on_selection_changed)
        state.minibatch_changed.connect(self.refresh)
        controller.pictures.mean_changed.connect(self.refresh)
        self.follow_theme()

    def _make_controls(self) -> None:
        self.unit = named(
            QSpinBox(), "map_unit", "Unit",
            "The map over all units, or only the connections to one unit of the layer",
        )  # fmt: skip
        self.unit.setSpecialValueText("all units")
        self.unit.setPrefix("unit ")
        self.unit.setMinimum(_ALL_UNITS)
        self.unit.setMaximum(_ALL_UNITS)
        self.unit.valueChanged.connect(self._on_unit_changed)
        self.quantity = choice(
            "map_quantity", "Shown",
            "The fraction kept of each pixel's connections, or how much the loss depends on the "
            "pixel in the whole and in the pruned network",
            (("fraction kept", "kept"), ("input sensitivity", "inputs")),
        )  # fmt: skip
        self.scale = choice(
            "heatmap_scale", "Scale",
            "Scale to the map's own maximum, as in Figure 2 of the paper, or show the fraction "
            "kept from 0 to 1",
            (("own maximum", "own-maximum"), ("0 to 1", "unit")),
        )  # fmt: skip
        self.companion = choice(
            "map_companion", "Mean image",
            "Mean image of the minibatch: hidden, beside the map, or under it (the map is then "
            "coloured and the mean grey)",
            (("map alone", "none"), ("mean beside", "beside"), ("mean underneath", "under")),
        )  # fmt: skip
        self.channels = choice(
            "map_channels", "Colour channels",
            "Average the colour channels, or show red, green and blue side by side",
            (("channel average", "together"), ("separate channels", "apart")),
        )  # fmt: skip
        for box in (self.quantity, self.scale, self.companion, self.channels):
            box.currentIndexChanged.connect(self._on_look_changed)
        for widget in (self.quantity, self.unit, self.scale, self.companion, self.channels):
            self.controls.addWidget(widget)

    @Slot()
    def _on_inputs_changed(self) -> None:
        self.refresh()
        self.readout.emit("")  # the description says whether it is being computed

    @Slot()
    def _on_look_changed(self) -> None:
        self.refresh()

    def show_scored(self) -> None:
        """Update the choices for the current network."""
        scored = self._state.scored
        tensor = mapped_tensor(scored) if scored else ""
        units = scored.layout[tensor].shape[0] if scored and tensor else 0
        with QSignalBlocker(self.unit):
            self.unit.setMaximum(units - 1)
        for widget in (self.unit, self.scale, self.companion):
            widget.setEnabled(units > 0)
        colours = scored is not None and scored.architecture.input_shape[0] == 3
        self.channels.setVisible(colours and units > 0)
        self._on_selection_changed()

    @property
    def unit_shown(self) -> int | None:
        """The unit whose map is shown; None for all units."""
        return None if self.unit.value() == _ALL_UNITS else self.unit.value()

    @property
    def _is_apart(self) -> bool:
        return not self.channels.isHidden() and self.channels.currentData() == "apart"

    @property
    def _is_under(self) -> bool:
        """Whether the mean image is drawn under the map."""
        wanted = self.companion.currentData() == "under" and not self._is_apart
        return wanted and self._pictures.mean_CHW is not None

    @Slot()
    def _on_selection_changed(self) -> None:
        scored, selection = self._state.scored, self._state.selection
        is_mapped = scored is not None and selection.tensor == mapped_tensor(scored)
        unit = selection.unit if is_mapped else None
        with QSignalBlocker(self.unit):
            self.unit.setValue(_ALL_UNITS if unit is None else unit)
        self.refresh()

    @Slot(int)
    def _on_unit_changed(self, _value: int) -> None:
        scored = self._state.scored
        if scored is not None:
            self._selector.select_unit(mapped_tensor(scored), self.unit_shown)

    def draw(self) -> None:
        """Draw the map at the current sparsity."""
        scored = self._state.scored
        if scored is None:
            self.say(NO_SCORES)
            return
        found = scored.input_fractions(self._state.num_kept, self.unit_shown)
        has_map = scored.model.input_map != "none"
        self._shows_inputs = self.quantity.currentData() == "inputs" or not has_map
        self._inputs.want(wanted=self._shows_inputs)
        has_pixels = bool(pixel_targets(scored, 0, 0, None))
        self.painter.obstacle = "" if has_pixels else _NO_PIXELS
        if self._shows_inputs:
            self.painter.obstacle = _NOT_A_MASK
            self._draw_inputs("" if has_map or not isinstance(found, str) else found)
            return
        if isinstance(found, str):
            self.say(found)
            return
        self._fractions = found
        edited_HW = self.edited_HW()
        picture = map_picture(
            found, self.scale.currentData(), apart=self._is_apart, edited_HW=edited_HW
        )
        if self._is_under:  # in colour, to stand out from the grey mean
            picture = replace(picture, palette="glow")
        self.plot.show_picture(picture, make_colour_table(picture, self.themes.colours))
        self.plot.show_edits(edited_HW)
        self._draw_marks()
        self.show_plot()
        self._draw_companion()

    def edited_HW(self) -> NDArray[np.uint8] | None:
        """Return what edits do to each pixel, if channels are not apart."""
        scored = self._state.scored
        if scored is None or not isinstance(scored.masks, EditedRanking) or self._is_apart:
            return None
        name = mapped_tensor(scored)
        if not name or self._shows_inputs:
            return None
        state_OI = scored.masks.get_states(scored.layout[name])
        if self.unit_shown is not None:
            state_OI = state_OI[self.unit_shown : self.unit_shown + 1]
        return edited_pixels(state_OI, scored.model.input_map, scored.architecture.input_shape)

    def targets_at(self, row: int, column: int) -> Sequence[Target]:
        """Return the pixel under the pointer, and dead pixels."""
        scored = self._state.scored
        if scored is None or self._fractions is None or self._shows_inputs:
            return ()
        _, _, columns = self._fractions.shape
        return pixel_targets(scored, row, min(column % (columns + 1), columns - 1), self.unit_shown)

    def painted_edit(self, chosen_HW: NDArray[np.bool_]) -> Edit | None:
        """Return the edit that keeps painted pixels, or their connections to the chosen unit."""
        scored = self._state.scored
        if scored is None or self._fractions is None or self._shows_inputs:
            return None
        channels, rows, columns = self._fractions.shape
        if self._is_apart:
            apart = np.pad(chosen_HW, ((0, 0), (0, 1))).reshape(rows, channels, columns + 1)
            chosen_HW = np.asarray(apart[:, :, :columns].any(axis=1))
        if self.unit_shown is None:
            return painted_pixels(chosen_HW)
        return painted_inputs(scored, chosen_HW, self.unit_shown)

    def _draw_inputs(self, why: str) -> None:
        """Draw the input sensitivity of the whole network and, to its right, of the pruned one."""
        made = self._inputs.made
        if made is None:
            self._fractions = None
            self.say(f"{why}\n\nComputing the input sensitivity…".strip())
            return
        self._fractions = np.stack([made.whole_HW, made.pruned_HW]).astype(np.float64)
        picture = map_picture(self._fractions, "own-maximum", apart=True)
        picture = replace(picture, label="|x dL/dx|", is_share=False)
        self.plot.show_picture(picture, make_colour_table(picture, self.themes.colours))
        self.plot.show_marks(())
        self.plot.show_edits(None)
        self.show_plot()
        self._draw_companion()

    def _draw_marks(self) -> None:
        pixel = self._pixel()
        if pixel is None or self._fractions is None:
            self.plot.show_marks(())
            return
        channels, _, columns = self._fractions.shape
        across = range(channels if self._is_apart else 1)
        self.plot.show_marks(
            [(pixel[0], channel * (columns + 1) + pixel[1], 1, 1) for channel in across]
        )

    def _pixel(self) -> tuple[int, int] | None:
        """Return the selected pixel, or the pixel of the selected input of the mapped layer."""
        scored, selection = self._state.scored, self._state.selection
        if scored is None or selection.tensor != mapped_tensor(scored):
            return None
        if selection.pixel is not None or selection.source is None:
            return selection.pixel
        shape = scored.architecture.input_shape
        return find_pixel(scored.model.input_map, shape, selection.source)

    def _draw_companion(self) -> None:
        """Draw the mean of the minibatch with the map, if so chosen."""
        where, mean_CHW = self.companion.currentData(), self._pictures.mean_CHW
        if where == "none" or self._is_apart or self._shows_inputs or self.plot.picture is None:
            mean_CHW = None
        shown = (where, id(mean_CHW), self.plot.picture is None)
        if shown == self._companion:
            return
        self._companion = shown
        image = None
        if mean_CHW is not None:
            image = np.ascontiguousarray(
                mean_CHW[0] if len(mean_CHW) == 1 else mean_CHW.transpose(1, 2, 0)
            )
        self.plot.show_companion(image, beside=where == "beside")

    @Slot(int, int)
    def on_hovered(self, row: int, column: int) -> None:
        """Show the readout of a pixel."""
        if self._fractions is None:
            return
        _, _, columns = self._fractions.shape
        channel, column = divmod(column, columns + 1)
        if column == columns:  # between two channels
            self.readout.emit("")
            return
        if self._shows_inputs:
            value, of = self._fractions[channel, row, column], ("whole", "pruned")[channel]
            text = f"pixel at row {row}, column {column}: |x dL/dx| {value:.3g}, {of} network"
            self.readout.emit(text)
            return
        part = self._fractions[channel] if self._is_apart else self._fractions.mean(axis=0)
        unit = self.unit_shown
        of = "its connections" if unit is None else f"its connections to unit {unit}"
        where = f"channel {channel}, row" if self._is_apart else "row"
        share = f"{part[row, column]:.2%} of {of} kept"
        self.readout.emit(f"pixel at {where} {row}, column {column}: {share}")

    @Slot(int, int)
    def on_clicked(self, row: int, column: int) -> None:
        """Select the pixel under the pointer."""
        if self._fractions is not None and not self._shows_inputs:
            _, _, columns = self._fractions.shape
            self._selector.select_pixel(row, min(column % (columns + 1), columns - 1))

    def hint(self) -> str:
        """Return a description of the picture."""
        scored = self._state.scored
        if scored is None:
            return ""
        if self._shows_inputs:
            busy = "" if self._inputs.is_current else "; computing…"
            return (
                "|x dL/dx| averaged over the minibatch: whole network (left) and pruned (right)"
                f"{busy}"
            )
        what = {
            "positions": "the connections fed by the pixel's receptive fields",
            "columns": "the connections from the pixel's column",
        }.get(scored.model.input_map, "the connections from the pixel")
        to = "" if self.unit_shown is None else f" to unit {self.unit_shown}"
        under = "; grey underneath: mean of the minibatch" if self._is_under else ""
        bright = "Colour" if self._is_under else "Brightness"
        return f"{bright}: fraction kept of {what}{to}{under}"
