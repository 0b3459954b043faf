from __future__ import annotations

import threading

import pytest
from PIL import Image

from snip_gui.core.base.events import Note
from snip_gui.core.recipe.recipe import Draw, Recipe

WAIT_MS = 60_000
RECIPE = Recipe(minibatch=Draw(classes=(8,), size=20))

# What a person may wait for, by the kind of its job.
WORK = {
    "score": lambda session, _folder: session.score(),
    "train": lambda session, _folder: session.train(),
    "save": lambda session, _folder: session.save_run(),
    "mistakes": lambda session, folder: session.mistakes.ask(folder, RECIPE, "test"),
    "inspect": lambda session, folder: session.importer.inspect(folder / "net.pth"),
    "fit": lambda session, folder: session.minibatch.bring([folder / "own.png"]),
    "weights": lambda session, folder: session.network.use_weights(folder / "net.pth"),
    "networks": lambda session, _folder: session.network.list_networks(),
    "download": lambda session, folder: session.data.download("mnist", folder),
    "grid": lambda session, _folder: session.grid.start("classes", (0.9,)),
    "stability": lambda session, _folder: session.questions.measure_stability("images", 2),
}


@pytest.fixture
def held(make_controller, host, qtbot):
    """A session whose lanes do nothing before `go` is set; the kinds and outcomes of its jobs."""
    session, go, ends = make_controller(RECIPE), threading.Event(), {}
    session.start()
    qtbot.waitUntil(lambda: session.state.scored is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    session.set_field("seed", 5)  # so that there is something to score
    host.ended.connect(lambda ended: ends.update({ended.kind: ended.outcome}))

    def hold(_cancel):
        assert go.wait(WAIT_MS / 1000)
        yield Note("held")

    for lane in ("compute", "io"):
        host.submit(f"hold {lane}", hold, lane=lane, background=True)
    yield session, go, ends
    go.set()
    session.stop()
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)


@pytest.mark.parametrize("kind", WORK)
def test_whatever_a_person_waits_for_can_be_cancelled(held, host, qtbot, tmp_path, kind):
    session, go, ends = held
    Image.new("L", (28, 28)).save(tmp_path / "own.png")
    (tmp_path / "net.pth").write_bytes(b"")
    WORK[kind](session, tmp_path)
    assert host.is_busy(kind)
    session.cancel()
    go.set()
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    assert ends[kind] == "cancelled"
    assert session.state.status.activity is None


def test_what_nobody_waits_for_continues(held, host, qtbot, tmp_path):
    session, go, ends = held
    session.runs.refresh()
    session.cancel()
    go.set()
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    assert ends["runs"] == "done"


def test_a_search_for_mistakes_that_is_cancelled_says_so(held, host, qtbot, tmp_path):
    session, go, _ends = held
    said = []
    session.mistakes.failed.connect(said.append)
    session.mistakes.ask(tmp_path, RECIPE, "test")
    session.cancel()
    go.set()
    qtbot.waitUntil(lambda: not host.is_busy(), timeout=WAIT_MS)
    assert said == ["Cancelled."]
