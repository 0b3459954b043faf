"""File > Save animation… saves the visible picture."""

from __future__ import annotations

import pytest
from PIL import Image
from PySide6.QtWidgets import QFileDialog

from tests.qt_fixtures import WAIT_MS


@pytest.mark.parametrize(
    ("name", "chosen", "written"),
    [
        ("a", "Animated PNG (*.png)", "a.png"),
        ("a.gif", "Animated PNG (*.png)", "a.gif"),
        ("a", "", "a.gif"),
    ],
)
def test_the_visible_picture_is_saved(started, qtbot, tmp_path, monkeypatch, name, chosen, written):
    monkeypatch.setattr("snip_gui.ui.window.view_commands._FRAMES", 3)
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_args: (str(tmp_path / name), chosen)
    )
    window = started.window
    with qtbot.waitSignal(started.controller.animator.saved, timeout=WAIT_MS):
        window.actions_by_name["save_animation"].trigger()
    with Image.open(tmp_path / written) as image:
        assert image.n_frames == 3
    window.heatmap.select_layer("fc2")
    assert window.heatmap.animated_view().tensor == "fc2.weight"


def test_nothing_is_saved_if_the_dialog_is_cancelled(started, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: ("", ""))
    started.window.actions_by_name["save_animation"].trigger()
    assert not started.host.is_busy("animation")
