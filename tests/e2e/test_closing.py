"""However the program ends, what was chosen is kept, and a training ends with its checkpoint."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from snip_gui.core.runs.folder import CHECKPOINT, read_summary

# Says each line of its standard input to the window, and each state that it reaches.
WINDOW = """
import sys
from PySide6.QtCore import QTimer
import snip_gui.session.controller as module
from snip_gui.core.recipe.json import with_value

start = module.Controller.start

def say(text):
    print(text, flush=True)

def started(self):
    state = self.state
    self.prefer(device="cpu", num_threads=1)
    start(self)
    say("started")
    def on_scored():
        say("scored")
        if "train" in sys.argv:
            self.set_field("training.epochs", 500)
            self.train()
    state.scored_changed.connect(on_scored)
    state.points_added.connect(lambda _points: say("training"))
    if "change" in sys.argv:
        self.set_sparsity(0.123)

module.Controller.start = started
from snip_gui.app import main
sys.exit(main())
"""


@pytest.fixture
def open_program(tmp_path, monkeypatch):
    """Starts the program, its event loop included, and waits for what it says."""
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    made = []

    def open_(until, *words):
        process = subprocess.Popen(
            [sys.executable, "-c", WINDOW, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        made.append(process)
        for line in process.stdout:
            if line.strip() == until:
                return process
        raise AssertionError(process.stderr.read())

    yield open_
    for process in made:
        process.kill()
        process.communicate()


def ended(process) -> str:
    """Wait for the end of a program; return what it complained of."""
    _, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    of_qt = "This plugin does not support propagateSizeHints()\n"
    return complaints.replace(of_qt, "")


def read_kept(folder, name):
    return json.loads((folder / name).read_bytes())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_while_torch_loads_ends_the_program_with_the_session_kept(
    open_program, tmp_path, number
):
    process = open_program("started", "change")
    process.send_signal(number)
    assert ended(process) == ""
    assert (
        read_kept(tmp_path / "config" / "snip-gui", "session.json")["pruning"]["sparsity"] == 0.123
    )


def test_a_signal_stops_a_training_with_its_checkpoint_and_asks_nothing(open_program, tmp_path):
    process = open_program("training", "train")
    process.send_signal(signal.SIGTERM)
    assert ended(process) == ""
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    summary = read_summary(folder)
    assert summary.state == "stopped"
    assert summary.step > 0
    assert (folder / CHECKPOINT).exists()
    assert read_kept(tmp_path / "config" / "snip-gui", "session.json")["training"]["epochs"] == 500


def test_what_was_changed_is_kept_though_the_window_is_never_closed(application, qtbot, tmp_path):
    config = tmp_path / "config"
    application.controller.set_sparsity(0.123)
    application.controller.prefer(theme="dark")

    def is_kept():
        files = (config / "session.json", config / "preferences.json")
        return all(file.exists() for file in files) and (
            read_kept(config, "session.json")["pruning"]["sparsity"] == 0.123
            and read_kept(config, "preferences.json")["theme"] == "dark"
        )

    qtbot.waitUntil(is_kept, timeout=60_000)


def test_what_a_job_says_after_closing_is_not_heard(application, qtbot, qapp):
    """As when the window is closed in its first second, while torch loads."""
    heard = []
    application.host.happened.connect(heard.append)
    application.host.ended.connect(heard.append)
    application.controller.start()
    application.window.close()
    qapp.processEvents()
    assert application.has_ended
    assert not heard
