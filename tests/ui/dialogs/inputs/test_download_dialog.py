"""The offer to download, clicked as a person clicks it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QLabel, QLineEdit

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.download.sources import Download
from snip_gui.core.data.images.image_set import make_image_set
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.ui.dialogs.inputs.download_dialog import DownloadDialog
from tests.core.data.loopback import remote, serving

WAIT_MS = 60_000
PIXELS = np.random.default_rng(0).integers(0, 256, (400, 1, 28, 28), dtype=np.uint8)


@pytest.fixture
def server(monkeypatch):
    """A server that has the files of MNIST's row, with few images."""

    def read(folder, _cancel):
        yield from ()
        if folder is None or not (folder / "pixels").exists():
            raise UserError("MNIST needs a data folder.", field="data.name")
        part = (PIXELS, np.arange(400) % 10)
        names = tuple("0123456789")
        return make_image_set(name="mnist", title="Toy", classes=names, train=part, test=part)

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as loopback:
        file = remote(loopback, "/pixels", PIXELS.tobytes())
        download = Download("https://example.org/toy", "A. Author, 1999.", (file,))
        row = dataclasses.replace(DATASETS["mnist"], title="Toy", read=read, download=download)
        monkeypatch.setitem(DATASETS._all.by_name, "mnist", row)
        yield loopback


def child(window, kind, name):
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


def click(qtbot, widget):
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def asked(qtbot, application):
    """Choose a set that is not there and press Download; return the dialog."""
    state = application.controller.state
    application.controller.set_field("data.name", "mnist")
    qtbot.waitUntil(lambda: state.images_problem is not None, timeout=WAIT_MS)
    click(qtbot, child(application.window, QAbstractButton, "download"))
    return child(application.window, DownloadDialog, "download_dialog")


def test_the_offer_shows_only_where_there_is_something_to_get(server, started, qtbot):
    button = child(started.window, QAbstractButton, "download")
    state = started.controller.state
    assert not button.isVisible()
    started.controller.set_field("data.name", "folder")
    qtbot.waitUntil(lambda: state.images_problem is not None, timeout=WAIT_MS)
    assert not button.isVisible()
    started.controller.set_field("data.name", "mnist")
    qtbot.waitUntil(button.isVisible, timeout=WAIT_MS)
    started.controller.undo_stack.undo()
    started.controller.set_field("data.name", "digits")
    assert not button.isVisible()


def test_size_source_and_folder_are_shown_before_anything_is_fetched(server, started, qtbot):
    dialog = asked(qtbot, started)
    assert child(dialog, QLabel, "download_size").text() == "0.3 MB"
    assert child(dialog, QLabel, "download_hosts").text() == server.url.removeprefix("http://")
    assert child(dialog, QLabel, "download_page").text() == "https://example.org/toy"
    assert child(dialog, QLabel, "download_terms").text() == "A. Author, 1999."
    assert "snip-gui" in child(dialog, QLineEdit, "download_folder").text()
    dialog.reject()
    assert server.asked == []


def test_a_download_from_the_window(server, started, qtbot, monkeypatch, tmp_path):
    state = started.controller.state
    dialog = asked(qtbot, started)
    start = child(dialog, QAbstractButton, "start_download")
    child(dialog, QLineEdit, "download_folder").clear()
    assert not start.isEnabled()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_a: str(tmp_path / "ü"))
    click(qtbot, child(dialog, QAbstractButton, "choose_download_folder"))
    click(qtbot, start)
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    assert state.preferences.data_place("mnist") == str(tmp_path / "ü")
    assert (tmp_path / "ü" / "pixels").read_bytes() == PIXELS.tobytes()
    assert not child(started.window, QAbstractButton, "download").isVisible()


def test_progress_and_cancel_are_in_the_status_line(server, started, qtbot, tmp_path):
    server.held.add("/pixels")
    dialog = asked(qtbot, started)
    child(dialog, QLineEdit, "download_folder").setText(str(tmp_path))
    click(qtbot, child(dialog, QAbstractButton, "start_download"))
    text = child(started.window, QLabel, "status_text")
    qtbot.waitUntil(lambda: "of 0.3 MB" in text.text(), timeout=WAIT_MS)
    button = child(started.window, QAbstractButton, "download")
    assert not button.isEnabled()
    assert button.text() == "Downloading…"
    click(qtbot, child(started.window, QAbstractButton, "status_cancel"))
    qtbot.waitUntil(lambda: not started.host.is_busy(), timeout=WAIT_MS)
    assert not server.release.is_set()
    assert button.isEnabled()
    assert button.isVisible()
    server.release.set()


def test_a_file_of_arrays_is_chosen_by_the_button(started, qtbot, monkeypatch, tmp_path):
    state = started.controller.state
    np.savez(tmp_path / "mine.npz", X=PIXELS, y=np.arange(400) % 10)
    started.controller.set_field("data.name", "arrays")
    button = child(started.window, QAbstractButton, "data_folder")
    qtbot.waitUntil(button.isVisible, timeout=WAIT_MS)
    chosen = str(tmp_path / "mine.npz")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a: (chosen, ""))
    click(qtbot, button)
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    assert button.text() == "mine.npz"
    assert chosen in button.toolTip()
    assert state.images.title == "Arrays “mine.npz”"
