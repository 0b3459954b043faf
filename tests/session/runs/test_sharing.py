"""Bundles are written, opened read-only, verified and kept."""

from __future__ import annotations

import msgspec
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe
from snip_gui.core.runs import folder as files
from snip_gui.core.sharing.bundle import read_manifest, write_bundle
from snip_gui.core.sharing.opening import bundle_name

WAIT_MS = 60_000
RECIPE = Recipe(minibatch=Draw(classes=(8,), size=20), pruning=Snip(sparsity=0.98))
ENVIRONMENT = Environment(device="cpu", num_threads=1)


def bundle(recipe, place, environment=ENVIRONMENT):
    run(recipe, place / "run", environment, lambda _e: None, CancelToken(), stop_after="prune")
    list(write_bundle(place / "run", place / "eights.snip.zip", CancelToken()))
    return place / "eights.snip.zip"


@pytest.fixture(scope="module")
def bundled(tmp_path_factory):
    return bundle(RECIPE, tmp_path_factory.mktemp("bundled"))


@pytest.fixture
def controller(make_controller):
    return make_controller(RECIPE)


def wait(qtbot, condition):
    qtbot.waitUntil(condition, timeout=WAIT_MS)


def opened(controller, qtbot, path):
    with qtbot.waitSignal(controller.sharing.opened, timeout=WAIT_MS) as found:
        controller.sharing.open(path)
    return found.args[0]


def test_a_bundle_is_open_until_it_is_closed_and_no_run_is_made(controller, qtbot, bundled):
    opening = opened(controller, qtbot, bundled)
    assert opening.content.recipe == RECIPE
    folder = opening.content.folder
    assert (folder / files.MASKS).exists()
    assert not controller.state.preferences.runs_path.exists()
    opening.close()
    wait(qtbot, lambda: not folder.exists())


def test_its_mask_is_computed_again_and_threads_stay_as_they_were(controller, qtbot, bundled):
    opening = opened(controller, qtbot, bundled)
    before = torch.get_num_threads()
    opening.verify()
    assert opening.is_busy
    wait(qtbot, lambda: not opening.is_busy)
    assert opening.verified.is_equal
    assert opening.verified.source == "recipe"
    assert torch.get_num_threads() == before
    opening.close()


def test_it_is_kept_under_a_free_name_each_time(controller, qtbot, bundled):
    opening = opened(controller, qtbot, bundled)
    for name in ("eights", "eights-2"):
        opening.keep()
        wait(qtbot, lambda: not opening.is_busy)
        assert opening.kept == controller.state.preferences.runs_path / name
        assert (opening.kept / files.MASKS).exists()
    wait(qtbot, lambda: len(controller.runs.entries) == 2)
    opening.close()


def test_the_code_of_a_network_in_it_is_not_run_unless_agreed_to(controller, qtbot, tmp_path):
    mark = tmp_path / "ran"
    source = tmp_path / "net.py"
    source.write_text(
        f"import pathlib, torch\nif pathlib.Path({str(tmp_path / 'armed')!r}).exists():\n"
        f"    pathlib.Path({str(mark)!r}).touch()\n"
        "class Net(torch.nn.Sequential):\n    def __init__(self):\n"
        "        super().__init__(torch.nn.Flatten(), torch.nn.Linear(784, 10))\n"
    )
    from snip_gui.core.models.own.source import digest_file

    digest = digest_file(source)
    choice = ModelChoice(name="own", file=str(source), file_digest=digest, symbol="Net")
    trusting = Environment(device="cpu", num_threads=1, trusted_code=frozenset({digest}))
    path = bundle(msgspec.structs.replace(RECIPE, model=choice), tmp_path, trusting)
    (tmp_path / "armed").touch()
    opening = opened(controller, qtbot, path)
    assert opening.needs_keeping
    opening.verify()
    wait(qtbot, lambda: not opening.is_busy)
    assert "not agreed to run" in opening.problem.message
    opening.keep()
    wait(qtbot, lambda: not opening.is_busy)
    recipe = opening.take_recipe()
    assert recipe.model.file == str(opening.kept / files.NETWORK)
    assert not mark.exists()
    opening.close()


def test_the_current_state_is_shared_as_a_run(controller, qtbot, tmp_path):
    controller.start()
    wait(qtbot, lambda: controller.sharing.can_share and not controller.is_busy())
    path = tmp_path / "shared.snip.zip"
    with qtbot.waitSignal(controller.sharing.written, timeout=WAIT_MS):
        controller.sharing.share(path)
    assert files.MASKS in read_manifest(path).files


def test_what_is_not_a_bundle_is_reported_in_place(controller, qtbot, tmp_path):
    path = tmp_path / "bad.snip.zip"
    path.write_bytes(b"PK nothing")
    controller.sharing.open(path)
    wait(qtbot, lambda: controller.state.status.problem is not None)
    assert "bad.snip.zip" in controller.state.status.problem.message


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("eights.snip.zip", "eights"),
        ("run.zip", "run"),
        ("nul.zip", "run-nul"),
        ("Con.1.zip", "run-Con.1"),
        ("...zip", "run-"),
        ("a b:c?.snip.zip", "a-b-c"),
        ("é.zip", "run-"),
    ],
)
def test_names_of_bundles_become_names_that_every_system_allows(tmp_path, name, expected):
    assert bundle_name(tmp_path / name) == expected
