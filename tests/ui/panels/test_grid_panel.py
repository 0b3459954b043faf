"""The grid of input maps, as a person uses it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QLabel, QLineEdit, QPushButton

from snip_gui.core.recipe.methods import SignedGradient
from snip_gui.core.recipe.recipe import Draw
from tests.qt_fixtures import WAIT_MS


def child(window, kind, name):
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


@pytest.fixture
def panel(started):
    started.window.actions_by_name["show_grid"].trigger()
    return started.window.lazy.grid


@pytest.fixture
def grid(started):
    return started.controller.grid


def compute(panel, grid, qtbot):
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not grid.is_running, timeout=WAIT_MS)


def test_an_empty_grid_says_what_to_do(panel):
    assert child(panel, QLabel, "grid_empty").isVisible()
    assert not panel.export.isEnabled()


def test_classes_and_sparsities_at_a_click(panel, grid, started, qtbot):
    state = started.controller.state
    before = state.scored
    child(panel, QLineEdit, "grid_sparsities").setText("90, 50 99")
    compute(panel, grid, qtbot)
    assert panel.view.isVisible()
    assert sorted(grid.columns) == list(range(10))
    assert grid.spec.sparsities == (0.5, 0.9, 0.99)
    assert state.scored is before  # what is on screen is left alone
    assert grid.current_tile() == (1, 8)
    readout = child(panel, QLabel, "grid_readout")
    qtbot.mouseMove(panel.view, panel.view.tile_rect(1, 3).center())
    assert readout.text().startswith("3 at 90%: fc1 ")
    # A click takes the tile; undo brings the eights back.
    place = panel.view.tile_rect(2, 3).center()
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=place)
    assert state.recipe.minibatch == Draw(classes=("3",), size=100)
    assert state.recipe.pruning.sparsity == 0.99
    assert state.is_stale
    started.controller.undo_stack.undo()
    assert state.recipe.minibatch == Draw(classes=(8,), size=100)
    assert grid.current_tile() == (1, 8)


def test_tiles_are_reached_by_keys(panel, grid, started, qtbot):
    child(panel, QLineEdit, "grid_sparsities").setText("90 95")
    compute(panel, grid, qtbot)
    panel.view.setFocus()
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Return):
        qtbot.keyClick(panel.view, key)
    recipe = started.controller.state.recipe
    assert recipe.minibatch.classes == ("7",)
    assert recipe.pruning.sparsity == 0.95


def test_methods_make_columns_too(panel, grid, started, qtbot):
    panel.kind.setCurrentIndex(panel.kind.findData("methods"))
    compute(panel, grid, qtbot)
    column = next(
        number
        for number, one in enumerate(grid.spec.variants)
        if isinstance(one.recipe.pruning, SignedGradient)
    )
    place = panel.view.tile_rect(0, column).center()
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=place)
    assert isinstance(started.controller.state.recipe.pruning, SignedGradient)


def test_a_bad_sparsity_is_reported_and_the_grid_before_stays(panel, grid, started, qtbot):
    compute(panel, grid, qtbot)
    spec = grid.spec
    for text in ("", "100", "many"):
        child(panel, QLineEdit, "grid_sparsities").setText(text)
        qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
        assert "at least one sparsity" in started.controller.state.status.problem.message
        assert grid.spec is spec
        assert not grid.is_running


def test_a_grid_can_be_stopped(panel, grid, qtbot):
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    assert panel.start.text() == "Stop"
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not grid.is_running, timeout=WAIT_MS)
    assert len(grid.columns) < 10
    assert panel.start.text() == "Compute"


def test_a_network_without_a_map_is_reported(panel, grid, started, qtbot):
    started.controller.set_field("model.name", "alexnet-s")
    compute(panel, grid, qtbot)
    assert "no input map" in started.controller.state.status.problem.message
    assert grid.columns == {}


def test_a_grid_is_exported_with_the_chosen_ending(panel, grid, qtbot, tmp_path, monkeypatch):
    child(panel, QLineEdit, "grid_sparsities").setText("90")
    compute(panel, grid, qtbot)
    for name, chosen, made in (
        ("a.png", "Picture (*.png)", "a.png"),
        ("b", "NumPy arrays (*.npz)", "b.npz"),
        ("c.csv", "", "c.csv"),
    ):
        monkeypatch.setattr(
            QFileDialog, "getSaveFileName", lambda *_, n=name, c=chosen: (str(tmp_path / n), c)
        )
        child(panel, QPushButton, "grid_export").click()
        assert (tmp_path / made).stat().st_size > 100


def test_outside_the_tiles_nothing_is_taken(panel, grid, started, qtbot):
    compute(panel, grid, qtbot)
    before = started.controller.state.recipe
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert started.controller.state.recipe == before
