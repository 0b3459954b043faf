from __future__ import annotations

import msgspec
import pytest

from snip_gui.core.recipe.json import load_recipe, with_value
from snip_gui.core.recipe.recipe import Picked, Recipe
from snip_gui.session.keeper import PREFERENCES, SESSION, SessionKeeper
from snip_gui.session.state.preferences import Preferences, load_preferences
from snip_gui.session.state.session_state import SessionState

WAIT_MS = 60_000


@pytest.fixture
def open_session(qapp, tmp_path):
    """Opens what a window opens: state on the files, and what keeps it."""
    made = []

    def open_():
        path = tmp_path / SESSION
        recipe = load_recipe(path) if path.exists() else Recipe()
        state = SessionState(recipe, load_preferences(tmp_path / PREFERENCES)[0])
        made.append(SessionKeeper(state, tmp_path))
        return state, made[-1]

    yield open_
    for keeper in made:
        assert keeper.finish()


def prefer(state, **changes):
    state.set_preferences(msgspec.structs.replace(state.preferences, **changes))


def test_a_change_is_on_disk_without_any_closing(open_session, qtbot, tmp_path):
    state, _ = open_session()
    picked = msgspec.structs.replace(state.recipe, minibatch=Picked(indices=(3, 5)))
    state.set_recipe(picked)
    prefer(state, theme="dark")

    def is_kept():
        preferences = load_preferences(tmp_path / PREFERENCES)[0]
        return (tmp_path / SESSION).exists() and (
            load_recipe(tmp_path / SESSION) == picked and preferences.theme == "dark"
        )

    qtbot.waitUntil(is_kept, timeout=WAIT_MS)


def test_of_two_windows_the_last_to_close_undoes_nothing(open_session, tmp_path):
    first, first_keeper = open_session()
    assert first_keeper.finish()
    second, second_keeper = open_session()
    changed = with_value(first.recipe, "seed", 7)
    first.set_recipe(changed)
    prefer(first, theme="dark", data_places={"mnist": "/m"}, trusted_code=("a",))
    prefer(second, num_threads=2, data_places={"cifar10": "/c"}, trusted_code=("b",))
    assert first_keeper.finish()
    assert second_keeper.finish()
    assert load_recipe(tmp_path / SESSION) == changed
    assert load_preferences(tmp_path / PREFERENCES) == (
        Preferences(
            theme="dark",
            num_threads=2,
            data_places={"mnist": "/m", "cifar10": "/c"},
            trusted_code=("a", "b"),
        ),
        [],
    )


def test_preferences_of_a_newer_version_are_left_in_the_file(open_session, tmp_path):
    path = tmp_path / PREFERENCES
    path.write_text('{"theme": "solarized", "later": {"x": 1}, "num_threads": 2}')
    state, keeper = open_session()
    prefer(state, num_threads=3)
    assert keeper.finish()
    assert msgspec.json.decode(path.read_bytes()) == {
        "theme": "solarized",
        "later": {"x": 1},
        "num_threads": 3,
    }


def test_a_folder_that_cannot_be_written_to_is_said_once(open_session, qtbot, tmp_path):
    state, keeper = open_session()
    assert keeper.finish()
    (tmp_path / SESSION).unlink()
    (tmp_path / SESSION).mkdir()
    for seed in (1, 2):
        state.set_recipe(with_value(state.recipe, "seed", seed))
        assert keeper.finish()
    state.set_recipe(with_value(state.recipe, "seed", 3))
    with qtbot.waitSignal(state.notices.added, timeout=WAIT_MS):
        pass
    told = [notice.text for notice in state.notices.all]
    assert len(told) == 1
    assert "cannot be saved" in told[0]
