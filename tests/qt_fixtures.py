"""Fixtures of every test that needs Qt: no display, fresh settings, nothing left behind."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QThread
from PySide6.QtWidgets import QApplication

from snip_gui.app import create_window
from snip_gui.session.controller import Controller
from snip_gui.session.jobs.host import JobHost
from snip_gui.session.kept.recents import Recents
from snip_gui.session.state.preferences import Preferences
from snip_gui.session.state.session_state import SessionState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from snip_gui.app import Application

WAIT_MS = 60_000


@pytest.fixture(autouse=True)
def fresh_settings(tmp_path, monkeypatch):
    """Nothing of the developer's own is read or written."""
    monkeypatch.setenv("SNIP_GUI_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(autouse=True)
def collect_in_gui_thread():
    """As in the program: a collection in a worker thread would destroy widgets there."""
    gc.disable()
    yield
    gc.collect()
    gc.freeze()  # what is imported by now stays: looking through all of it takes 0.25 s a test


@pytest.fixture(autouse=True)
def nothing_left(qapp, collect_in_gui_thread):
    """Fail a test that leaves a running thread or an open window behind."""
    yield
    qapp.processEvents()
    windows = [w for w in QApplication.topLevelWidgets() if w.isVisible()]
    assert not windows, f"left open: {windows}"
    threads = [t for t in qapp.findChildren(QThread) if t.isRunning()]
    assert not threads, f"left running: {threads}"


@pytest.fixture
def host(qapp) -> Iterator[JobHost]:
    host = JobHost()
    yield host
    assert host.shutdown()
    host.deleteLater()
    qapp.processEvents()


@pytest.fixture
def make_controller(host, tmp_path):
    """Builds a controller without a window, on real lanes."""
    made = []

    def make(recipe, **preferences) -> Controller:
        state = SessionState(recipe, Preferences(device="cpu", num_threads=1, **preferences))
        made.append(Controller(state, host, Recents(tmp_path / "recents.json")))
        return made[-1]

    return make


@pytest.fixture
def application(qtbot, qapp, tmp_path: Path) -> Iterator[Application]:
    """The window as on first start, shown but not started."""
    application = create_window(tmp_path / "config")
    application.controller.prefer(
        device="cpu", num_threads=1, live_scoring=False, train_dense=False
    )
    application.window.resize(1440, 900)
    application.window.show()
    yield application
    application.controller.stop()
    qtbot.waitUntil(lambda: not application.host.is_busy("train"), timeout=WAIT_MS)
    application.window.close()
    assert application.host.shutdown()
    application.window.deleteLater()
    qapp.processEvents()


@pytest.fixture
def started(application, qtbot) -> Application:
    """The window once its first picture is there."""
    application.controller.start()
    state = application.controller.state
    qtbot.waitUntil(lambda: state.scored is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not application.host.is_busy(), timeout=WAIT_MS)
    return application
