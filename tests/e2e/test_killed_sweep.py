"""A sweep that is interrupted or killed leaves runs that the same command resumes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psutil
import pytest

from snip_gui.core.runs import folder as files
from snip_gui.core.runs.listing import list_runs

WORDS = (
    "sweep", "--minibatch-size", "20", "--sparsities", "50,95", "--device", "cpu", "--executor",
    "processes:2",
)  # fmt: skip


def start(folder):
    command = [sys.executable, "-m", "snip_gui", *WORDS, "--epochs", "400", "--out", str(folder)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def wait_until(is_so, process):
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None
        time.sleep(0.02)


def num_training(folder):
    return sum(len(files.read_metrics(run)) > 5 for run in folder.glob("lenet*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda n: n.name)
def test_workers_end_and_leave_runs_to_resume(tmp_path, number):
    process = start(tmp_path)
    wait_until(lambda: tmp_path.exists() and num_training(tmp_path) == 2, process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, log = process.communicate()
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in log
    wait_until(lambda: not any(psutil.pid_exists(worker.pid) for worker in workers), None)
    entries = list(list_runs(tmp_path))
    assert [entry.state for entry in entries] == ["stopped", "stopped"]
    assert all(0 < entry.epochs_done < 400 for entry in entries)
    assert all((entry.folder / files.CHECKPOINT).exists() for entry in entries)
