"""What a second process brings. Run with ``-m bench -s``."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest

from tests.bench.test_core_bench import show

pytestmark = pytest.mark.bench

_ROUNDS = 5
_WORDS = (
    "sweep", "--minibatch-size", "100", "--epochs", "30", "--device", "cpu", "--threads", "1",
    "--sparsities", "0,50,80,90,95,98,99", "--seeds", "0-1", "--quiet",
)  # fmt: skip


def seconds_of(folder, executor):
    command = [sys.executable, "-m", "snip_gui", *_WORDS, "--executor", executor]
    started = time.perf_counter()
    subprocess.run([*command, "--out", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


@pytest.mark.timeout(1800)
def test_fourteen_runs_in_two_processes(record_property, tmp_path):
    """As a ratio to one after another, with one thread each, including the start of the program."""
    ratios, serial = [], []
    for number in range(_ROUNDS):
        serial.append(seconds_of(tmp_path / f"serial-{number}", "serial"))
        ratios.append(seconds_of(tmp_path / f"processes-{number}", "processes:2") / serial[-1])
    show(
        record_property,
        "14 runs, processes:2 / serial",
        ratio=f"{statistics.median(ratios):.2f}",
        serial=f"{statistics.median(serial):.1f} s",
    )
    assert statistics.median(ratios) <= 0.65
