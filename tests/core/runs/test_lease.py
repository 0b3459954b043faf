from __future__ import annotations

import json
import multiprocessing
import os

import msgspec
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.base.events import Note
from snip_gui.core.base.machine.processes import this_process
from snip_gui.core.runs import lease
from snip_gui.core.runs.lease import RUNNING, holding, look, observe, refuse_running

BUSY = "currently being trained"


def write_lease(folder, *, name=RUNNING, **changes):
    content = {"token": "t", "beat": "1"} | msgspec.to_builtins(this_process()) | changes
    (folder / name).write_text(json.dumps(content))


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock that sleeping moves; the wall clock jumps about."""

    class Clock:
        now = 100.0
        at_sleep = staticmethod(lambda: None)

        def sleep(self, seconds):
            self.now += seconds
            self.at_sleep()

    made = Clock()
    monkeypatch.setattr("time.monotonic", lambda: made.now)
    monkeypatch.setattr("time.sleep", made.sleep)
    monkeypatch.setattr("time.time", lambda: 1e9 - 1e6 * made.now)
    return made


def take(folder):
    """Hold a folder as a run does, for a moment."""
    steps = observe(folder)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            with holding(folder, end.value) as held:
                held.confirm()
            return


def test_a_folder_is_held_by_one_and_left_as_it_was(tmp_path):
    folder = tmp_path / "runs" / "run"
    with holding(folder) as held:
        held.confirm()
        assert look(folder).holding == "held"
        for second in (lambda: holding(folder).__enter__(), lambda: refuse_running(folder)):
            with pytest.raises(UserError, match=BUSY):
                second()
    assert list(tmp_path.iterdir()) == []
    with holding(folder):
        (folder / "result").write_text("kept")
    assert [path.name for path in folder.iterdir()] == ["result"]
    assert look(folder).holding == "free"


def test_what_is_raised_inside_releases(tmp_path):
    with pytest.raises(ZeroDivisionError), holding(tmp_path):
        raise ZeroDivisionError
    take(tmp_path)


def test_the_owner_advances_its_counter(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.001)
    with holding(tmp_path):
        seen = {(tmp_path / RUNNING).read_bytes()}
        while len(seen) < 4:
            seen.add((tmp_path / RUNNING).read_bytes())
    assert len({json.loads(one)["token"] for one in seen}) == 1


def test_a_process_of_this_host_that_ended_holds_nothing(tmp_path, clock):
    write_lease(tmp_path, started="1")
    take(tmp_path)
    assert clock.now == 100.0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [{"host": "another"}, {"host": "another", "pid": 1}, {"host": ""}, {"pid": -1}],
)
def test_a_lease_of_another_host_is_taken_over_once_it_stood_still(tmp_path, clock, content):
    write_lease(tmp_path, **content)
    take(tmp_path)
    waited = clock.now - 100.0
    assert lease.PATIENCE_SECONDS <= waited < lease.PATIENCE_SECONDS + 1
    assert list(tmp_path.iterdir()) == []


def test_a_lease_of_another_host_that_advances_is_respected(tmp_path, clock):
    write_lease(tmp_path, host="another")

    def advance():
        if clock.now > 100.0 + lease.PATIENCE_SECONDS - 1:
            write_lease(tmp_path, host="another", beat="2")

    clock.at_sleep = advance
    with pytest.raises(UserError, match=BUSY):
        take(tmp_path)
    assert json.loads((tmp_path / RUNNING).read_text())["beat"] == "2"


def test_waiting_can_be_cancelled(tmp_path, clock):
    write_lease(tmp_path, host="another")
    cancel = CancelToken()
    clock.at_sleep = cancel.cancel
    with pytest.raises(Cancelled):
        list(observe(tmp_path, cancel))
    assert (tmp_path / RUNNING).exists()


@pytest.mark.parametrize("kind", ["empty", "older version", "pipe", "huge", "nested", "binary"])
def test_a_lease_that_says_nothing_is_taken_over_once_it_stood_still(tmp_path, clock, kind):
    path = tmp_path / RUNNING
    match kind:
        case "empty":
            path.write_text("")
        case "older version":
            path.write_text(f'{{"pid": {os.getpid()}, "started": 0.5}}')
        case "pipe":
            os.mkfifo(path)
        case "huge":
            path.write_bytes(b" " * 10**6)
        case "nested":
            path.write_text("[" * 4000)
        case "binary":
            path.write_bytes(b"\xff")
    take(tmp_path)
    assert clock.now >= 100.0 + lease.PATIENCE_SECONDS
    assert list(tmp_path.iterdir()) == []


def test_whoever_decided_on_what_has_changed_withdraws(tmp_path):
    write_lease(tmp_path, started="1")
    seen = look(tmp_path)
    (tmp_path / RUNNING).unlink()
    with holding(tmp_path):  # another was faster and let go; a third holds the folder now
        with pytest.raises(UserError, match=BUSY), holding(tmp_path, seen):
            pass
        assert look(tmp_path).holding == "held"
        assert [path.name for path in tmp_path.iterdir()] == [RUNNING]


def test_an_owner_that_slept_too_long_notices_before_it_continues(tmp_path):
    written = []

    def steps():
        for number in range(3):
            yield Note(str(number))
            written.append(number)

    with holding(tmp_path) as held:
        guarded = held.guard(steps())
        assert next(guarded).text == "0"
        write_lease(tmp_path, name="running.2.json", host="another")  # as a successor does
        with pytest.raises(UserError, match="no longer held"):
            next(guarded)
    assert written == [0]
    assert [path.name for path in tmp_path.iterdir()] == [RUNNING, "running.2.json"] or [
        path.name for path in tmp_path.iterdir()
    ] == ["running.2.json", RUNNING]


def test_a_lease_that_was_replaced_is_neither_confirmed_nor_removed(tmp_path):
    with holding(tmp_path) as held:
        (tmp_path / RUNNING).unlink()
        write_lease(tmp_path, host="another")
        with pytest.raises(UserError, match="no longer held"):
            held.confirm()
    assert json.loads((tmp_path / RUNNING).read_text())["host"] == "another"


def test_temporary_files_of_other_hosts_are_left_alone(tmp_path):
    mine, theirs = this_process().host, "0" * 12
    dead = [f".masks.safetensors.{mine}-4194305-x.part", f".a.b.{mine}-4194305-y.part"]
    kept = [f".masks.safetensors.{theirs}-4194305-x.part", f".a.{mine}-{os.getpid()}-z.part",
            ".masks.safetensors.17-x.part"]  # fmt: skip
    for name in dead + kept:
        (tmp_path / name).write_text("")
    take(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


# Many at once

PROCESSES, ROUNDS = 8, 200


def _contend(folder, barrier, wins, stale):
    """Try to hold the folder in every round; hold it until all have tried."""
    for number in range(ROUNDS):
        barrier.wait(60)
        try:
            with holding(folder / str(number)):
                with wins.get_lock():
                    wins[number] += 1
                barrier.wait(60)
        except UserError:
            barrier.wait(60)


@pytest.mark.parametrize("stale", [False, True])
def test_of_eight_that_take_a_folder_together_one_holds_it(tmp_path, stale):
    for number in range(ROUNDS):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "result").write_text("")
        if stale:
            write_lease(tmp_path / str(number), started="1")
    spawn = multiprocessing.get_context("spawn")
    barrier, wins = spawn.Barrier(PROCESSES), spawn.Array("i", ROUNDS)
    processes = [
        spawn.Process(target=_contend, args=(tmp_path, barrier, wins, stale))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert list(wins) == [1] * ROUNDS
    assert {path.name for path in tmp_path.glob("*/*")} == {"result"}
