from __future__ import annotations

import shutil
import subprocess

import msgspec
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine.processes import ProcessMark, this_process
from snip_gui.core.engine import queues
from snip_gui.core.engine.desk import PLAN, open_desk
from snip_gui.core.engine.queues import (
    Plan,
    look_for_queues,
    queue_command,
    queue_steps,
    save_plan,
)
from snip_gui.core.recipe.json import with_value
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.lease import holding
from snip_gui.core.runs.placing import find_folders


def look(folder, starting=()):
    (event,) = look_for_queues(folder, starting, CancelToken())
    return event


@pytest.fixture
def recipes(recipe):
    return tuple(with_value(recipe, "seed", seed) for seed in range(3))


@pytest.fixture
def desk(tmp_path, recipes, environment):
    return save_plan(recipes, tmp_path, environment, "serial")


def test_a_queue_is_trained_and_gone(tmp_path, desk, recipes):
    seen = [look(tmp_path) for _ in queue_steps(desk.folder, CancelToken())]
    assert {files.read_summary(f).state for f in find_folders(tmp_path, recipes)} == {"finished"}
    assert not desk.folder.exists()
    (running,) = seen[-1].running
    assert (running.desk, running.is_queue) == (desk, True)
    assert running.status.total == 3
    assert look(tmp_path) == queues.QueuesSeen(tmp_path, ())


def test_the_command_trains_it_in_a_process_of_its_own(tmp_path, desk, recipes):
    done = subprocess.run(queue_command(desk), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {files.read_summary(f).state for f in find_folders(tmp_path, recipes)} == {"finished"}


def test_what_a_stopped_queue_has_not_done_is_taken_over_once(tmp_path, desk, recipes):
    for event in queue_steps(desk.folder, CancelToken()):
        if isinstance(event, queues.WorkEnded) and event.number == 1:
            desk.ask_to_stop()
    assert [path.name for path in desk.folder.iterdir()] == [PLAN]
    assert look(tmp_path, (desk.folder,)).left == ()  # it has yet to begin
    assert look(tmp_path).left == recipes[1:]
    assert look(tmp_path).left == ()
    assert not desk.folder.exists()


def test_a_queue_that_is_cleared_is_forgotten(tmp_path, desk):
    for event in queue_steps(desk.folder, CancelToken()):
        if isinstance(event, queues.WorkEnded) and event.number == 1:
            desk.clear()
    assert look(tmp_path).left == ()
    assert not desk.folder.exists()


def test_runs_that_fail_are_told_to_the_next_window(tmp_path, recipe, environment):
    impossible = with_value(recipe, "minibatch.classes", (77,))
    desk = save_plan((impossible, recipe), tmp_path, environment, "serial")
    for _ in queue_steps(desk.folder, CancelToken()):
        pass
    seen = look(tmp_path)
    assert seen.left == ()
    (failed,) = seen.failed
    assert "There is no class “#77”" in failed


def test_a_queue_belongs_to_the_window_that_saved_it_while_that_is_open(tmp_path, desk, recipes):
    path = desk.folder / PLAN
    plan = msgspec.json.decode(path.read_bytes(), type=Plan)
    started = subprocess.Popen(["sleep", "60"])
    from snip_gui.core.base.machine.processes import _find_start

    other = ProcessMark(host=this_process().host, pid=started.pid, started=_find_start(started.pid))
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(plan, owner=other)))
    try:
        assert look(tmp_path).left == ()
    finally:
        started.kill()
        started.wait()
    assert look(tmp_path).left == recipes


def test_engines_of_the_command_line_are_seen(tmp_path):
    with open_desk(tmp_path) as desk:
        (seen,) = look(tmp_path).running
        assert (seen.desk, seen.is_queue) == (desk, False)


def test_a_queue_is_trained_by_one_process_only(tmp_path, desk):
    with holding(desk.folder), pytest.raises(UserError):
        list(queue_steps(desk.folder, CancelToken()))
    assert (desk.folder / PLAN).exists()


@pytest.mark.parametrize("damage", [None, "{", "{}", '{"recipes": 3}'])
def test_a_plan_that_is_damaged_or_gone_is_a_sentence(tmp_path, desk, damage):
    if damage is None:
        shutil.rmtree(desk.folder)
    else:
        (desk.folder / PLAN).write_text(damage)
    with pytest.raises(UserError):
        list(queue_steps(desk.folder, CancelToken()))
    assert look(tmp_path).left == ()
