"""What the slider plays is saved in the background."""

from __future__ import annotations

import pytest
from PIL import Image

from snip_gui.core.recipe.recipe import Draw, Recipe
from snip_gui.core.reports.animation import AnimatedView
from snip_gui.ui.widgets.sparsity_control import played_sparsities
from tests.qt_fixtures import WAIT_MS


@pytest.fixture
def controller(make_controller, qtbot):
    made = make_controller(Recipe(minibatch=Draw(size=20)))
    made.start()
    qtbot.waitUntil(lambda: made.state.scored is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not made.is_busy(), timeout=WAIT_MS)
    return made


def test_an_animation_is_saved_without_moving_the_slider(controller, qtbot, tmp_path):
    before = controller.state.recipe
    sparsities = played_sparsities(266_610, 5)
    assert sparsities[0] == 0
    assert sparsities[-1] == 1 - 1 / 266_610
    with qtbot.waitSignal(controller.animator.saved, timeout=WAIT_MS):
        controller.animator.save(AnimatedView(), sparsities, tmp_path / "x.gif")
    with Image.open(tmp_path / "x.gif") as image:
        assert image.n_frames == 5
    assert controller.state.recipe == before


def test_a_place_that_cannot_be_written_is_reported(controller, qtbot, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    controller.animator.save(AnimatedView(), (0.0, 0.5), tmp_path / "file" / "x.gif")
    qtbot.waitUntil(lambda: controller.state.status.problem is not None, timeout=WAIT_MS)
    assert "cannot be written" in controller.state.status.problem.message


def test_cancelling_stops_it(controller, qtbot, tmp_path):
    controller.animator.save(AnimatedView(), (0.5,) * 5000, tmp_path / "x.gif")
    qtbot.waitUntil(lambda: controller.state.status.activity is not None, timeout=WAIT_MS)
    controller.cancel()
    qtbot.waitUntil(lambda: not controller.is_busy(), timeout=WAIT_MS)
    assert not list(tmp_path.glob("x*"))
