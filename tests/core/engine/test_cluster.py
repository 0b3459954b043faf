"""A real scheduler with two worker processes on loopback."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine.devices import versions
from snip_gui.core.engine.cluster import compare_versions
from snip_gui.core.engine.crew import Crew
from tests.core.engine.test_engine import play, wait_until
from tests.core.engine.works import Endless, Square

pytest.importorskip("distributed")

CALL = "import sys; from snip_gui.cli.main import main; sys.exit(main(sys.argv[1:]))"
SWEEP = ("--dataset", "digits", "--minibatch-size", "20", "--epochs", "1", "--device", "cpu")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def process(*words, until, cwd):
    """Run a Python module until the context ends; wait for a line of its log."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    started = subprocess.Popen(
        [sys.executable, "-m", *map(str, words)], env=environment, cwd=cwd, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert any(re.search(until, line) for line in started.stderr)
        yield started
    finally:
        started.terminate()
        started.communicate()


@contextlib.contextmanager
def running_cluster(folder, num_workers=2):
    """The address of a scheduler with workers, and the process of the scheduler."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port,
                 "--no-dashboard", "--no-show")  # fmt: skip
    worker = ("distributed.cli.dask_worker", address, "--nthreads", 1, "--no-dashboard",
              "--no-nanny", "--local-directory", folder)  # fmt: skip
    with contextlib.ExitStack() as stack:
        started = stack.enter_context(process(*scheduler, until="Scheduler at", cwd=folder))
        for _ in range(num_workers):
            stack.enter_context(process(*worker, until="Starting established", cwd=folder))
        yield address, started


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a scheduler with two workers."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as (address, _):
        yield address


def call(*words, cwd):
    return subprocess.run(
        [sys.executable, "-c", CALL, *map(str, words)], capture_output=True, text=True, cwd=cwd,
        check=False, env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip


def test_a_cluster_gives_the_same_bytes_and_table_as_this_process(cluster, tmp_path):
    from tests.core.engine.test_sweep import results

    tables = []
    for name, executor in (("there", f"dask:{cluster}"), ("here", "serial")):
        words = ("sweep", *SWEEP, "--sparsities", "50,95", "--seeds", "0-1", "--executor", executor)
        done = call(*words, "--out", tmp_path / name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        tables.append(done.stdout)
    assert tables[0] == tables[1]
    assert tables[0].count("2 seeds") == 2
    assert results(tmp_path / "there") == results(tmp_path / "here")


def test_a_scheduler_that_is_gone_is_a_sentence(tmp_path):
    words = ("sweep", *SWEEP, "--executor", f"dask:tcp://127.0.0.1:{free_port()}")
    done = call(*words, "--out", tmp_path, cwd=tmp_path)
    assert done.returncode == 1
    assert "No Dask scheduler answers" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_scheduler_that_is_lost_halfway_is_a_sentence_and_the_rest_can_be_done(tmp_path):
    done, endless = Square(3, tmp_path), Endless(4, tmp_path)
    with running_cluster(tmp_path, num_workers=1) as (address, scheduler):

        def lose(_event, _desk):
            if (tmp_path / "square-4.pid").exists():
                scheduler.kill()

        with pytest.raises(UserError, match="is gone") as raised:
            play([done, endless], Crew("dask", address=address), tmp_path, on_event=lose)
        assert "continues there" in raised.value.hint
        assert done.is_done()
        assert not endless.is_done()
        wait_until(lambda: (tmp_path / "square-4.stopped").exists())  # its engine has ended
    outcomes, _ = play([done, Square(4, tmp_path)], Crew(), tmp_path)
    assert [outcome.result for outcome in outcomes] == [9, 16]
    assert done.num_tries == 1


def test_the_same_versions_need_no_warning():
    assert compare_versions({"a": versions(), "b": versions()}) == ()


def test_other_versions_are_warned_of_with_both():
    (note,) = compare_versions({"tcp://a": versions() | {"numpy": "1.0"}})
    assert "tcp://a" in note
    assert "numpy 1.0" in note
    assert versions()["numpy"] in note


@pytest.mark.parametrize(("package", "version"), [("torch", "1.13.1"), ("snip-gui", "0.0.1")])
def test_versions_with_other_results_are_refused_with_both(package, version):
    with pytest.raises(UserError, match="results would differ") as caught:
        compare_versions({"tcp://a": versions() | {package: version}})
    assert version in caught.value.message
    assert versions()[package] in caught.value.message


def test_another_build_of_the_same_torch_is_only_warned_of():
    torch = versions()["torch"].partition("+")[0]
    (note,) = compare_versions({"tcp://a": versions() | {"torch": f"{torch}+other"}})
    assert f"{torch}+other" in note
