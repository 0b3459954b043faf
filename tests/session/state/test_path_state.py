from __future__ import annotations

import pytest

from snip_gui.session.state.path_state import PathState


class Network:
    """Scores of a network, as far as paths ask for them."""

    def __init__(self, *, is_slow_to_follow=False):
        self.is_slow_to_follow, self.asked = is_slow_to_follow, []

    def followed(self, num_kept):
        self.asked.append(num_kept)
        return f"reach at {num_kept}", {"fc1": num_kept - 1}


@pytest.fixture
def mask(qapp):
    return [None, 10]


@pytest.fixture
def paths(mask):
    return PathState(lambda: tuple(mask))


def test_nothing_is_known_before_scoring(paths):
    assert paths.reach() is None
    assert paths.num_on_paths() == {}


def test_a_mask_is_followed_once_for_all_who_ask(paths, mask):
    mask[0] = Network()
    for _ in range(2):
        assert paths.reach() == "reach at 10"
        assert paths.num_on_paths() == {"fc1": 9}
    assert mask[0].asked == [10]
    mask[1] = 5
    assert paths.num_on_paths() == {"fc1": 4}
    mask[0] = Network()
    assert paths.num_on_paths() == {"fc1": 4}
    assert mask[0].asked == [5]


def test_a_network_that_takes_long_is_known_once_it_was_followed_elsewhere(paths, mask, qtbot):
    mask[0] = Network(is_slow_to_follow=True)
    assert paths.reach() is None
    with qtbot.waitSignal(paths.changed):
        paths.set_followed(mask[0], 10, "reach", {"fc1": 3})
    assert (paths.reach(), paths.num_on_paths()) == ("reach", {"fc1": 3})
    mask[1] = 9  # another mask: what is known is of the one before
    assert paths.reach() is None
    assert mask[0].asked == []
