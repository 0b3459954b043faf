from __future__ import annotations

import threading

import pytest

from snip_gui.session.state.notices import Notices
from snip_gui.ui.window.faults import Faults

WAIT_MS = 60_000


@pytest.fixture
def notices(qapp):
    return Notices()


@pytest.fixture
def faults(notices):
    return Faults(notices, notices)


def test_a_fault_is_shown_when_the_event_loop_is_free_and_not_before(faults, notices, qtbot):
    with qtbot.waitSignal(faults.found, timeout=WAIT_MS) as found:
        faults.report("ValueError: x", "Traceback: x")
        assert not notices.all  # it may be drawing
    assert found.args[0].details == "Traceback: x"
    assert [notice.severity for notice in notices.all] == ["failure"]


def test_what_fails_at_every_repaint_is_said_once(faults, notices, qapp):
    new = [faults.report("ValueError: x", f"Traceback: {line}") for line in (1, 1, 2, 1)]
    qapp.processEvents()
    assert new == [True, False, True, False]
    assert [notice.details for notice in notices.all] == ["Traceback: 1", "Traceback: 2"]


def test_a_fault_of_another_thread_is_shown_in_this_one(faults, qtbot):
    seen = []
    faults.found.connect(lambda _notice: seen.append(threading.current_thread()))
    with qtbot.waitSignal(faults.found, timeout=WAIT_MS):
        thread = threading.Thread(target=faults.report, args=("ValueError: x", "Traceback"))
        thread.start()
        thread.join()
    assert seen == [threading.main_thread()]
