from __future__ import annotations

import importlib
from dataclasses import replace

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.execution.resume import resume
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.recipe import Draw, Recipe, Training
from snip_gui.core.runs import folder as files
from tests.core.execution.folders import cancelling_at

loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")

RECIPE = Recipe(minibatch=Draw(size=20), training=Training(epochs=2))


@pytest.fixture
def environment(environment):
    return replace(environment, event_files=True)


def scalars(folder):
    """Return the values in the event file by tag and step, as TensorBoard reads them."""
    found = {}
    for event in loader.LegacyEventFileLoader(str(folder / files.EVENTS)).Load():
        for value in event.summary.value:
            assert (value.tag, event.step) not in found
            found[value.tag, event.step] = value.simple_value
    return found


def expected(folder):
    found = {}
    layers = [row.layer for row in files.read_summary(folder).layers]
    for point in files.read_metrics(folder):
        found[f"loss/{point.split}", point.step] = point.loss
        found[f"error/{point.split}", point.step] = point.error
        if point.split == "train":
            found["learning rate", point.step] = point.lr
            found["gradient norm", point.step] = point.gradient_norm
            for layer, norm in zip(layers, point.weight_norms, strict=True):
                found[f"weight norm/{layer}", point.step] = norm
    return found


def test_tensorboard_reads_every_point(tmp_path, environment):
    run(RECIPE, tmp_path / "run", environment, lambda _event: None, CancelToken())
    assert scalars(tmp_path / "run") == pytest.approx(expected(tmp_path / "run"), rel=1e-4)


def test_a_resumed_run_has_each_point_once(tmp_path, environment):
    folder = tmp_path / "run"
    cancel, on_event = cancelling_at(5)
    run(RECIPE, folder, environment, on_event, cancel)
    num_stopped = len(scalars(folder))
    resume(folder, environment, lambda _event: None, CancelToken())
    assert len(scalars(folder)) > num_stopped
    assert scalars(folder) == pytest.approx(expected(folder), rel=1e-4)


def test_without_being_asked_for_there_is_none(tmp_path, environment):
    plain = replace(environment, event_files=False)
    run(RECIPE, tmp_path / "run", plain, lambda _event: None, CancelToken())
    assert not (tmp_path / "run" / files.EVENTS).exists()


def test_without_the_package_there_is_a_sentence(tmp_path, environment, monkeypatch):
    whole = importlib.import_module

    def missing(name, *arguments):
        if name.startswith("tensorboard"):
            raise ImportError(name)
        return whole(name, *arguments)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UserError, match="tensorboard, which is not installed") as caught:
        run(RECIPE, tmp_path / "run", environment, lambda _event: None, CancelToken())
    assert "snip-gui[tensorboard]" in caught.value.hint
