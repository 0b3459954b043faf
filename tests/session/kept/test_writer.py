from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QThread

from snip_gui.core.base.errors import UserError
from snip_gui.session.kept.writer import KeptWriter

WAIT_MS = 60_000


@pytest.fixture
def writer(qapp):
    writer = KeptWriter()
    yield writer
    assert writer.finish()


def test_of_each_file_only_the_latest_state_is_written_and_elsewhere(writer, qtbot):
    written = []

    def write(text):
        return lambda: written.append((text, threading.current_thread()))

    for text in ("a1", "a2", "a3"):
        writer.write_soon("a", write(text))
    writer.write_soon("b", write("b1"))
    assert not written
    qtbot.waitUntil(lambda: len(written) == 2, timeout=WAIT_MS)
    assert {text for text, _ in written} == {"a3", "b1"}
    assert all(thread is not threading.main_thread() for _, thread in written)


def test_changes_that_never_pause_do_not_put_off_the_writing(writer, qtbot):
    written = threading.Event()

    def change_on():
        writer.write_soon("a", written.set)
        return written.is_set()

    qtbot.waitUntil(change_on, timeout=WAIT_MS)


def test_finishing_writes_what_waits(writer):
    written = []
    writer.write_soon("a", lambda: written.append("a"))
    assert writer.finish()
    assert written == ["a"]
    assert writer.finish()
    assert written == ["a"]


def test_a_slow_disk_delays_neither_the_window_nor_order(writer, qtbot):
    may_end, begun, written = threading.Event(), threading.Event(), []

    def slow():
        begun.set()
        may_end.wait()
        written.append("slow")

    writer.write_soon("a", slow)
    qtbot.waitUntil(begun.is_set, timeout=WAIT_MS)
    writer.write_soon("a", lambda: written.append("later"))
    may_end.set()
    assert writer.finish()
    assert written == ["slow", "later"]


def test_a_disk_that_never_answers_does_not_keep_the_program_from_ending(
    writer, qtbot, monkeypatch
):
    monkeypatch.setattr("snip_gui.session.kept.writer._PATIENCE_SECONDS", 0.0)
    may_end, begun = threading.Event(), threading.Event()

    def hang():
        begun.set()
        may_end.wait()

    writer.write_soon("a", hang)
    qtbot.waitUntil(begun.is_set, timeout=WAIT_MS)
    assert not writer.finish()
    monkeypatch.undo()
    may_end.set()


def test_a_failure_is_reported_in_the_gui_thread_and_the_other_files_are_written(writer, qtbot):
    def fail():
        raise UserError("The disk is full.")

    written = []
    writer.write_soon("a", fail)
    writer.write_soon("b", lambda: written.append("b"))
    with qtbot.waitSignal(writer.failed, timeout=WAIT_MS) as told:
        pass
    assert told.args == ["The disk is full."]
    assert written == ["b"]
    assert QThread.currentThread() is writer.thread()
