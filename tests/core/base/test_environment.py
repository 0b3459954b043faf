from __future__ import annotations

import subprocess
import sys

import pytest

from snip_gui.core.base import environment
from snip_gui.core.base.environment import available_memory

MB = 2**20


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"memory.max": 100, "memory.current": 70, "memory.stat": "anon 9\ninactive_file 5"}, 35),
        (
            {"memory.max": "max", "memory.current": 70, "memory.stat": "inactive_file 5"},
            sys.maxsize,
        ),
        (
            {
                "memory/memory.limit_in_bytes": 100,
                "memory/memory.usage_in_bytes": 60,
                "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 7",
            },
            47,
        ),
        ({}, sys.maxsize),
    ],
)
def test_a_container_limits_memory(tmp_path, files, left):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{content}\n")
    assert environment._left_in_container(tmp_path) == left


def test_the_smallest_of_all_limits_holds(monkeypatch):
    assert 0 < available_memory() <= environment._left_in_container()
    monkeypatch.setattr(environment, "_left_in_container", lambda: 5 * MB)
    assert available_memory() == 5 * MB


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says how much address space there is")
def test_a_limit_of_the_shell_holds():
    code = (
        "import psutil, resource\n"
        "limit = psutil.Process().memory_info().vms + 100 * 2**20\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "from snip_gui.core.base.environment import available_memory\n"
        "print(available_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 101 * MB
