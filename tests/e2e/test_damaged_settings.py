"""Whatever the files of the last session hold, the window opens, says so and loses nothing."""

from __future__ import annotations

import json
import os

import pytest

from snip_gui.app import create_window
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.recipe.recipe import DataChoice, Draw, ModelChoice, Recipe
from snip_gui.session.jobs.host import JobHost

FILES = ("session.json", "preferences.json", "recent-recipes.json", "queue.json", "window.ini")


BAD = {
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 40),
    "nested deeply": lambda path: path.write_bytes(b'[[{"theme":' * 100_000),
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
}


@pytest.fixture
def open_window(qapp, tmp_path):
    """Opens the window on the settings in a folder."""
    made = []

    def open_():
        made.append(create_window(tmp_path))
        made[-1].window.show()
        qapp.processEvents()
        return made[-1]

    yield open_
    for application in made:
        application.window.close()
        assert application.has_ended
        application.window.deleteLater()


def said(application) -> str:
    return "\n".join(notice.text for notice in application.controller.state.notices.all)


@pytest.mark.parametrize("kind", BAD)
def test_the_window_opens_whatever_the_files_are(open_window, tmp_path, kind):
    for name in FILES:
        BAD[kind](tmp_path / name)
    application = open_window()
    assert application.window.isVisible()
    assert application.controller.state.recipe.minibatch == Draw(classes=(8,), size=100)
    for name in FILES:
        assert f"“{name}” was set aside as “{name}.bad”." in said(application)
        assert os.path.lexists(tmp_path / f"{name}.bad")


def test_what_was_set_aside_is_not_complained_of_again(open_window, tmp_path):
    for name in FILES:
        (tmp_path / name).write_bytes(b"\xff")
    open_window().window.close()
    assert "set aside" not in said(open_window())


RECIPES = {
    "of an unknown network": Recipe(model=ModelChoice(name="resnet-of-tomorrow")),
    "of an unknown data set": Recipe(data=DataChoice(name="images-of-tomorrow")),
}


@pytest.mark.parametrize("kind", RECIPES)
def test_a_session_of_what_this_version_does_not_know_is_kept_aside(open_window, tmp_path, kind):
    text = encode_recipe(RECIPES[kind])
    (tmp_path / "session.json").write_text(text)
    application = open_window()
    assert "of-tomorrow" in said(application)
    application.window.close()
    assert (tmp_path / "session.json.bad").read_text() == text


def test_a_session_of_a_newer_version_is_not_overwritten(open_window, tmp_path):
    newer = json.loads(encode_recipe(Recipe())) | {"format": 2, "later": True}
    (tmp_path / "session.json").write_text(json.dumps(newer))
    application = open_window()
    application.controller.set_sparsity(0.5)
    application.window.close()
    assert json.loads((tmp_path / "session.json.bad").read_text()) == newer


def test_a_folder_of_settings_that_is_a_file_keeps_nothing_but_opens(qapp, tmp_path):
    (tmp_path / "config").write_text("")
    application = create_window(tmp_path / "config")
    application.controller.set_sparsity(0.5)
    application.window.close()
    assert application.is_closed
    application.window.deleteLater()


def test_a_window_that_cannot_be_built_leaves_no_thread_behind(qapp, tmp_path, monkeypatch):
    def fail(_file):
        raise OSError("no file at all")

    def shut_down(host, *args):
        ended.append(real(host, *args))

    real, ended = JobHost.shutdown, []
    monkeypatch.setattr(JobHost, "shutdown", shut_down)
    monkeypatch.setattr("snip_gui.session.runs.run_queue.KeptQueue", fail)
    with pytest.raises(OSError, match="no file at all"):
        create_window(tmp_path)
    assert ended == [True]
