from __future__ import annotations

import dataclasses

import msgspec
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.execution.run import run
from snip_gui.core.pruning.workbench import build_workbench
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import Picked, Recipe, Training
from snip_gui.core.reports.estimate import estimate
from snip_gui.core.runs.listing import read_entry

RECIPE = Recipe(training=Training(epochs=3))


@pytest.fixture(scope="module")
def done(tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp("runs") / "run"
    run(RECIPE, folder, environment, lambda _event: None, CancelToken())
    return read_entry(folder)


def architecture_of(recipe, environment, digits):
    return build_workbench(recipe, environment, digits).architecture


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"training.optimizer": "adam"},
        {"pruning.after": "redraw", "training.momentum": 0.0},
        {"model.name": "lenet-5-caffe", "minibatch.size": 7, "training.learning_rate": 0.01},
    ],
)
def test_the_run_folder_takes_what_was_said(tmp_path, environment, digits, changes):
    recipe = RECIPE
    for path, value in changes.items():
        recipe = with_value(recipe, path, value)
    run(recipe, tmp_path / "run", environment, lambda _event: None, CancelToken())
    took = sum(path.stat().st_size for path in (tmp_path / "run").iterdir())
    said = estimate(recipe, architecture_of(recipe, environment, digits), digits).disk_bytes
    assert said == pytest.approx(took, rel=0.05)


def test_the_time_is_that_of_a_run_of_the_same_kind(done, environment, digits):
    architecture = architecture_of(RECIPE, environment, digits)
    longer = with_value(with_value(RECIPE, "training.epochs", 3_000), "seed", 5)
    said = estimate(longer, architecture, digits, earlier=[done])
    assert said.is_measured
    assert said.seconds == pytest.approx(1000 * done.seconds)
    assert said.text.startswith("About ")
    assert dataclasses.replace(said, seconds=0.2).text.startswith("Less than a second")
    for path, value in (("pruning.sparsity", 0.5), ("training.batch_size", 10)):
        other = estimate(with_value(RECIPE, path, value), architecture, digits, earlier=[done])
        assert other.seconds is None
        assert other.text.startswith("Takes about ")
    unfinished = dataclasses.replace(done, epochs_done=0.5)
    assert estimate(RECIPE, architecture, digits, earlier=[unfinished]).seconds is None


def test_without_one_it_is_judged_by_the_scoring(make_bench, environment, digits):
    from snip_gui.core.methods.scoring import prune

    bench = make_bench(RECIPE)
    steps = prune(bench, CancelToken())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            scored = end.value
            break
    longer = with_value(RECIPE, "training.epochs", 3_000)
    said = estimate(longer, bench.architecture, digits, scored)
    trained, measured = len(bench.split.train_indices), 140 + 400
    expected = 3_000 * scored.seconds / 100 * (trained + measured / 3)
    assert said.seconds == pytest.approx(expected, rel=0.02)
    assert said.text.startswith("At most about ")


def test_memory_grows_with_batch_and_optimizer(environment, digits):
    architecture = architecture_of(RECIPE, environment, digits)

    def memory(**changes):
        training = msgspec.structs.replace(RECIPE.training, **changes)
        recipe = msgspec.structs.replace(RECIPE, training=training)
        return estimate(recipe, architecture, digits).memory_bytes

    weights = 4 * architecture.num_parameters
    assert memory(optimizer="adam") - memory() == 2 * weights
    assert memory() - memory(momentum=0.0) == 2 * weights
    assert memory(batch_size=200) - memory() == 100 * architecture.activation_bytes
    picked = msgspec.structs.replace(RECIPE, minibatch=Picked(indices=(1, 2, 3)))
    assert (
        estimate(picked, architecture, digits).disk_bytes
        < estimate(RECIPE, architecture, digits).disk_bytes
    )
