from __future__ import annotations

import json
from pathlib import Path

import pytest

from snip_gui.core.base.environment import default_data_folder
from snip_gui.session.kept.recents import Recents
from snip_gui.session.state.preferences import Preferences, load_preferences, save_preferences


def test_preferences_round_trip(tmp_path):
    path = tmp_path / "deep" / "preferences.json"
    wanted = Preferences(theme="dark", device="cuda:1", num_threads=3, data_folder="/tmp/ü")
    save_preferences(path, wanted)
    assert load_preferences(path) == (wanted, [])


def test_missing_preferences_are_the_defaults(tmp_path):
    assert load_preferences(tmp_path / "none.json") == (Preferences(), [])


def test_bad_preferences_are_dropped_one_by_one_and_named(tmp_path):
    path = tmp_path / "preferences.json"
    path.write_text('{"theme": "mauve", "num_threads": 2, "device": 7, "later": true}')
    preferences, dropped = load_preferences(path)
    assert preferences == Preferences(num_threads=2)
    assert len(dropped) == 2
    assert "theme" in dropped[0]
    assert "device" in dropped[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_threads", 100_000),
        ("image_memory_gb", 1e308),
        ("data_folder", "\0"),
        ("data_places", {"digits": "a\0b"}),
        ("runs_folder", "\0"),
        ("theme", {"a": []}),
    ],
)
def test_a_preference_that_no_machine_can_meet_is_ignored_and_named(tmp_path, name, value):
    path = tmp_path / "preferences.json"
    path.write_text(json.dumps({name: value, "device": "cpu"}))
    preferences, problems = load_preferences(path)
    assert preferences == Preferences(device="cpu")
    assert [f"“{name}” was ignored" in problem for problem in problems] == [True]


def test_saving_writes_what_changed_and_leaves_the_rest_of_the_file(tmp_path):
    path = tmp_path / "preferences.json"
    path.write_text('{"theme": "mauve", "later": [1], "trusted_code": ["a", "b"]}')
    before = Preferences(trusted_code=("a", "b"))
    save_preferences(path, Preferences(device="cpu", trusted_code=("b", "c")), before)
    assert json.loads(path.read_bytes()) == {
        "theme": "mauve",
        "later": [1],
        "trusted_code": ["b", "c"],
        "device": "cpu",
    }


def test_a_damaged_file_never_blocks_the_start(tmp_path):
    path = tmp_path / "preferences.json"
    for text in ("{", "[]", "\x00\xff"):
        path.write_bytes(text.encode("latin-1"))
        preferences, dropped = load_preferences(path)
        assert preferences == Preferences()
        assert dropped


def test_recents_are_newest_first_bounded_and_kept(tmp_path):
    recents = Recents(tmp_path / "recents.json")
    for number in range(12):
        recents.add(tmp_path / f"{number}.json")
    recents.add(tmp_path / "5.json")
    again = Recents(tmp_path / "recents.json")
    assert again.paths[:2] == [tmp_path / "5.json", tmp_path / "11.json"]
    assert len(again.paths) == 8
    again.remove(Path(tmp_path / "5.json"))
    assert tmp_path / "5.json" not in Recents(tmp_path / "recents.json").paths


def test_two_windows_add_to_the_same_recents(tmp_path):
    first, second = (Recents(tmp_path / "recents.json") for _ in range(2))
    first.add(tmp_path / "1.json")
    second.add(tmp_path / "2.json")
    assert second.paths == [tmp_path / "2.json", tmp_path / "1.json"]


def test_each_data_set_has_a_place_of_its_own():
    preferences = Preferences(data_folder="/all", data_places={"arrays": "/mine/x.npz"})
    assert preferences.data_place("arrays") == "/mine/x.npz"
    assert preferences.data_place("mnist") == "/all"
    assert preferences.environment_for("arrays").data_folder == Path("/mine/x.npz")
    assert Preferences().environment_for("mnist").data_folder is None


def test_downloads_go_beside_what_is_there(tmp_path):
    assert Preferences(data_folder=str(tmp_path)).download_path == tmp_path
    assert Preferences(data_folder=str(tmp_path / "gone")).download_path == default_data_folder()
