"""The desktop entry: its files are valid, and are installed and removed for this user."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from snip_gui.__main__ import file_to_open
from snip_gui.cli import desktop
from snip_gui.cli.desktop import ID, desktop_files, quote
from snip_gui.cli.main import main
from snip_gui.core.base.resources import resource

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="freedesktop.org only")
MIME = "{http://www.freedesktop.org/standards/shared-mime-info}"


def read_entry(path):
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str
    parser.read(path, encoding="utf-8")
    return parser["Desktop Entry"]


def words_of(command):
    """The arguments of an Exec key, by the rules of the specification."""
    found = re.findall(r'"((?:\\.|[^"\\])*)"|(\S+)', command.replace("\\\\", "\\"))
    words = (re.sub(r"\\(.)", r"\1", quoted) or plain for quoted, plain in found)
    return [word.replace("%%", "%") for word in words]


def types_and_globs():
    root = ElementTree.parse(resource("desktop", f"{ID}.mime.xml")).getroot()
    return {
        one.get("type"): one.find(f"{MIME}glob").get("pattern").removeprefix("*") for one in root
    }


def test_entry_types_and_metadata_name_the_same_things():
    entry = read_entry(resource("desktop", f"{ID}.desktop"))
    types = types_and_globs()
    assert set(filter(None, entry["MimeType"].split(";"))) == set(types)
    metadata = ElementTree.parse(resource("desktop", f"{ID}.metainfo.xml")).getroot()
    assert metadata.findtext("id") == ID == entry["Icon"]
    assert {one.text for one in metadata.iter("mediatype")} == set(types)
    assert metadata.findtext("launchable") == f"{ID}.desktop"


def test_the_window_saves_files_with_the_endings_of_the_types():
    from snip_gui.core.sharing.opening import ENDING
    from snip_gui.ui.commands import file_commands

    endings = set(types_and_globs().values())
    assert ENDING in endings
    assert any(file_commands._NEW_RECIPE.endswith(ending) for ending in endings)


@pytest.mark.skipif(shutil.which("appstreamcli") is None, reason="appstreamcli is not installed")
def test_the_metadata_is_valid():
    words = ["appstreamcli", "validate", "--no-net", str(resource("desktop", f"{ID}.metainfo.xml"))]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(
    shutil.which("desktop-file-validate") is None, reason="desktop-file-utils is not installed"
)
def test_the_entry_is_valid():
    words = ["desktop-file-validate", str(resource("desktop", f"{ID}.desktop"))]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@linux
def test_it_is_installed_for_this_user_and_removed_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    script = tmp_path / 'a "strange" $folder' / "snip-gui"
    script.parent.mkdir()
    script.touch()
    monkeypatch.setattr(sys, "argv", [str(script)])
    assert main(["--install-desktop-entry"]) == 0
    places = desktop_files(tmp_path).values()
    assert capsys.readouterr().out.splitlines() == [str(place) for place in places]
    command = read_entry(tmp_path / "applications" / f"{ID}.desktop")["Exec"]
    assert words_of(command) == [str(script), "%f"]
    assert main(["--remove-desktop-entry"]) == 0
    assert not any(place.exists() for place in places)


@linux
def test_without_a_script_the_module_is_started(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["/usr/lib/pytest"])
    assert main(["--install-desktop-entry"]) == 0
    command = read_entry(tmp_path / "applications" / f"{ID}.desktop")["Exec"]
    assert words_of(command) == [sys.executable, "-m", "snip_gui", "%f"]


def test_other_systems_are_told_what_to_do_instead(monkeypatch, capsys):
    monkeypatch.setattr(desktop.sys, "platform", "win32")
    assert main(["--install-desktop-entry"]) == 1
    assert "Linux only" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["plain", "with space", 'quo"te', "back\\slash", "`$HOME`", "50%"])
def test_any_path_survives_the_rules_of_the_entry(word):
    assert words_of(quote(word)) == [word]


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        ([], ""),
        (["run"], ""),
        (["--version"], ""),
        (["--a.b"], ""),
        (["open", "net.pt"], ""),
        (["/home/me/eights.recipe.json"], "/home/me/eights.recipe.json"),
        (["eights.snip.zip"], "eights.snip.zip"),
    ],
)
def test_a_single_file_opens_in_the_window(arguments, file):
    assert file_to_open(arguments) == file
