"""What the exporter knows, and what comes of its intents, on real lanes."""

from __future__ import annotations

import pytest
import torch

from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, Recipe, Training

WAIT_MS = 60_000
RECIPE = Recipe(
    minibatch=Draw(classes=(8,), size=20), training=Training(epochs=1), pruning=Snip(sparsity=0.98)
)


@pytest.fixture
def controller(make_controller, qtbot):
    controller = make_controller(RECIPE)
    controller.start()
    wait(qtbot, lambda: controller.state.scored is not None)
    wait(qtbot, lambda: not controller.is_busy())
    return controller


@pytest.fixture
def exporter(controller):
    return controller.exporter


def wait(qtbot, condition):
    qtbot.waitUntil(condition, timeout=WAIT_MS)


def test_what_is_on_screen_is_saved_as_a_run_and_measured(exporter, qtbot):
    exporter.choose()
    assert exporter.folder is None
    assert exporter.is_measuring
    wait(qtbot, lambda: exporter.folder is not None and not exporter.is_measuring)
    assert exporter.formats.keys() == set(FORMATS.names)
    assert not any(measured.refused for measured in exporter.formats.values())
    onnx = {"onnx", "shrunk-onnx", "int8-onnx", "shrunk-int8-onnx"}
    assert exporter.speeds.keys() == {"dense", "masked", "shrunk"} | onnx
    dense, shrunk = exporter.speeds["dense"], exporter.speeds["shrunk"]
    assert dense.multiply_accumulates == 266_200
    assert shrunk.multiply_accumulates < 0.5 * dense.multiply_accumulates
    for speed in exporter.speeds.values():
        for times in (speed.one, speed.batch):
            assert 0 < times.lower_ms <= times.median_ms <= times.upper_ms
        assert speed.batch_size == 64
    stored = {name: measured.num_stored for name, measured in exporter.formats.items()}
    assert stored["pt"] == 266_610
    assert stored["packed"] == 5_332
    assert stored["shrunk"] < 0.5 * stored["pt"]


def test_the_sizes_are_those_of_the_files_to_the_byte(exporter, qtbot, tmp_path):
    exporter.choose()
    wait(qtbot, lambda: exporter.folder is not None and not exporter.is_measuring)
    wanted = [(f.name, tmp_path / f"net{f.suffix}") for f in FORMATS if f.precision == "float32"]
    exporter.export(wanted)
    assert exporter.is_exporting
    wait(qtbot, lambda: not exporter.is_exporting)
    assert [(done.format_name, done.path) for done in exporter.done] == wanted
    for done in exporter.done:
        assert done.size_bytes == done.path.stat().st_size
        assert done.size_bytes == exporter.formats[done.format_name].size_bytes
    assert exporter.problem is None
    notices = exporter._state.notices.all
    assert any("is untrained" in notice.text for notice in notices)


def test_a_trained_run_becomes_the_current_one(controller, exporter, qtbot, tmp_path):
    controller.train()
    wait(qtbot, lambda: controller.state.training.summary is not None)
    wait(qtbot, lambda: not controller.is_busy())
    exporter.choose()
    assert exporter.folder == controller.state.training.folder
    exporter.export([("pt", tmp_path / "net.pt")])
    wait(qtbot, lambda: bool(exporter.done))
    state = torch.load(tmp_path / "net.pt", weights_only=True)
    assert sum(int((v != 0).sum()) for v in state.values()) <= 5_332


def test_an_export_that_fails_is_reported_and_nothing_else_suffers(exporter, qtbot, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    exporter.choose()
    wait(qtbot, lambda: exporter.folder is not None)
    exporter.export([("pt", blocked / "pruned.pt")])
    wait(qtbot, lambda: exporter.problem is not None)
    assert "pruned.pt" in exporter.problem.message
    assert not exporter._state.is_stale


def test_a_cancelled_export_leaves_the_old_file(exporter, qtbot, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"the old one")
    exporter.choose()
    wait(qtbot, lambda: exporter.folder is not None and not exporter.is_measuring)
    exporter.export([("onnx", path)])
    exporter.cancel()
    wait(qtbot, lambda: not exporter.is_exporting)
    assert "Stopped" in exporter.problem.message
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.glob("*net*")) == [path]
