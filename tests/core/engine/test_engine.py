from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.events import Note, Progress
from snip_gui.core.base.machine.processes import pid_runs
from snip_gui.core.engine.crew import Crew
from snip_gui.core.engine.desk import Desk, open_desk, stop_item
from snip_gui.core.engine.engine import work_through
from snip_gui.core.engine.events import WorkBegan, WorkEnded
from snip_gui.core.runs.lease import holding
from tests.core.engine.works import (
    AlwaysKilled,
    DiskFull,
    Endless,
    Faulty,
    Killed,
    Mistaken,
    OutOfMemory,
    Square,
)

SERIAL, TWO = Crew(), Crew("processes", 2)
BOTH = pytest.mark.parametrize("crew", [SERIAL, TWO], ids=str)


def play(works, crew, folder, cancel=None, on_event=lambda _event, _desk: None):
    """Do items of work; return their outcomes and all events."""
    events = []
    with open_desk(folder) as desk:
        steps = work_through(works, crew, desk, cancel or CancelToken())
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                return end.value, events
            events.append(event)
            on_event(event, desk)


def wait_until(is_so, process=None):
    """Wait until something is so; fail after a time that is far longer than it takes."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None
        time.sleep(0.01)


@BOTH
def test_outcomes_are_in_the_order_of_the_items(tmp_path, crew):
    works = [Square(n, tmp_path) for n in range(5)]
    outcomes, events = play(works, crew, tmp_path)
    assert [outcome.result for outcome in outcomes] == [0, 1, 4, 9, 16]
    assert {outcome.state for outcome in outcomes} == {"done"}
    began = [event for event in events if isinstance(event, WorkBegan)]
    assert [(event.number, event.total) for event in began] == [(n, 5) for n in range(1, 6)]
    assert sum(isinstance(event, WorkEnded) for event in events) == 5


def test_the_log_of_a_worker_comes_with_its_outcome(tmp_path):
    outcomes, _ = play([Square(n, tmp_path) for n in (2, 3)], TWO, tmp_path)
    assert [outcome.notes for outcome in outcomes] == [("2 x 2",), ("3 x 3",)]


@BOTH
def test_what_is_done_is_not_done_again(tmp_path, crew):
    works = [Square(n, tmp_path) for n in range(4)]
    works[1].result.write_text("1")
    works[3].result.write_text("9")
    outcomes, events = play(works, crew, tmp_path)
    assert [outcome.result for outcome in outcomes] == [0, 1, 4, 9]
    assert [work.num_tries for work in works] == [1, 0, 1, 0]
    assert sum(event == Note("It is done already.") for event in events) == 2


@pytest.mark.parametrize("kind", [Killed, OutOfMemory])
def test_an_item_whose_worker_is_lost_is_tried_once_more_and_no_other_is(tmp_path, kind):
    works = [kind(1, tmp_path), *(Square(n, tmp_path) for n in (2, 3, 4))]
    outcomes, _ = play(works, TWO, tmp_path)
    assert [outcome.result for outcome in outcomes] == [1, 4, 9, 16]
    assert [work.num_tries for work in works] == [2, 1, 1, 1]


def test_an_item_whose_workers_are_always_killed_is_given_up(tmp_path):
    works = [AlwaysKilled(1, tmp_path), Square(2, tmp_path), Square(3, tmp_path)]
    outcomes, _ = play(works, TWO, tmp_path)
    assert [outcome.state for outcome in outcomes] == ["crashed", "done", "done"]
    assert "ended unexpectedly" in outcomes[0].problem
    assert works[0].num_tries == 2


@BOTH
def test_what_is_wrong_with_an_item_does_not_stop_the_others(tmp_path, crew):
    works = [Mistaken(1, tmp_path), Faulty(2, tmp_path), Square(3, tmp_path)]
    outcomes, _ = play(works, crew, tmp_path)
    assert [outcome.state for outcome in outcomes] == ["failed", "crashed", "done"]
    assert outcomes[0].problem == "That number is wrong. Choose another."
    assert outcomes[1].problem == "ZeroDivisionError: a fault"
    assert "works.py" in outcomes[1].details
    assert [work.num_tries for work in works] == [1, 1, 1]


@BOTH
def test_a_full_disk_costs_only_its_item_which_can_be_done_later(tmp_path, crew):
    works = [Square(1, tmp_path), DiskFull(2, tmp_path), Square(3, tmp_path)]
    outcomes, _ = play(works, crew, tmp_path)
    assert [outcome.result for outcome in outcomes] == [1, None, 9]
    assert "cannot be written: No space left on device" in outcomes[1].problem
    assert "Free some disk space." in outcomes[1].problem
    outcomes, _ = play(works, crew, tmp_path)
    assert [outcome.result for outcome in outcomes] == [1, 4, 9]
    assert [work.num_tries for work in works] == [1, 2, 1]


@BOTH
def test_cancelling_stops_what_runs_and_begins_nothing_else(tmp_path, crew):
    works = [Endless(1, tmp_path), Endless(2, tmp_path), Square(3, tmp_path)]
    cancel = CancelToken()

    def stop_once_at_work(_event, _desk):
        if (tmp_path / "square-1.pid").exists():
            cancel.cancel()

    outcomes, _ = play(works, crew, tmp_path, cancel, stop_once_at_work)
    assert outcomes[0].state == "cancelled"
    assert outcomes[1] is None or outcomes[1].state == "cancelled"
    assert outcomes[2] is None
    assert (tmp_path / "square-1.stopped").exists()


@BOTH
def test_one_item_can_be_stopped(tmp_path, crew):
    works = [Endless(1, tmp_path), Square(2, tmp_path), Square(3, tmp_path)]

    def stop_once_at_work(_event, desk):
        if (tmp_path / "square-1.pid").exists():
            desk.ask_to_stop(1)

    outcomes, _ = play(works, crew, tmp_path, on_event=stop_once_at_work)
    assert [outcome.state for outcome in outcomes] == ["cancelled", "done", "done"]


@BOTH
def test_one_of_many_is_stopped_by_name_by_another_program(tmp_path, crew):
    works = [Endless(1, tmp_path), Square(2, tmp_path), Square(3, tmp_path)]
    found = []

    def stop_once_told(_event, _desk):
        if not any(found):
            found.append(stop_item(tmp_path, "square-1"))

    assert not stop_item(tmp_path, "square-1")
    outcomes, _ = play(works, crew, tmp_path, on_event=stop_once_told)
    assert found[-1]
    assert [outcome.state for outcome in outcomes] == ["cancelled", "done", "done"]


@BOTH
def test_an_item_that_another_program_does_is_waited_for(tmp_path, crew):
    works = [Square(1, tmp_path), Square(2, tmp_path), Square(3, tmp_path)]
    said = []
    with contextlib.ExitStack() as other:
        other.enter_context(holding(tmp_path / "square-1.run"))

        def let_go(event, _desk):
            if isinstance(event, Progress) and "another program" in event.text:
                said.append(event)
                other.close()

        outcomes, _ = play(works, crew, tmp_path, on_event=let_go)
    assert [outcome.result for outcome in outcomes] == [1, 4, 9]
    assert said


def test_progress_and_the_time_left_are_those_of_the_whole(tmp_path):
    works = [Square(n, tmp_path) for n in range(6)]
    _, events = play(works, TWO, tmp_path)
    seen = [event for event in events if isinstance(event, Progress)]
    assert [event.done for event in seen] == sorted(event.done for event in seen)
    assert (seen[-1].done, seen[-1].seconds_left) == (seen[-1].total, 0)
    assert seen[-1].text == "6 of 6 done"


def test_the_desk_is_gone_in_the_end_and_those_of_killed_engines_with_it(tmp_path):
    (tmp_path / ".engine-deserted").mkdir()
    (tmp_path / ".engine-deserted" / "3.json").write_text("{}")
    with open_desk(tmp_path) as desk, open_desk(tmp_path) as other:
        assert {path.name for path in tmp_path.iterdir()} == {desk.folder.name, other.folder.name}
    assert not list(tmp_path.iterdir())


PARENT = """
import sys
from pathlib import Path
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.engine.crew import Crew
from snip_gui.core.engine.desk import open_desk
from snip_gui.core.engine.engine import work_through
from tests.core.engine.works import Endless

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with open_desk(folder) as desk:
        for _ in work_through([Endless(n, folder) for n in (1, 2)], Crew("processes", 2), desk,
                              CancelToken()):
            pass
"""


def test_workers_stop_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    work = tmp_path / "work"
    work.mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, script, work], env=environment)
    files = [work / f"square-{n}.pid" for n in (1, 2)]
    wait_until(lambda: all(file.exists() and file.read_text() for file in files), parent)
    pids = [int(file.read_text()) for file in files]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not any(pid_runs(pid) for pid in pids))
    assert all((work / f"square-{n}.stopped").exists() for n in (1, 2))


def test_a_stop_that_is_asked_for_elsewhere_is_seen(tmp_path):
    works = [Endless(1, tmp_path), Endless(2, tmp_path)]
    desks = []

    def ask(_event, desk):
        if not desks and (tmp_path / "square-1.pid").exists():
            desks.append(desk)
            thread = threading.Thread(target=Desk(desk.folder).ask_to_stop)
            thread.start()
            thread.join()

    outcomes, _ = play(works, TWO, tmp_path, on_event=ask)
    assert outcomes[0].state == "cancelled"
