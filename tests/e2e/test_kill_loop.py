"""A training killed at any moment goes on to the very weights it would have had.

Three moments for each by default; ``SNIP_GUI_KILLS=20`` asks for more.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file

from snip_gui.core.runs import folder as files
from snip_gui.core.runs.listing import list_runs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

NUM_KILLS = int(os.environ.get("SNIP_GUI_KILLS", "1"))
SHARED = (
    "--minibatch-size", "20", "--sparsity", "0.95", "--batch-size", "50", "--augmentation",
    "flip-and-shift", "--schedule", "cosine", "--learning-rate", "0.05",
)  # fmt: skip
RECIPES = {
    "snip": (*SHARED, "--epochs", "40"),
    # Its masks change while it trains.
    "han": (*SHARED, "--method", "han", "--epochs", "8", "--rounds", "4", "--retrain-epochs", "8"),
}
KILLS = [
    pytest.param(name, kill, id=f"{name}-{kill}") for name in RECIPES for kill in range(NUM_KILLS)
]
# A checkpoint after every point: moments within one come often.
OFTEN = (
    "import sys, snip_gui.core.execution.book as b; b._CHECKPOINT_SECONDS = 0.05;"
    "from snip_gui.__main__ import main; sys.argv[0] = 'snip-gui'; sys.exit(main())"
)


def start(*words):
    command = [sys.executable, "-c", OFTEN, "run", *words, "--device", "cpu", "--threads", "1"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(*words):
    assert start(*words).wait(timeout=240) == 0


def metrics(folder):
    return [(p.step, p.loss, p.accuracy) for p in files.read_metrics(folder) if p.split != "train"]


def num_points(folder):
    path = folder / files.METRICS
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def wait_for_points(process, folder, count):
    """Wait until a run has written so many points or ended."""
    while num_points(folder) < count and process.poll() is None:
        time.sleep(0.001)


@pytest.fixture(scope="module")
def wholes(tmp_path_factory) -> dict[str, Path]:
    """A run of each recipe that was not killed."""
    folders = {name: tmp_path_factory.mktemp(name) / "run" for name in RECIPES}
    for name, folder in folders.items():
        finish(*RECIPES[name], "--out", str(folder))
    return folders


@pytest.mark.timeout(120 + 60 * NUM_KILLS)
@pytest.mark.parametrize(("name", "kill"), KILLS)
def test_a_run_killed_at_random_moments_ends_in_the_same_weights(wholes, tmp_path, name, kill):
    expected, moments = wholes[name], random.Random(kill)
    folder = tmp_path / "runs" / "run"
    length = num_points(expected)
    process, killed = start(*RECIPES[name], "--out", str(folder)), 0
    try:
        while not (folder / files.RECIPE).exists():  # before it there is nothing to lose
            assert process.poll() is None
            time.sleep(0.001)
        for _ in range(3):
            wait_for_points(process, folder, num_points(folder) + moments.randint(0, length // 4))
            time.sleep(moments.uniform(0, 0.1))
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
            (entry,) = list_runs(folder.parent)
            assert entry.can_continue or entry.state == "finished", entry.message
            process = start("--resume", str(folder))
    finally:
        process.kill()
        process.wait()
    assert killed
    finish("--resume", str(folder))
    one, other = (load_file(run / files.CHECKPOINT) for run in (folder, expected))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[tensor], other[tensor]) for tensor in one)
    one, other = (load_file(run / files.MASKS) for run in (folder, expected))
    assert all(torch.equal(one[tensor], other[tensor]) for tensor in one)
    assert metrics(folder) == metrics(expected)
    assert files.read_summary(folder).state == "finished"
    assert [path.name for path in folder.parent.iterdir()] == ["run"]
    assert {path.name for path in folder.iterdir()} == {path.name for path in expected.iterdir()}
