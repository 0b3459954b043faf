from __future__ import annotations

import pytest

from snip_gui.session.state.notices import Notices
from snip_gui.session.state.status import Status
from snip_gui.session.state.values import Activity, Problem


@pytest.fixture
def notices(qapp):
    return Notices()


@pytest.fixture
def status(notices):
    return Status(notices)


def test_a_problem_is_shown_and_logged(status, notices, qtbot):
    problem = Problem("No such file.", "Choose another.")
    with qtbot.waitSignal(status.problem_changed):
        status.report(problem)
    assert status.problem == problem
    (notice,) = notices.all
    assert (notice.severity, notice.text, notice.hint) == ("problem", problem.message, problem.hint)


def test_a_problem_that_is_mended_stays_in_the_log(status, notices):
    status.report(Problem("No such file."))
    status.set_problem(None)
    assert status.problem is None
    assert len(notices.all) == 1


def test_setting_the_same_value_again_emits_nothing(status, qtbot):
    status.set_activity(Activity("score", "Scoring"))
    with qtbot.assertNotEmitted(status.activity_changed):
        status.set_activity(Activity("score", "Scoring"))
    with qtbot.waitSignal(status.activity_changed):
        status.set_activity(None)
