"""Random presses on the visible controls: no fault, no long stall, no growth of memory.

``SNIP_GUI_MONKEY_SECONDS`` is how long it presses under each data set, and
``SNIP_GUI_MONKEY_SEEDS`` which seeds. Run with ``-m bench -s``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.monkey import SAMPLE_MS
from tests.bench.test_core_bench import show

pytestmark = pytest.mark.bench

SECONDS = float(os.environ.get("SNIP_GUI_MONKEY_SECONDS", "180"))
SEEDS = [int(seed) for seed in os.environ.get("SNIP_GUI_MONKEY_SEEDS", "0").split(",")]
NUM_SAMPLES = 3


@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("data", ["digits", "mnist", "folder"])
def test_random_presses_leave_no_fault_and_no_memory(
    tmp_path, request, record_property, data, seed
):
    folder = "" if data == "digits" else str(request.getfixturevalue("mnist_folder"))
    if data == "folder":
        folder = str(Path(folder) / "cifar10-images")
    words = (str(SECONDS), str(seed), str(tmp_path / "config"), data, folder)
    environment = os.environ | {
        "HOME": str(tmp_path / "home"),
        "SNIP_GUI_RUNS": str(tmp_path / "runs"),
        "QT_QPA_PLATFORM": "offscreen",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.monkey", *words],
        cwd=Path(__file__).parents[2],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    memory = found["memory_mib"]
    first = 60_000 // SAMPLE_MS
    before = statistics.median(memory[first : first + NUM_SAMPLES])
    growth = statistics.median(memory[-NUM_SAMPLES:]) - before
    longest = max((late for late, _ in found["stalls_ms"]), default=0)
    show(
        record_property,
        f"monkey, {data}, seed {seed}",
        presses=sum(found["counts"].values()),
        longest_stall=f"{longest} ms",
        growth_after_a_minute=f"{growth:.0f} MiB",
    )
    assert sum(found["counts"].values()) > SECONDS
    assert not found["faults"]
    assert growth < 50
