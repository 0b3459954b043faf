"""Runs that were made with packages, where these are missing or another version is installed."""

from __future__ import annotations

import json
import shutil

import msgspec
import pytest

from snip_gui.core.api import load_run
from snip_gui.core.base import registry as registry_module
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.execution.complete import complete_steps
from snip_gui.core.execution.resume import resume_steps
from snip_gui.core.export.export import export_run
from snip_gui.core.recipe.json import load_recipe
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.extend import copy_extended, extended
from snip_gui.core.runs.listing import read_entry
from tests.core.execution.folders import SHORT
from tests.core.plugins import StubPoint

REQUIREMENT = "snip-power==1.1"


@pytest.fixture
def run_with(finished, tmp_path):
    """A copy of a finished run whose recipe says that packages were used."""

    def make(changes, *paths):
        folder = tmp_path / "run"
        shutil.copytree(finished[0], folder)
        raw = json.loads((folder / files.RECIPE).read_text())
        for part, values in changes.items():
            raw[part] |= values
        raw["plugins"] = dict.fromkeys(paths, REQUIREMENT)
        (folder / files.RECIPE).write_text(json.dumps(raw))
        return folder

    return make


def install(monkeypatch, **groups):
    """Make entries of version 1.2 appear as installed."""
    monkeypatch.setattr(
        registry_module,
        "_find_entry_points",
        lambda group: tuple(
            StubPoint(name, None) for name in groups.get(group.partition(".")[2], ())
        ),
    )


def notes_of(steps):
    return [event.text for event in steps if isinstance(event, Note)]


def test_a_run_of_a_missing_network_is_viewed_and_exported_and_names_the_package(
    run_with, environment, tmp_path
):
    folder = run_with({"model": {"name": "gone"}}, "model.name")
    assert read_entry(folder).state == "finished"
    with pytest.raises(UserError) as caught:
        load_run(folder)
    assert caught.value.message == "The recipe needs “gone”, which is not installed."
    assert "pip install 'snip-power==1.1'" in caught.value.hint
    for _ in export_run(folder, "pt", tmp_path / "net.pt", CancelToken(), environment):
        pass
    assert "| network | gone |" in (tmp_path / "net.pt.md").read_text(encoding="utf-8")
    with pytest.raises(UserError, match="which is not installed"):
        for _ in export_run(
            folder, "shrunk", tmp_path / "net.shrunk.pt", CancelToken(), environment
        ):
            pass


def test_a_run_of_a_missing_data_set_is_exported(run_with, environment, tmp_path):
    folder = run_with({"data": {"name": "gone"}}, "data.name")
    for _ in export_run(folder, "pt", tmp_path / "net.pt", CancelToken(), environment):
        pass
    assert "| data | gone |" in (tmp_path / "net.pt.md").read_text(encoding="utf-8")
    assert load_run(folder).recipe.data.name == "gone"


def test_a_card_names_the_packages(run_with, environment, tmp_path):
    folder = run_with({}, "pruning.method", "data.name")
    for _ in export_run(folder, "pt", tmp_path / "net.pt", CancelToken(), environment):
        pass
    card = (tmp_path / "net.pt.md").read_text(encoding="utf-8")
    (made_with,) = (line for line in card.splitlines() if line.startswith("| made with"))
    assert made_with.count("snip-power 1.1") == 1
    assert '"pruning.method": "snip-power==1.1"' in card


def test_an_extended_copy_keeps_the_version_that_found_the_mask(monkeypatch, run_with, tmp_path):
    folder = run_with({}, "pruning.method")
    install(monkeypatch, methods=("snip",))
    longer = extended(load_recipe(folder / files.RECIPE), 1)
    copy_extended(folder, tmp_path / "longer", longer)
    raw = json.loads((tmp_path / "longer" / files.RECIPE).read_text())
    assert raw["plugins"] == {"pruning.method": REQUIREMENT}


def test_another_version_is_reported_where_a_run_is_used_again(monkeypatch, run_with, environment):
    folder = run_with({}, "pruning.method")
    again = complete_steps(SHORT, folder, environment, CancelToken())
    assert notes_of(again) == ["It is finished already."]
    install(monkeypatch, methods=("snip",))
    _, note = notes_of(complete_steps(SHORT, folder, environment, CancelToken()))
    assert "made with snip-power 1.1; installed is snip-power 1.2" in note
    assert "--again" in note
    summary = files.read_summary(folder)
    stopped = msgspec.structs.replace(summary, state="stopped")
    (folder / files.SUMMARY).write_bytes(msgspec.json.encode(stopped))
    notes = notes_of(resume_steps(folder, environment, CancelToken()))
    assert "made with snip-power 1.1; installed is snip-power 1.2" in notes[0]
