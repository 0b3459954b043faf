"""Nothing on the window's thread computes for longer than 50 ms. Run with ``-m bench -s``."""

from __future__ import annotations

import time

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QDialog

from tests.bench.test_core_bench import show
from tests.bench.watchdog import STALL_MS, Watchdog
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

WAIT_MS = 120_000
EXCEPTIONS = {
    "show": "a page is built, and its modules imported, when it is first shown",
    "dialog": "a dialog is built, and its modules imported, when it is first opened",
    "first training": "the charts are built when they are first used",
    "presentation": "every widget is laid out again for the large type",
}
"""Why steps of these names may take longer."""


def test_the_watchdog_sees_a_stall(qapp, qtbot):
    dog = Watchdog()
    qtbot.wait(50)
    ends = time.perf_counter() + 0.2
    while time.perf_counter() < ends:
        pass
    qtbot.wait(50)
    assert any(stall.wall_ms > 150 for stall in dog.end())


def test_nothing_keeps_the_window_waiting(started, qtbot, qapp, record_property):
    window, controller = started.window, started.controller
    state = controller.state

    def idle():
        qtbot.waitUntil(lambda: not started.host.is_busy(), timeout=WAIT_MS)

    def steps():
        for number in range(window.centre.count()):
            yield "show", lambda n=number: window.centre.setCurrentIndex(n)
        for dock in window.docks.values():
            yield "show", lambda d=dock: (d.show(), d.raise_())
        for number in range(window.centre.count()):
            yield f"page {number} again", lambda n=number: window.centre.setCurrentIndex(n)
            for sparsity in (0.5, 0.8, 0.95, 0.99, 0.9):
                yield "slider", lambda s=sparsity: controller.set_sparsity(s)
        window.centre.setCurrentIndex(0)
        for button in window.minibatch.findChildren(QAbstractButton)[:12]:
            if (
                button.isVisible()
                and button.isEnabled()
                and button.objectName().startswith("class")
            ):
                yield button.objectName(), button.click
        for name in ("score", "pin", "undo", "redo", "presentation", "presentation"):
            yield name, window.actions_by_name[name].trigger
        yield "first training", controller.train
        yield "training", lambda: controller.trainings.train(state.recipe, again=True)
        for name in ("export", "save_picture", "sweep", "about"):
            yield "dialog", window.actions_by_name[name].trigger

    reports = []
    for name, step in steps():
        dog = Watchdog()
        step()
        QTest.qWait(60)
        idle()
        QTest.qWait(60)
        stalls = [stall for stall in dog.end() if stall.cpu_ms > STALL_MS]
        for dialog in window.findChildren(QDialog):
            dialog.reject()
        reports += [(name, stall) for stall in stalls]
    assert state.training is not None
    for number, (name, stall) in enumerate(sorted(reports, key=lambda r: -r[1].cpu_ms)):
        show(record_property, f"stall {number} in “{name}”", what=f"{stall}")
    unexpected = [(name, str(stall)) for name, stall in reports if name not in EXCEPTIONS]
    assert not unexpected
