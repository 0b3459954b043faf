from __future__ import annotations

import threading

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note, Progress
from snip_gui.core.training.events import PointsMeasured
from snip_gui.core.training.metrics import MetricPoint

WAIT_MS = 10_000


class Heard:
    """What a host said, in order."""

    def __init__(self, host):
        self.items = []
        host.happened.connect(lambda item: self.items.append(item))
        host.ended.connect(lambda item: self.items.append(item))

    def texts(self):
        return [item.event.text for item in self.items if hasattr(item, "event")]

    def outcome(self, job):
        found = [i.outcome for i in self.items if i.job_id == job.job_id and hasattr(i, "outcome")]
        return found[0] if found else None


@pytest.fixture
def heard(host):
    return Heard(host)


def notes(*texts):
    def job(_cancel):
        for text in texts:
            yield Note(text)

    return job


def until_cancelled(started):
    def job(cancel):
        started.set()
        while not cancel.is_cancelled:
            cancel._event.wait(0.01)
            yield Progress("waiting")
        cancel.raise_if_cancelled()

    return job


def test_events_arrive_in_order_and_the_end_comes_last(host, heard, qtbot):
    submitted = host.submit("a", notes("1", "2", "3"))
    qtbot.waitUntil(lambda: heard.outcome(submitted) is not None, timeout=WAIT_MS)
    assert heard.texts() == ["1", "2", "3"]
    assert heard.items[-1].outcome == "done"


def test_a_job_runs_in_another_thread(host, heard, qtbot):
    names = []

    def job(_cancel):
        names.append(threading.get_ident())
        yield Note("ran")

    submitted = host.submit("a", job)
    qtbot.waitUntil(lambda: heard.outcome(submitted) == "done", timeout=WAIT_MS)
    assert names[0] != threading.get_ident()


def test_progress_is_thinned_and_everything_else_arrives(host, heard, qtbot):
    def job(_cancel):
        for number in range(5000):
            yield Progress(f"p{number}")
            if number % 50 == 0:
                yield Note(f"n{number}")

    submitted = host.submit("a", job)
    qtbot.waitUntil(lambda: heard.outcome(submitted) == "done", timeout=WAIT_MS)
    texts = heard.texts()
    assert [t for t in texts if t.startswith("n")] == [f"n{i}" for i in range(0, 5000, 50)]
    assert len([t for t in texts if t.startswith("p")]) < 500


def test_a_short_job_runs_between_two_steps_of_a_long_one(host, heard, qtbot):
    go_on, began = threading.Event(), threading.Event()

    def long_job(_cancel):
        yield Note("long 1")
        began.set()
        assert go_on.wait(WAIT_MS / 1000)
        yield Note("long 2")
        yield Note("long 3")

    long = host.submit("train", long_job)
    qtbot.waitUntil(began.is_set, timeout=WAIT_MS)
    host.submit("score", notes("short"), short=True)
    go_on.set()
    qtbot.waitUntil(lambda: heard.outcome(long) == "done", timeout=WAIT_MS)
    texts = heard.texts()
    assert texts.index("long 1") < texts.index("short") < texts.index("long 3")


def test_a_long_job_waits_for_the_one_before(host, heard, qtbot):
    host.submit("train", notes("a1", "a2"))
    second = host.submit("train", notes("b1"))
    qtbot.waitUntil(lambda: heard.outcome(second) == "done", timeout=WAIT_MS)
    assert heard.texts() == ["a1", "a2", "b1"]


def test_of_short_jobs_of_one_kind_the_latest_wins(host, heard, qtbot):
    started = threading.Event()
    first = host.submit("score", until_cancelled(started), short=True)
    qtbot.waitUntil(started.is_set, timeout=WAIT_MS)
    second = host.submit("score", until_cancelled(threading.Event()), short=True)
    third = host.submit("score", notes("latest"), short=True)
    qtbot.waitUntil(lambda: heard.outcome(third) == "done", timeout=WAIT_MS)
    assert heard.outcome(first) == "cancelled"
    assert heard.outcome(second) == "cancelled"
    assert heard.texts()[-1] == "latest"


def test_cancelling_one_job_leaves_others(host, heard, qtbot):
    started = threading.Event()
    waiting = host.submit("train", until_cancelled(started))
    other = host.submit("load", notes("loaded"), lane="io")
    qtbot.waitUntil(lambda: heard.outcome(other) == "done", timeout=WAIT_MS)
    assert host.is_busy("train")
    assert heard.outcome(waiting) is None
    waiting.cancel()
    qtbot.waitUntil(lambda: heard.outcome(waiting) == "cancelled", timeout=WAIT_MS)
    assert not host.is_busy()
    assert not waiting.is_open


def test_a_problem_is_reported_with_its_hint_and_field(host, heard, qtbot):
    def job(_cancel):
        yield Note("before")
        raise UserError("No such file.", "Choose another.", field="data.name")

    submitted = host.submit("load", job)
    qtbot.waitUntil(lambda: heard.outcome(submitted) is not None, timeout=WAIT_MS)
    ended = heard.items[-1]
    assert (ended.outcome, ended.message, ended.hint, ended.field) == (
        "failed",
        "No such file.",
        "Choose another.",
        "data.name",
    )


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(3), RuntimeError("boom")])
def test_anything_raised_is_reported_with_details_and_the_next_job_runs(host, heard, qtbot, error):
    def job(_cancel):
        yield Note("before")
        raise error

    crashed = host.submit("a", job)
    after = host.submit("b", notes("after"))
    qtbot.waitUntil(lambda: heard.outcome(after) == "done", timeout=WAIT_MS)
    assert heard.outcome(crashed) == "crashed"
    ended = next(i for i in heard.items if i.job_id == crashed.job_id and hasattr(i, "outcome"))
    assert type(error).__name__ in ended.details
    assert "Traceback" in ended.details


def test_a_job_without_memory_fails_with_a_sentence(host, heard, qtbot):
    def job(_cancel):
        yield Note("before")
        raise MemoryError

    failed = host.submit("a", job)
    qtbot.waitUntil(lambda: heard.outcome(failed) == "failed", timeout=WAIT_MS)
    ended = next(i for i in heard.items if i.job_id == failed.job_id and hasattr(i, "outcome"))
    assert "not enough free memory" in ended.message


def test_a_job_that_cannot_even_begin_is_reported_too(host, heard, qtbot):
    def factory(_cancel):
        raise RuntimeError("no import")

    submitted = host.submit("a", factory)
    qtbot.waitUntil(lambda: heard.outcome(submitted) == "crashed", timeout=WAIT_MS)


def test_shutdown_stops_what_runs_and_what_waits(host, qtbot):
    started = threading.Event()
    ran = []

    def never(_cancel):
        ran.append(True)
        yield Note("never")

    host.submit("train", until_cancelled(started))
    host.submit("train", never)
    qtbot.waitUntil(started.is_set, timeout=WAIT_MS)
    assert host.shutdown()
    assert not ran
    with pytest.raises(RuntimeError):
        host.submit("score", notes("late"))


def test_points_are_gathered_and_none_is_lost(host, heard, qtbot):
    def point(step):
        return MetricPoint(step, step / 10, "train", 1.0, 0.5, 0.1, 0.0)

    def job(_cancel):
        for step in range(3000):
            yield PointsMeasured((point(step),))
            if step == 1500:
                yield Note("half")

    submitted = host.submit("train", job)
    qtbot.waitUntil(lambda: heard.outcome(submitted) == "done", timeout=WAIT_MS)
    events = [item.event for item in heard.items[:-1]]
    measured = [event for event in events if isinstance(event, PointsMeasured)]
    assert [p.step for event in measured for p in event.points] == list(range(3000))
    assert len(measured) < 300
    before = events[: next(i for i, e in enumerate(events) if isinstance(e, Note))]
    assert sum(len(e.points) for e in before if isinstance(e, PointsMeasured)) == 1501


def test_a_job_has_events_of_its_own(host, qtbot):
    one, other = host.submit("a", notes("1", "2")), host.submit("a", notes("3"), lane="io")
    heard, ended = [], []
    one.happened.connect(lambda event: heard.append(event.text))
    one.ended.connect(lambda item: ended.append(item.outcome))
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    assert (heard, ended) == (["1", "2"], ["done"])
    assert not one.is_open
    assert not other.is_open


def test_a_job_that_was_replaced_or_dropped_is_not_heard_any_more(host, heard, qtbot):
    began, go_on = threading.Event(), threading.Event()

    def job(_cancel):
        yield Note("before")
        began.set()
        assert go_on.wait(WAIT_MS / 1000)
        yield Note("after")

    replaced = host.submit("score", job, short=True)
    dropped = host.submit("load", job, lane="io")
    said = []
    for old in (replaced, dropped):
        old.happened.connect(said.append)
        old.ended.connect(said.append)
    assert began.wait(WAIT_MS / 1000)  # its first event waits in the queue of this thread
    host.submit("score", notes("newer"), short=True)
    dropped.drop()
    go_on.set()
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    assert said == []
    assert heard.outcome(replaced) is not None  # whoever listens to all jobs hears them to the end
    assert heard.outcome(dropped) is not None


def test_short_jobs_that_replace_none_are_all_done(host, heard, qtbot):
    began, go_on = threading.Event(), threading.Event()

    def held(_cancel):
        began.set()
        assert go_on.wait(WAIT_MS / 1000)
        yield Note("held")

    host.submit("edit", held, short=True)
    assert began.wait(WAIT_MS / 1000)
    host.submit("edit", notes("1"), short=True, replaces=False)
    host.submit("edit", notes("2"), short=True, replaces=False)
    go_on.set()
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    assert heard.texts() == ["held", "1", "2"]


def test_cancelling_leaves_the_background_alone(host, heard, qtbot):
    go_on = threading.Event()

    def job(_cancel):
        assert go_on.wait(WAIT_MS / 1000)
        yield Note("done")

    jobs = [host.submit("a", job, background=kept) for kept in (True, False, True)]
    host.cancel()
    go_on.set()
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    assert [heard.outcome(job) for job in jobs] == ["done", "cancelled", "done"]


def test_nothing_is_heard_after_shutdown(host, heard, qapp):
    started = threading.Event()
    job = host.submit("train", until_cancelled(started))
    said = []
    job.ended.connect(said.append)
    assert started.wait(WAIT_MS / 1000)
    assert host.shutdown()
    qapp.processEvents()
    assert not host.is_busy()
    assert said == heard.items == []
