from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QSpinBox

from snip_gui.core.recipe.fields import all_fields, field
from snip_gui.core.views.picture import Picture, colour_table
from snip_gui.ui.theme.theme import load_colours, style_sheet
from snip_gui.ui.widgets.field_form import FieldForm
from snip_gui.ui.widgets.pictures.array_image import to_qimage
from snip_gui.ui.widgets.pictures.image_grid import ImageGrid
from snip_gui.ui.widgets.pictures.picture_plot import PicturePlot
from snip_gui.ui.widgets.sparsity_control import SparsityControl, sparsity_at, to_position


@pytest.mark.parametrize("total", [266_610, 431_080, 15_245_130])
def test_the_slider_runs_from_dense_to_one_connection_and_never_back(total):
    sparsities = [sparsity_at(position, total) for position in range(2001)]
    kept = [round(total * (1 - s)) for s in sparsities]
    assert kept[0] == total
    assert kept[-1] == 1
    assert all(a >= b for a, b in itertools.pairwise(kept))


@pytest.mark.parametrize("sparsity", [0, 0.123, 0.5, 0.9, 0.95, 0.98, 0.99, 0.999])
def test_a_position_leads_back_to_its_sparsity(sparsity):
    position = to_position(sparsity, 266_610)
    kept = 1 - sparsity_at(position, 266_610)
    assert kept == pytest.approx(1 - sparsity, rel=0.02, abs=0.001)


def test_the_control_emits_what_is_asked_and_not_what_it_is_given(qtbot):
    control = SparsityControl()
    qtbot.addWidget(control)
    with (
        qtbot.assertNotEmitted(control.sparsity_asked),
        qtbot.assertNotEmitted(control.num_kept_asked),
    ):
        control.show_values(0.98, 5_332, 266_610)
    assert control.percent.value() == 98
    assert control.kept.value() == 5_332
    assert "50 times fewer" in control.slider.toolTip()
    with qtbot.waitSignal(control.sparsity_asked):
        qtbot.keyClick(control.slider, Qt.Key.Key_Left)


def test_a_form_has_a_named_explained_editor_for_every_field(qtbot):
    form = FieldForm(all_fields())
    qtbot.addWidget(form)
    for one in all_fields():
        editor = form.editor(one.path)
        assert editor.objectName() == one.object_name
        assert editor.accessibleName() == one.label
        assert one.help in editor.toolTip()


def test_a_form_emits_edits_and_shows_values_in_silence(qtbot):
    form = FieldForm((field("training.epochs"), field("training.momentum"), field("model.init")))
    qtbot.addWidget(form)
    epochs, momentum = form.editor("training.epochs"), form.editor("training.momentum")
    assert isinstance(epochs, QSpinBox)
    assert isinstance(momentum, QDoubleSpinBox)
    assert (epochs.minimum(), epochs.maximum()) == (1, 100_000)
    assert momentum.maximum() == pytest.approx(0.999)
    with qtbot.assertNotEmitted(form.edited):
        form.show_values({"training.epochs": 12, "training.momentum": 0.5, "model.init": "he"})
    assert form.editor("model.init").currentData() == "he"
    with qtbot.waitSignal(form.edited) as edited:
        epochs.stepUp()
    assert edited.args == ["training.epochs", 13]


def test_a_form_hides_fields_that_the_recipe_has_not(qtbot):
    form = FieldForm((field("pruning.scoring_mode"), field("seed")))
    qtbot.addWidget(form)
    form.show()
    form.show_values({"seed": 3})
    assert not form.editor("pruning.scoring_mode").isVisible()
    assert form.editor("seed").isVisible()


def test_excluded_layers_are_ticked_in_a_menu(qtbot):
    form = FieldForm((field("pruning.exclude"),))
    qtbot.addWidget(form)
    button = form.editor("pruning.exclude")
    form.set_choices("pruning.exclude", [(name, name) for name in "abcd"])
    form.show_values({"pruning.exclude": ("b",)})
    assert button.text() == "b"
    with qtbot.waitSignal(form.edited) as edited:
        button.menu().actions()[0].trigger()
    assert edited.args == ["pruning.exclude", ("a", "b")]
    assert button.text() == "a, b"
    form.show_values({"pruning.exclude": ("a", "b", "d")})
    assert button.text() == "3 layers"
    form.set_choices("pruning.exclude", [("c", "c")])
    assert button.text() == "none"
    assert [action.text() for action in button.menu().actions()] == ["c"]


def test_numbers_in_a_line_are_parsed(qtbot):
    form = FieldForm((field("training.decay_at"),))
    qtbot.addWidget(form)
    line = form.editor("training.decay_at")
    line.setText("0.25, 0.5 0.9")
    with qtbot.waitSignal(form.edited) as edited:
        line.editingFinished.emit()
    assert edited.args == ["training.decay_at", (0.25, 0.5, 0.9)]


def test_choices_keep_what_was_chosen(qtbot):
    form = FieldForm((field("model.name"),))
    qtbot.addWidget(form)
    form.set_choices("model.name", [("a", "A"), ("b", "B")])
    form.show_values({"model.name": "b"})
    form.set_choices("model.name", [("b", "B"), ("c", "C")])
    combo = form.editor("model.name")
    assert isinstance(combo, QComboBox)
    assert combo.currentData() == "b"


def test_a_grid_of_sixty_thousand_reads_only_what_it_draws(qtbot):
    read = []

    def picture(number):
        read.append(number)
        return np.zeros((1, 28, 28), np.uint8)

    grid = ImageGrid(56)
    qtbot.addWidget(grid)
    grid.resize(600, 400)
    grid.images.set_images(picture, str)
    grid.images.show_indices(np.arange(60_000))
    grid.show()
    qtbot.waitExposed(grid)
    grid.grab()
    grid.scrollToBottom()
    grid.grab()
    assert grid.model().rowCount() == 60_000
    assert 0 < len(read) < 1_000


def test_images_of_one_and_three_channels(qapp):
    grey = to_qimage(np.full((1, 5, 7), 200, np.uint8))
    assert (grey.width(), grey.height(), grey.pixelColor(6, 4).red()) == (7, 5, 200)
    colour = to_qimage(np.stack([np.full((3, 5), value, np.uint8) for value in (10, 20, 30)]))
    assert colour.pixelColor(4, 2).getRgb()[:3] == (10, 20, 30)


def test_a_zoomed_picture_stays_zoomed_while_its_shape_stays(qtbot):
    plot = PicturePlot()
    qtbot.addWidget(plot)
    plot.resize(400, 300)
    plot.show()
    table = colour_table("viridis")
    plot.show_picture(Picture(np.ones((50, 60), np.uint8), 0, 1, "x"), table)
    plot.view_box.setRange(xRange=(10, 20), yRange=(10, 20))
    zoomed = plot.view_box.viewRange()
    plot.show_picture(Picture(np.full((50, 60), 9, np.uint8), 0, 1, "x"), table)
    assert plot.view_box.viewRange() == zoomed
    plot.show_picture(Picture(np.ones((5, 6), np.uint8), 0, 1, "x"), table)
    assert plot.view_box.viewRange() != zoomed
    plot.reset_view()
    assert plot.view_box.viewRange()[0][1] >= 6


@pytest.mark.parametrize("name", ["light", "dark"])
def test_a_theme_is_legible_and_fills_the_style(name, qapp):
    colours = load_colours(name)
    sheet = style_sheet(name, colours)
    assert "{text}" not in sheet
    for ink, back in (
        ("text", "window"), ("text", "base"), ("muted", "window"), ("muted", "plot"),
        ("warning", "warning_back"), ("error", "error_back"), ("notice", "notice_back"),
        ("accent_text", "accent"),
    ):  # fmt: skip
        assert contrast(colours.rgb(ink), colours.rgb(back)) >= 4.5, (ink, back)
    assert contrast(colours.rgb("kept"), colours.rgb("removed")) >= 2.5


def contrast(first, second):
    """Contrast ratio of the Web Content Accessibility Guidelines."""

    def luminance(rgb):
        parts = [v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in rgb]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_no_reference_of_none_or_true_is_lost(qtbot):
    """PySide6 6.12 on Python below 3.12 drops one at every call and ends the process."""
    import sys

    from PySide6.QtCore import QObject, Signal
    from PySide6.QtWidgets import QLabel

    class Sender(QObject):
        sent = Signal(object)

    sender, label = Sender(), QLabel()
    qtbot.addWidget(label)
    before = sys.getrefcount(None), sys.getrefcount(True)
    for _ in range(3000):
        sender.sent.emit(None)
        label.setText("x")
    after = sys.getrefcount(None), sys.getrefcount(True)
    assert abs(after[0] - before[0]) < 500
    assert abs(after[1] - before[1]) < 500


def test_a_published_sparsity_is_one_click_away(qtbot):
    control = SparsityControl()
    qtbot.addWidget(control)
    control.show_presets((0.9, 0.95, 0.98))
    actions = control.presets.menu().actions()
    assert [action.text() for action in actions] == ["90%", "95%", "98%"]
    with qtbot.waitSignal(control.sparsity_asked) as asked:
        actions[2].trigger()
    assert asked.args == [0.98]


def test_the_colour_bar_follows_the_theme(qtbot):
    plot = PicturePlot()
    qtbot.addWidget(plot)
    picture = Picture(np.ones((5, 5), np.uint8), 0, 1, "kept", "mask")
    for kept in ((10, 20, 30), (200, 210, 220)):
        plot.show_picture(picture, colour_table("mask", kept=kept))
        assert plot.colour_bar._gradient.pixelColor(0, 0).getRgb()[:3] == kept


def test_a_canvas_is_reduced_as_far_as_it_is_zoomed_out(qtbot):
    plot = PicturePlot()
    qtbot.addWidget(plot)
    plot.resize(500, 400)
    plot.show()
    qtbot.waitExposed(plot)
    picture = Picture(np.ones((250, 300), np.uint8), 0, 1, "kept", "mask")
    table = np.zeros((256, 3), np.uint8)
    plot.show_picture(picture, table, (2000, 2400), (8, 8))
    assert plot.reduction == 8
    seen, zooms = [], []
    plot.hovered.connect(lambda row, column: seen.append((row, column)))
    plot.zoomed.connect(lambda: zooms.append(plot.reduction))
    plot.view_box.setRange(QRectF(0, 0, 300, 240), padding=0)
    assert plot.reduction == 1
    assert zooms[-1] == 1
    plot.show_picture(picture, table, (2000, 2400), (8, 8))
    assert plot.reduction == 1  # the view is kept
    # Places are told in canvas pixels, whatever the blocks.
    plot._on_moved(plot.view_box.mapViewToScene(QPointF(1234.5, 67.5)))
    assert seen == [(67, 1234)]
    plot.reset_view()
    assert zooms[-1] == 8
