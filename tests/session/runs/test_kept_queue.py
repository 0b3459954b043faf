from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from snip_gui.core.recipe.recipe import Recipe
from snip_gui.session.runs.kept_queue import Begun, KeptQueue, QueuedRuns

ONE, TWO, THREE = (Recipe(seed=seed) for seed in (1, 2, 3))


@pytest.fixture
def file(qapp, tmp_path):
    return tmp_path / "queue.json"


def reopened(file) -> list[Recipe]:
    recipes, problem = KeptQueue(file).take_over()
    assert not problem
    return recipes


def test_what_waits_is_taken_over_in_order(file):
    assert reopened(file) == []
    KeptQueue(file).keep(QueuedRuns(waiting=(ONE, TWO, TWO)))
    assert reopened(file) == [ONE, TWO, TWO]


def test_the_list_of_older_versions_is_read(file):
    file.write_bytes(msgspec.json.encode([ONE, TWO]))
    assert reopened(file) == [ONE, TWO]


def test_a_run_that_had_only_begun_waits_again(file, tmp_path):
    """It was killed while it read its images or scored: there is nothing to resume."""
    begun = Begun(recipe=ONE, folder=str(tmp_path / "run"))
    KeptQueue(file).keep(QueuedRuns(waiting=(TWO,), begun=(begun,)))
    assert reopened(file) == [ONE, TWO]


def test_a_run_that_is_in_the_list_of_runs_is_not_queued_again(file, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.json").write_text("{}")
    begun = Begun(recipe=ONE, folder=str(folder))
    KeptQueue(file).keep(QueuedRuns(waiting=(TWO,), begun=(begun,)))
    assert reopened(file) == [TWO]


def test_two_windows_change_only_their_own_runs(file):
    first, second = KeptQueue(file), KeptQueue(file)
    first.keep(QueuedRuns(waiting=(ONE, ONE, TWO)))
    second.keep(QueuedRuns(waiting=(THREE,)))
    first.keep(QueuedRuns(waiting=(ONE, TWO)))
    second.keep(QueuedRuns())
    assert reopened(file) == [ONE, TWO]


HOLDER = """
import sys
from pathlib import Path
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.session.runs.kept_queue import KeptQueue, QueuedRuns
queue = KeptQueue(Path(sys.argv[1]))
queue.take_over()
queue.keep(QueuedRuns(waiting=(Recipe(seed=1),)))
print("kept", flush=True)
sys.stdin.read()
"""


def test_the_queue_of_a_window_that_is_open_is_left_to_it_until_it_is_killed(file):
    arguments = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "kept\n"
        here = KeptQueue(file)
        assert here.take_over() == ([], "")
        here.keep(QueuedRuns(waiting=(TWO,)))
        other.kill()
    assert reopened(file) == [ONE, TWO]
