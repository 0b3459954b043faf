"""A training whose program is killed is never lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

from snip_gui.core.runs import folder as files
from snip_gui.core.runs.lease import RUNNING
from snip_gui.core.runs.listing import list_runs

pytestmark = pytest.mark.slow

WAIT_MS = 60_000


def state_in(folder):
    entries = list(list_runs(folder))
    return entries[0].state if entries else ""


def test_a_killed_training_is_offered_and_resumes(application, qtbot, tmp_path):
    folder = tmp_path / "runs" / "killed"
    command = [
        sys.executable, "-m", "snip_gui", "run", "--minibatch-size", "20", "--epochs", "400",
        "--device", "cpu", "--threads", "1", "--out", str(folder),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        qtbot.waitUntil(lambda: len(files.read_metrics(folder)) > 100, timeout=WAIT_MS)
        assert state_in(folder.parent) == "running"
    finally:
        process.kill()
        process.wait()
    assert (folder / RUNNING).exists()
    assert state_in(folder.parent) == "stopped"

    controller, window = application.controller, application.window
    controller.start()
    qtbot.waitUntil(window.offer.isVisible, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not application.host.is_busy(), timeout=WAIT_MS)
    window.offer.action.click()
    assert not window.offer.isVisible()
    state = controller.state
    qtbot.waitUntil(lambda: state.training.phase == "running", timeout=WAIT_MS)
    assert state.training.folder == folder
    controller.stop()
    qtbot.waitUntil(lambda: not application.host.is_busy(), timeout=WAIT_MS)
    assert state.training.phase == "stopped"
    assert not (folder / RUNNING).exists()
