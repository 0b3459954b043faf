from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.recipe.recipe import Draw, Recipe

WAIT_MS = 60_000


@pytest.fixture
def session(make_controller, host, qtbot):
    session = make_controller(Recipe(minibatch=Draw(classes=(8,), size=5)))
    session.start()
    qtbot.waitUntil(lambda: session.state.scored is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    return session


def test_own_images_added_in_quick_succession_are_all_kept(session, host, qtbot):
    for value in (10, 20, 30):  # before the first is on disk
        session.minibatch.add_own([(np.full((1, 28, 28), value, np.uint8), 3)])
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    assert len(session.state.recipe.minibatch.images) == 3
    assert len(session.state.minibatch.indices_K) == 8
