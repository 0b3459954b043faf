"""Runs of methods of every kind: other mask sources, other weights, masks that training changes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.events import Note
from snip_gui.core.execution import training
from snip_gui.core.execution.resume import resume
from snip_gui.core.export.export import export_run
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import Grasp, Han
from snip_gui.core.recipe.recipe import Recipe, Training
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.extend import copy_extended, extended
from snip_gui.core.runs.folder import read_metrics, read_summary
from snip_gui.core.runs.network import read_network
from snip_gui.core.weight_files.reading import read_checkpoint
from tests.core.execution.folders import (
    SHORT,
    STEPS_PER_EPOCH,
    TRAINED,
    cancelling_at,
    model_weights,
    names,
    same,
    trained,
)
from tests.core.sources import Units, Unnested
from tests.core.training.test_regime import Dropping, Gated, Splicing

HAN = Recipe(
    training=Training(epochs=2),
    pruning=Han(sparsity=0.9, rounds=2, retrain_epochs=1),
)
M = 266_200  # without biases


def masks_of(folder):
    return {name: mask.bool() for name, mask in load_file(folder / files.MASKS).items()}


def removed_are_zero(folder):
    weights = model_weights(folder)
    return all(not weights[name][~mask].any() for name, mask in masks_of(folder).items())


def go_on(folder, environment):
    return resume(folder, environment, lambda _event: None, CancelToken())


@pytest.fixture(scope="module")
def whole_han(tmp_path_factory, environment):
    """A finished run of Han's method that tests may read; with its notes."""
    from snip_gui.core.execution.run import run

    torch.set_num_threads(1)
    folder, notes = tmp_path_factory.mktemp("runs") / "han", []

    def listen(event):
        if isinstance(event, Note):
            notes.append(event.text)

    run(HAN, folder, environment, listen, CancelToken())
    return folder, notes


# A mask that is found while training


def test_han_ends_at_its_sparsity_and_writes_what_it_found(whole_han):
    folder, notes = whole_han
    summary, masks = read_summary(folder), masks_of(folder)
    assert summary.state == "finished"
    assert names(folder) == TRAINED | {"mask_moves.bin"}
    assert sum(int(mask.sum()) for mask in masks.values()) == summary.num_kept == 26_620
    kept = {f"{row.layer}.weight": row.kept for row in summary.layers}
    assert kept == {name: int(mask.sum()) for name, mask in masks.items()}
    assert removed_are_zero(folder)
    rounds = [note for note in notes if note.startswith("Round")]
    first = round(M * 0.1**0.5)
    assert [f"{first:,} of {M:,}" in rounds[0], f"26,620 of {M:,}" in rounds[1]] == [True, True]
    assert len(rounds) == 2


def test_han_trains_dense_first_and_retrains_at_a_tenth(whole_han):
    points = read_metrics(whole_han[0])
    dense, retrained = 2 * STEPS_PER_EPOCH, 4 * STEPS_PER_EPOCH
    rates = {p.step: p.lr for p in points if p.split == "train"}
    assert rates[1] == pytest.approx(0.1)
    assert rates[dense + 1] == pytest.approx(0.01)
    assert max(rates) == retrained
    assert [p.step for p in points if p.split == "test"] == [
        0, STEPS_PER_EPOCH, dense, 3 * STEPS_PER_EPOCH, retrained
    ]  # fmt: skip


def test_the_weights_before_the_first_round_are_those_of_a_dense_training(
    work, whole_han, tmp_path
):
    work(
        Recipe(training=HAN.training, pruning=Han(sparsity=0.0, rounds=1, retrain_epochs=1)),
        tmp_path / "dense",
    )
    one, other = (read_metrics(folder) for folder in (tmp_path / "dense", whole_han[0]))
    step = 2 * STEPS_PER_EPOCH
    losses = [
        next(p.loss for p in ps if (p.step, p.split) == (step, "test")) for ps in (one, other)
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("step", [3, 26, 27, 39, 40, 52])
def test_han_stopped_anywhere_and_resumed_ends_as_if_never_stopped(
    work, environment, whole_han, tmp_path, step
):
    """Within the dense training, between it and a round, after a round's removal, at the end."""
    cancel, listen = cancelling_at(step)
    stopped = work(HAN, tmp_path / "run", cancel=cancel, on_event=listen)
    assert stopped.step == step
    assert removed_are_zero(tmp_path / "run")
    assert stopped.num_kept == sum(int(m.sum()) for m in masks_of(tmp_path / "run").values())
    assert go_on(tmp_path / "run", environment).state == "finished"
    assert same(trained(whole_han[0]), trained(tmp_path / "run"))
    assert same(masks_of(whole_han[0]), masks_of(tmp_path / "run"))
    one, other = (read_summary(folder) for folder in (whole_han[0], tmp_path / "run"))
    assert one.layers == other.layers


def test_han_stopped_before_its_training_begins_dense(work, environment, whole_han, tmp_path):
    summary = work(HAN, tmp_path / "run", stop_after="prune")
    assert summary.num_kept == summary.num_parameters
    assert all(mask.all() for mask in masks_of(tmp_path / "run").values())
    go_on(tmp_path / "run", environment)
    assert same(trained(whole_han[0]), trained(tmp_path / "run"))


def test_a_checkpoint_knows_its_masks_whatever_the_file_of_masks_says(whole_han, tmp_path):
    """As after a kill: the file of masks is written at the end alone."""
    folder = tmp_path / "run"
    shutil.copytree(whole_han[0], folder)
    masks = load_file(folder / files.MASKS)
    save_file({name: torch.ones_like(mask) for name, mask in masks.items()}, folder / files.MASKS)
    found = read_network(folder)
    assert all(torch.equal(found.masks[name], mask) for name, mask in masks.items())
    assert found.manifest["num_kept"] == 26_620


@pytest.mark.parametrize("name", ["safetensors", "csr", "packed"])
def test_what_han_found_is_exported(whole_han, tmp_path, name):
    path = tmp_path / "out.safetensors"
    list(export_run(whole_han[0], name, path, CancelToken()))
    checkpoint = read_checkpoint(path)
    weights = model_weights(whole_han[0])
    for key, mask in masks_of(whole_han[0]).items():
        assert torch.equal(checkpoint.state[key], weights[key])
        assert not checkpoint.state[key][~mask].any()


def test_han_is_extended_under_the_mask_that_it_found(whole_han, environment, tmp_path):
    longer = extended(HAN, 1)
    copy_extended(whole_han[0], tmp_path / "more", longer)
    summary = go_on(tmp_path / "more", environment)
    assert summary.step == 5 * STEPS_PER_EPOCH
    assert same(masks_of(whole_han[0]), masks_of(tmp_path / "more"))
    assert removed_are_zero(tmp_path / "more")
    assert not same(model_weights(whole_han[0]), model_weights(tmp_path / "more"))


@pytest.mark.parametrize("make", [Splicing, Dropping, Gated])
def test_masks_that_rules_change_are_kept_and_resumed(
    work, environment, tmp_path, monkeypatch, make
):
    monkeypatch.setattr(training, "make_regime", lambda _bench: make())
    recipe = with_value(SHORT, "training.learning_rate", 0.02)
    work(recipe, tmp_path / "whole")
    cancel, listen = cancelling_at(STEPS_PER_EPOCH + 3)
    work(recipe, tmp_path / "run", cancel=cancel, on_event=listen)
    go_on(tmp_path / "run", environment)
    assert same(trained(tmp_path / "whole"), trained(tmp_path / "run"))
    assert same(masks_of(tmp_path / "whole"), masks_of(tmp_path / "run"))
    assert removed_are_zero(tmp_path / "run")
    summary = read_summary(tmp_path / "run")
    assert summary.num_kept == sum(int(m.sum()) for m in masks_of(tmp_path / "run").values())
    assert summary.num_kept != num_kept_at(0.95, summary.num_parameters)


# Masks that do not nest, groups, and weights that change with the mask


@pytest.fixture
def ending_in(monkeypatch):
    """Lets a run's method end in what a test decides."""

    def do(make):
        monkeypatch.setattr(
            "snip_gui.core.methods.criteria.snip.prune", lambda bench: iter([make(bench)])
        )

    return do


@pytest.mark.parametrize("make", [Unnested, Units])
def test_masks_of_any_source_are_trained_and_exported(work, environment, tmp_path, ending_in, make):
    ending_in(lambda bench: Pruned(make(bench.prunable.layout)))
    summary = work(SHORT, tmp_path / "run")
    masks = masks_of(tmp_path / "run")
    layout_kept = sum(int(mask.sum()) for mask in masks.values())
    assert layout_kept == summary.num_kept
    assert names(tmp_path / "run") == TRAINED - {files.SCORES}  # there are none
    assert removed_are_zero(tmp_path / "run")
    path = tmp_path / "out.safetensors"
    list(export_run(tmp_path / "run", "safetensors", path, CancelToken()))
    exported = read_checkpoint(path).state
    assert all(torch.equal(exported[n], v) for n, v in model_weights(tmp_path / "run").items())
    cancel, listen = cancelling_at(5)
    work(SHORT, tmp_path / "again", cancel=cancel, on_event=listen)
    go_on(tmp_path / "again", environment)
    assert same(trained(tmp_path / "run"), trained(tmp_path / "again"))


@pytest.mark.parametrize("after", ["keep", "redraw"])
def test_weights_of_the_method_are_what_training_starts_from(
    work, environment, tmp_path, ending_in, after
):
    def with_weights(bench):
        def weights_at(num_kept):
            shapes = {t.name: t.shape for t in bench.prunable.layout.tensors}
            return {n: np.full(s, num_kept / 1e6, np.float32) for n, s in shapes.items()}

        return Pruned(Unnested(bench.prunable.layout), weights_at=weights_at)

    ending_in(with_weights)
    recipe = with_value(SHORT, "pruning.after", after)
    summary = work(recipe, tmp_path / "pruned", stop_after="prune")
    start = load_file(tmp_path / "pruned" / files.START)
    for name, mask in masks_of(tmp_path / "pruned").items():
        kept = start[name][mask]
        is_theirs = bool((kept == np.float32(summary.num_kept / 1e6)).all())
        assert is_theirs == (after == "keep")
        assert not start[name][~mask].any()
    found = read_network(tmp_path / "pruned")
    assert torch.equal(found.state["fc1.weight"], start["fc1.weight"])
    work(recipe, tmp_path / "whole")
    go_on(tmp_path / "pruned", environment)
    assert same(trained(tmp_path / "whole"), trained(tmp_path / "pruned"))


def test_weights_that_the_network_does_not_have_are_a_fault(work, tmp_path, ending_in):
    ending_in(
        lambda bench: Pruned(
            Unnested(bench.prunable.layout),
            weights_at=lambda _n: {"fc9.weight": np.ones((1, 1), np.float32)},
        )
    )
    with pytest.raises(ValueError, match=r"fc9\.weight"):
        work(SHORT, tmp_path / "run")


# Signed scores


def test_grasp_trains_and_resumes(work, environment, tmp_path):
    recipe = Recipe(training=Training(epochs=1), pruning=Grasp(sparsity=0.9, samples_per_class=5))
    summary = work(recipe, tmp_path / "whole")
    scores = load_file(tmp_path / "whole" / files.SCORES)
    masks = masks_of(tmp_path / "whole")
    kept = torch.cat([scores[name][mask] for name, mask in masks.items()])
    removed = torch.cat([scores[name][~mask] for name, mask in masks.items()])
    assert removed.min() < 0
    assert kept.min() >= removed.max()
    assert len(kept) == summary.num_kept == 26_620
    assert load_file(tmp_path / "whole" / files.BATCH)["labels"].bincount().tolist() == [5] * 10
    cancel, listen = cancelling_at(4)
    work(recipe, tmp_path / "run", cancel=cancel, on_event=listen)
    go_on(tmp_path / "run", environment)
    assert same(trained(tmp_path / "whole"), trained(tmp_path / "run"))
