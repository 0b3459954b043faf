"""What keeps a window from opening is found before Qt ends the process, and said with a remedy."""

from __future__ import annotations

import ctypes.util
import re
import shutil
import subprocess
from pathlib import Path

import PySide6
import pytest

from snip_gui import preflight

FOLDER = Path(PySide6.__file__).parent


def linked_libraries():
    """Libraries of the system that Qt needs for a window on X, with where they are."""
    files = preflight.get_qt_files(FOLDER, preflight.find_platform_plugin(FOLDER, "xcb"))
    found = {}
    for file in files:
        text = subprocess.run(["ldd", str(file)], capture_output=True, text=True).stdout
        found |= dict(re.findall(r"^\s*(\S+) => (/\S+)", text, re.MULTILINE))
    own = FOLDER.parent
    return {n: place for n, place in found.items() if not Path(place).resolve().is_relative_to(own)}


def without(library):
    """A loader to which one library is missing."""

    def load(file):
        text = subprocess.run(["ldd", file], capture_output=True, text=True).stdout
        if library in text:
            raise OSError(f"{library}: cannot open shared object file: No such file or directory")

    return load


@pytest.mark.parametrize(
    "library", ["libglib-2.0.so.0", "libEGL.so.1", "libxcb-cursor.so.0", "libfontconfig.so.1"]
)
def test_each_missing_library_is_found_and_named_with_its_package(monkeypatch, library):
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    said = preflight.find_obstacle(without(library))
    assert library in said
    assert preflight.get_debian_package(library) in said.partition("apt install")[2]
    assert "snip-gui run" in said


def test_whatever_qt_links_is_loaded():
    """So that a library that a later Qt needs is asked for without a list of ours."""
    loaded = []
    files = preflight.get_qt_files(FOLDER, preflight.find_platform_plugin(FOLDER, "xcb"))
    assert preflight.find_missing(files, loaded.append) == ([], "")
    names = " ".join(loaded)
    assert all(module in names for module in preflight.QT_MODULES)
    assert "libqxcb.so" in names
    assert {"libglib-2.0.so.0", "libxcb.so.1"} <= linked_libraries().keys()


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="not a Debian")
def test_packages_are_those_of_debian():
    wrong = {}
    for library, place in linked_libraries().items():
        done = subprocess.run(
            ["dpkg", "-S", place, str(Path(place).resolve())], capture_output=True, text=True
        )
        owners = {line.partition(":")[0] for line in done.stdout.splitlines()}
        if owners and preflight.get_debian_package(library) not in owners:
            wrong[library] = owners
    assert not wrong


def test_a_file_that_does_not_load_for_another_reason_is_quoted():
    def fail(_file):
        raise OSError("undefined symbol: qt_version_tag")

    assert preflight.find_missing([Path("a.so")], fail) == ([], "undefined symbol: qt_version_tag")


def test_a_missing_display_is_said(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert "There is no display" in preflight.find_obstacle()
    monkeypatch.setenv("DISPLAY", ":7777")
    assert "“:7777” cannot be opened" in preflight.find_obstacle()


def test_the_platform_plugin_is_the_one_that_qt_tries():
    assert preflight.get_platforms({}) == ["xcb"]
    assert preflight.get_platforms({"WAYLAND_DISPLAY": "wayland-0"}) == ["wayland", "xcb"]
    assert preflight.get_platforms({"QT_QPA_PLATFORM": "offscreen:fonts=x;xcb"}) == [
        "offscreen",
        "xcb",
    ]


def test_a_plugin_that_does_not_exist_is_named(monkeypatch):
    for name in ("QT_PLUGIN_PATH", "QT_QPA_PLATFORM_PLUGIN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "nonsense")
    assert "no platform plugin “nonsense”" in preflight.find_obstacle()


def test_nothing_is_in_the_way_here():
    missing = preflight.find_missing([Path(ctypes.util.find_library("m") or "libm.so.6")])
    assert missing == ([], "")
    assert preflight.find_obstacle() == ""


def test_a_pair_of_versions_that_breaks_is_named(monkeypatch):
    monkeypatch.setattr(preflight, "_installed", lambda: "6.12.0")
    assert "6.12" in preflight.bad_versions((3, 11))
    assert preflight.bad_versions((3, 12)) == ""
    monkeypatch.setattr(preflight, "_installed", lambda: "6.11.3")
    assert preflight.bad_versions((3, 11)) == ""
    monkeypatch.setattr(preflight, "_installed", lambda: "")
    assert "pip install" in preflight.bad_versions()
