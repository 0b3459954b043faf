"""The main job end to end, in the window and without one."""

from __future__ import annotations

import shlex
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QGuiApplication
from safetensors.numpy import load_file

pytestmark = pytest.mark.slow

WAIT_MS = 120_000


def command(words, **keywords):
    return subprocess.run(
        [sys.executable, "-m", "snip_gui", *words], capture_output=True, text=True, **keywords
    )


def trained(started, qtbot):
    started.window.actions_by_name["train"].trigger()
    started.window.classes.second.click()
    state = started.controller.state
    qtbot.waitUntil(lambda: state.training.phase == "finished", timeout=WAIT_MS)
    return state.training.folder


def test_window_and_command_line_give_the_same_masks_bit_for_bit(started, qtbot, tmp_path):
    controller = started.controller
    controller.set_sparsity(0.98)
    controller.set_field("training.epochs", 2)
    folder = trained(started, qtbot)
    started.window.actions_by_name["copy_command"].trigger()
    words = shlex.split(QGuiApplication.clipboard().text())[1:]
    other = tmp_path / "by-command"
    done = command([*words, "--out", str(other)])
    assert done.returncode == 0, done.stderr
    assert "5,332 of 266,610" in done.stdout
    for name in ("init", "batch", "scores", "masks", "checkpoint"):
        first, second = (load_file(f / f"{name}.safetensors") for f in (folder, other))
        assert first.keys() == second.keys()
        for key in first:
            np.testing.assert_array_equal(first[key], second[key], err_msg=f"{name} {key}")
    shown = controller.state.scored.ranking.mask_at(5_332)
    for key, mask in load_file(folder / "masks.safetensors").items():
        np.testing.assert_array_equal(mask.astype(bool), shown[key])


def test_a_picked_minibatch_gives_the_same_masks_from_its_recipe(started, qtbot, tmp_path):
    controller = started.controller
    controller.minibatch.take_per_class(3)
    controller.set_field("training.epochs", 1)
    recipe = tmp_path / "picked.json"
    controller.recipes.save(recipe)
    folder = trained(started, qtbot)
    other = tmp_path / "by-command"
    words = ["run", "--recipe", str(recipe), "--device", "cpu", "--threads", "1"]
    done = command([*words, "--out", str(other), "--stop-after", "prune"])
    assert done.returncode == 0, done.stderr
    first, second = (load_file(f / "masks.safetensors") for f in (folder, other))
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


def test_the_command_without_arguments_does_the_main_job(tmp_path, monkeypatch):
    monkeypatch.setenv("SNIP_GUI_RUNS", str(tmp_path / "runs"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    done = command(["run"])
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert {path.name for path in folder.iterdir()} == {
        "recipe.json", "summary.json", "metrics.csv", "init.safetensors", "batch.safetensors",
        "scores.safetensors", "masks.safetensors", "checkpoint.safetensors", "input_map.png",
        "layers.png", "curves.png",
    }  # fmt: skip
    for picture in folder.glob("*.png"):
        with Image.open(picture) as image:
            assert image.size[0] > 300
            assert len(image.convert("L").getcolors()) > 3


@pytest.mark.mnist
def test_a_run_on_mnist_is_complete(mnist_folder, tmp_path):
    folder = tmp_path / "mnist"
    words = [
        "run", "--model", "lenet-5-caffe", "--dataset", "mnist", "--data-dir", str(mnist_folder),
        "--sparsity", "0.98", "--epochs", "1", "--batch-size", "600", "--out", str(folder),
    ]  # fmt: skip
    done = command(words)
    assert done.returncode == 0, done.stderr
    assert "8,622 of 431,080" in done.stdout
    assert (folder / "input_map.png").exists()
    masks = load_file(folder / "masks.safetensors")
    assert sum(int(mask.sum()) for mask in masks.values()) == 8_622


def test_no_display_is_one_sentence_that_names_the_way_out(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    done = command([])
    assert done.returncode == 1
    assert "snip-gui run" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_display_that_does_not_answer_is_reported_too(monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("DISPLAY", ":987")
    done = command([])
    assert done.returncode == 1
    assert "snip-gui run" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_program_starts_and_quits_cleanly(tmp_path, monkeypatch):
    """The real entry point, its event loop included."""
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    code = (
        "import sys, threading\n"
        "from PySide6.QtCore import QTimer\n"
        "from PySide6.QtWidgets import QApplication\n"
        "import snip_gui.session.controller as c\n"
        "start = c.Controller.start\n"
        "def quit_when_scored(self):\n"
        "    self.state.scored_changed.connect(QApplication.instance().closeAllWindows)\n"
        "    start(self)\n"
        "c.Controller.start = quit_when_scored\n"
        "from snip_gui.app import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "snip-gui" / "session.json").exists()
