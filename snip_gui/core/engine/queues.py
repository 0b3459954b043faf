"""Queues of recipes that a process of their own trains, so that they outlive the window.

The plan of a queue is a file on the desk of its engine, in the runs folder. It is removed when
everything is done; a plan without an engine was killed or stopped, and its recipes can be taken
over.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.environment import Environment
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event
from snip_gui.core.base.files import write_text
from snip_gui.core.base.json_files import read_json
from snip_gui.core.base.machine.processes import ProcessMark, is_alive, this_process
from snip_gui.core.engine.crew import parse_crew
from snip_gui.core.engine.desk import PLAN, Desk, Status, find_desks, new_desk, occupying
from snip_gui.core.engine.events import WorkEnded
from snip_gui.core.engine.sweep import has_ended, train_all
from snip_gui.core.recipe.recipe import Recipe  # noqa: TC001 - read by msgspec
from snip_gui.core.runs.lease import holding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from snip_gui.core.base.cancel import CancelToken

_MOST_BYTES = 64_000_000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A queue as a file.

    Attributes
    ----------
    executor
        Who trains; see `snip_gui.core.engine.crew.parse_crew`.
    owner
        The window that saved it.
    failed
        Sentences on the runs that failed so far.
    """

    recipes: tuple[Recipe, ...]
    owner: ProcessMark
    executor: str
    device: str
    num_threads: int
    data_folder: str
    trusted_code: tuple[str, ...]
    image_folders: tuple[str, ...]
    image_memory_bytes: int | None = None
    event_files: bool = False
    failed: tuple[str, ...] = ()

    @property
    def environment(self) -> Environment:
        """The environment of its runs."""
        return Environment(
            device=self.device,
            num_threads=self.num_threads,
            data_folder=Path(self.data_folder) if self.data_folder else None,
            trusted_code=frozenset(self.trusted_code),
            image_folders=tuple(Path(folder) for folder in self.image_folders),
            image_memory_bytes=self.image_memory_bytes,
            event_files=self.event_files,
        )


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """An engine that runs in a folder.

    Attributes
    ----------
    is_queue
        Whether it was started by a window, rather than from the command line.
    """

    desk: Desk
    status: Status
    is_queue: bool


@dataclass(frozen=True)
class QueuesSeen(Event):
    """The engines that run in a folder, and the remains of those that have ended.

    Attributes
    ----------
    left
        Recipes of queues that were killed or stopped.
    failed
        Sentences on runs of ended queues that failed.
    """

    runs_folder: Path
    running: tuple[QueueSeen, ...]
    left: tuple[Recipe, ...] = ()
    failed: tuple[str, ...] = ()


def save_plan(
    recipes: Sequence[Recipe], runs_folder: Path, environment: Environment, executor: str
) -> Desk:
    """Write a plan to a new desk; raises `UserError` if it cannot be written."""
    desk = new_desk(runs_folder)
    plan = Plan(
        recipes=tuple(recipes),
        owner=this_process(),
        executor=executor,
        device=environment.device,
        num_threads=environment.num_threads,
        data_folder=str(environment.data_folder or ""),
        trusted_code=tuple(sorted(environment.trusted_code)),
        image_folders=tuple(str(folder) for folder in environment.image_folders),
        image_memory_bytes=environment.image_memory_bytes,
        event_files=environment.event_files,
    )
    _write_plan(desk, plan)
    return desk


def queue_command(desk: Desk) -> list[str]:
    """Return the command of the process that trains a saved queue."""
    # -P: the current folder may be untrusted.
    return [sys.executable, "-P", "-m", "snip_gui", "queue", "--quiet", str(desk.folder)]


def queue_steps(folder: Path, cancel: CancelToken) -> Iterator[Event]:
    """Train the queue of a desk; each recipe leaves the plan when its run has ended.

    Raises
    ------
    UserError
        If there is no plan, or it is being trained.
    """
    desk, path = Desk(folder), folder / PLAN
    plan = read_json(path, Plan, max_bytes=_MOST_BYTES)
    crew, waiting = parse_crew(plan.executor), dict(enumerate(plan.recipes, 1))
    with occupying(desk):
        steps = train_all(plan.recipes, folder.parent, plan.environment, crew, desk, cancel)
        for event in steps:
            yield event
            if isinstance(event, WorkEnded) and has_ended(event.outcome):
                del waiting[event.number]
                failed = (f"{event.name}: {event.outcome.problem}",) * bool(event.outcome.problem)
                plan = msgspec.structs.replace(
                    plan, recipes=tuple(waiting.values()), failed=plan.failed + failed
                )
                _write_plan(desk, plan)
        if desk.is_cleared or not (plan.recipes or plan.failed):
            path.unlink(missing_ok=True)


def look_for_queues(
    runs_folder: Path, starting: Sequence[Path], cancel: CancelToken
) -> Iterator[Event]:
    """Report the engines that run in a folder, and take over the recipes of ended ones.

    Parameters
    ----------
    starting
        Desks whose engine has yet to begin.
    """
    running: list[QueueSeen] = []
    left: list[Recipe] = []
    failed: list[str] = []
    for desk in find_desks(runs_folder):
        cancel.raise_if_cancelled()
        is_queue = (desk.folder / PLAN).exists()
        if desk.is_open:
            status = desk.find_status() or Status(num_done=0, total=0)
            running.append(QueueSeen(desk, status, is_queue))
        elif is_queue and desk.folder not in starting:
            plan = _take_over(desk)
            if plan is not None:
                left += plan.recipes
                failed += plan.failed
    yield QueuesSeen(runs_folder, tuple(running), tuple(left), tuple(failed))


def _take_over(desk: Desk) -> Plan | None:
    """Return the plan of an ended engine, which no other program gets then; None if one does.

    The window that started it goes first.
    """
    try:
        plan = read_json(desk.folder / PLAN, Plan, max_bytes=_MOST_BYTES)
        if plan.owner != this_process() and is_alive(plan.owner) is not False:
            return None
        with holding(desk.folder):
            (desk.folder / PLAN).unlink()
    except (UserError, OSError):  # in use, damaged, or taken over by another program meanwhile
        return None
    shutil.rmtree(desk.folder, ignore_errors=True)
    return plan


def _write_plan(desk: Desk, plan: Plan) -> None:
    write_text(desk.folder / PLAN, msgspec.json.encode(plan).decode())
