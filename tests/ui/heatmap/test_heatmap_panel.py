"""The pictures and the slider for masks of every kind."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel

from snip_gui.core.comparing.comparison import Mask, compare
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.views.weight_canvas import NO_SCORES
from snip_gui.core.views.weight_values import NOT_NESTED
from tests.core.sources import Units, Unnested

WAIT_MS = 60_000
LOOKS = ("mask", "kept-sensitivity", "sensitivity", "weight", "gradient", "leaves")


@pytest.fixture
def show(started, qtbot):
    """Puts masks of another source on screen, as if the method had made them."""
    controller, state = started.controller, started.controller.state

    def do(make):
        scored = dataclasses.replace(state.scored, masks=make(state.scored.layout))
        controller.set_field("seed", 1)  # of which no scores are known that would be recalled
        state.set_scored(dataclasses.replace(scored, recipe=state.recipe))
        started.window.heatmap.show_both.click()
        started.window.heatmap.select_layer("fc2")
        with qtbot.waitSignal(state.sparsity_settled, timeout=WAIT_MS):
            controller.set_sparsity(0.8)
        return started

    return do


def signed(layout):
    score_M = np.random.default_rng(0).normal(size=layout.num_parameters).astype(np.float32)
    return rank_scores(score_M, layout)


@pytest.mark.parametrize("make", [Unnested, Units, signed])
def test_pictures_and_counts_follow_the_slider(show, make, qtbot):
    application = show(make)
    window, state = application.window, application.controller.state
    masks, page = state.scored.masks, window.heatmap.weights
    for sparsity in (0.5, 0.9, 0.97):
        with qtbot.waitSignal(state.sparsity_settled, timeout=WAIT_MS):
            application.controller.set_sparsity(sparsity)
        kept = masks.mask_at(state.num_kept)
        assert sum(row.kept for row in state.layer_rows()) == state.num_kept
        picture = page.plot.picture
        assert (picture.index_HW == 255).sum() == kept["fc2.weight"].sum()
        assert window.heatmap.control.kept.value() == state.num_kept


def test_a_number_that_cannot_be_kept_snaps_to_the_nearest_and_is_said(show):
    application = show(Units)
    controller, state = application.controller, application.controller.state
    control, masks = application.window.heatmap.control, state.scored.masks
    note = control.findChild(QLabel, "mask_note")
    exact = masks.nearest(50_000)
    controller.set_num_kept(exact)
    assert state.num_kept == exact
    assert not note.isVisibleTo(control)
    controller.set_num_kept(exact + 1)
    assert state.num_kept == exact == control.kept.value()
    assert note.isVisibleTo(control)
    assert f"{exact + 1:,}" in note.text()
    assert f"{exact:,}" in note.text()


@pytest.mark.parametrize("make", [Unnested, signed])
def test_every_colouring_is_drawn_or_says_why_not(show, make):
    window = show(make).window
    page = window.heatmap.weights
    for look in LOOKS:
        page.colours.setCurrentIndex(page.colours.findData(look))
        page.colours.activated.emit(page.colours.currentIndex())
        texts = {label.text() for label in page.findChildren(QLabel) if label.isVisible()}
        if make is signed or look in ("mask", "weight", "gradient"):
            assert page.plot.isVisible(), look
        else:
            assert (NOT_NESTED if look == "leaves" else NO_SCORES) in texts


def test_without_a_ranking_the_histogram_says_so(show):
    application = show(Unnested)
    panel = application.window.sensitivity
    assert panel.findChild(QLabel, "sensitivity_text").text() == NO_SCORES
    assert not panel.line.isVisible()


def test_the_threshold_of_signed_scores_is_dragged_on_a_plain_axis(show):
    application = show(signed)
    panel, state = application.window.sensitivity, application.controller.state
    ranking = state.scored.ranking
    assert panel.line.value() == pytest.approx(ranking.threshold_at(state.num_kept))
    panel.line.setValue(-0.5)
    panel.line.sigDragged.emit(panel.line)
    assert state.num_kept == int((ranking.score_M >= -0.5).sum())


def test_two_kinds_of_masks_are_compared(show, qtbot):
    application = show(Unnested)
    controller, state = application.controller, application.controller.state
    pin = controller.pins.pin_screen()
    assert pin.mask.num_kept == num_kept_at(0.8, state.num_parameters)
    controller.set_sparsity(0.5)
    application.window.actions_by_name["show_compare"].trigger()
    panel = application.window.comparing.page.content
    expected = compare(controller.pins.get_mask(pin.number), Mask(state.scored, state.num_kept))
    text = panel.findChild(QLabel, "compare_summary").text()
    assert f"{expected.whole.both:,}" in text


def test_input_sensitivity_of_the_whole_and_the_pruned_network(started, qtbot):
    page, state = started.window.heatmap.map, started.controller.state
    page.quantity.setCurrentIndex(page.quantity.findData("inputs"))
    inputs = started.controller.inputs
    qtbot.waitUntil(lambda: inputs.is_current, timeout=60_000)
    assert page.plot.picture.label == "|x dL/dx|"
    assert page.plot.picture.index_HW.shape == (28, 2 * 28 + 1)
    made = inputs.made
    assert (made.whole_HW != made.pruned_HW).any()
    started.controller.set_sparsity(0)
    qtbot.waitUntil(lambda: inputs.made.num_kept == state.num_kept, timeout=60_000)
    assert (inputs.made.whole_HW == inputs.made.pruned_HW).all()
    page.on_hovered(10, 30)
    assert "pruned network" in started.window.findChild(QLabel, "heatmap_readout").text()
    page.quantity.setCurrentIndex(page.quantity.findData("kept"))
    assert page.plot.picture.label == "fraction kept"


def test_pictures_side_by_side_begin_at_the_same_height(started, qtbot):
    heatmap = started.window.heatmap
    heatmap.show_both.click()

    def tops():
        return {page.plot.mapTo(heatmap, QPoint(0, 0)).y() for page in heatmap._pages()}

    assert heatmap.splitter.orientation() == Qt.Orientation.Horizontal
    qtbot.waitUntil(lambda: len(tops()) == 1)
    heatmap.splitter.setSizes([300, 900])  # too narrow for one line of controls
    heatmap.splitter.splitterMoved.emit(300, 1)
    qtbot.waitUntil(lambda: len(tops()) == 1)
    heatmap.show_map.click()
    qtbot.waitUntil(lambda: heatmap.map.bar.minimumHeight() == 0)
