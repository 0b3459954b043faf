"""Slimming runs from the list: sizes, what is lost, and what is left."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from snip_gui.core.runs import folder as files
from snip_gui.core.sharing.slimming import PARTS
from snip_gui.ui.dialogs.runs.slim_dialog import SlimDialog
from tests.run_folders import make_run, recipe_with

WAIT_MS = 60_000


@pytest.fixture
def dialog(application, qtbot, tmp_path):
    folder = make_run(tmp_path / "runs", "one", recipe_with())
    (folder / files.SCORES).write_bytes(bytes(5000))
    controller = application.controller
    controller.runs.refresh()
    qtbot.waitUntil(lambda: bool(controller.runs.entries), timeout=WAIT_MS)
    panel = application.window.lazy.runs
    panel.table.selectRow(0)
    panel.actions_by_name["slim"].trigger()
    dialog = application.window.findChild(SlimDialog)
    qtbot.waitUntil(lambda: dialog.boxes["scores"].isEnabled(), timeout=WAIT_MS)
    return dialog


def test_every_part_says_what_it_takes_and_what_is_lost(dialog):
    assert dialog.boxes["scores"].text() == "Scores: 5 kB"
    assert not dialog.boxes["optimizer"].isEnabled()
    for part in PARTS:
        assert dialog.findChild(QLabel, f"slim_{part.name}_loss").text() == part.loss
    assert not dialog.start.isEnabled()
    dialog.reject()


def test_ticked_parts_are_removed_and_the_list_shows_the_new_size(dialog, application, qtbot):
    (entry,) = application.controller.runs.entries
    dialog.boxes["scores"].click()
    assert dialog.start.text() == "Remove 5 kB"
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    runs = application.controller.runs
    qtbot.waitUntil(lambda: runs.entries[0].size_bytes == entry.size_bytes - 5000, timeout=WAIT_MS)
    assert not (entry.folder / files.SCORES).exists()
