"""What a recipe can say of the training, worked out into run folders."""

from __future__ import annotations

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from snip_gui.core import run_folder as files
from snip_gui.core.cancel import CancelToken
from snip_gui.core.recipe import ModelChoice, Recipe, Snip, Training
from snip_gui.core.run import resume, run
from snip_gui.core.run_folder import read_metrics

SHORT = Recipe(training=Training(epochs=3, batch_size=100), pruning=Snip(sparsity=0.95))


def training_of(recipe, **changes):
    training = msgspec.structs.replace(recipe.training, **changes)
    return msgspec.structs.replace(recipe, training=training)


@pytest.fixture
def work(surroundings):
    def _work(recipe, folder, on_event=lambda _event: None, cancel=None):
        return run(recipe, folder, surroundings, on_event, cancel or CancelToken())

    return _work


def tensors(folder, name):
    return load_file(folder / name)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_shuffled_labels_are_trained_on_while_true_ones_are_scored(make_bench):
    true, shuffled = (make_bench(training_of(SHORT, labels=k)) for k in ("true", "shuffled"))
    pairs = [bench.training_batches().batch(slice(None)) for bench in (true, shuffled)]
    (images, labels), (same_images, other_labels) = pairs
    assert torch.equal(images, same_images)
    assert (labels != other_labels).float().mean() > 0.8  # nine in ten of ten classes
    assert torch.equal(labels.bincount(), other_labels.bincount())
    again = make_bench(training_of(SHORT, labels="shuffled")).training_batches()
    assert torch.equal(again.batch(slice(None))[1], other_labels)
    _, _, scored = true.minibatch()
    assert torch.equal(shuffled.minibatch()[2], scored)
    held_out = [b.batches("train", b.split.validation_indices) for b in (true, shuffled)]
    assert torch.equal(*(one.batch(slice(None))[1] for one in held_out))


def test_with_shuffled_labels_the_mask_stays_and_nothing_true_is_learnt(work, tmp_path):
    work(SHORT, tmp_path / "true")
    summary = work(training_of(SHORT, labels="shuffled"), tmp_path / "shuffled")
    for name in (files.MASKS, files.SCORES, files.BATCH, files.INIT):
        assert same(tensors(tmp_path / "true", name), tensors(tmp_path / "shuffled", name))
    assert summary.final["test"].accuracy < 0.4
    assert summary.final["train"].loss > 2


def test_augmentation_changes_the_training_alone(work, tmp_path):
    plain = work(SHORT, tmp_path / "plain")
    changed = work(training_of(SHORT, augmentation="shift"), tmp_path / "changed")
    for name in (files.MASKS, files.SCORES, files.BATCH):
        assert same(tensors(tmp_path / "plain", name), tensors(tmp_path / "changed", name))
    first = [read_metrics(tmp_path / name)[:2] for name in ("plain", "changed")]
    assert [(p.loss, p.accuracy) for p in first[0]] == [(p.loss, p.accuracy) for p in first[1]]
    assert changed.final["train"].loss > plain.final["train"].loss + 0.1


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("model", ["lenet-300-100", "lenet-5-caffe"])
def test_every_optimizer_learns_and_goes_on_as_if_never_stopped(
    work, surroundings, tmp_path, optimizer, model
):
    rate = 0.02 if optimizer == "sgd" else 0.001
    recipe = training_of(
        msgspec.structs.replace(SHORT, model=ModelChoice(name=model)),
        **{"optimizer": optimizer, "learning_rate": rate, "schedule": "cosine", "epochs": 2},
        augmentation="shift",
    )
    whole = work(recipe, tmp_path / "whole")
    assert whole.final["test"].loss < 2.2
    cancel = CancelToken()

    def stop(event):
        if getattr(event, "done", 0) == 9:
            cancel.cancel()

    stopped = work(recipe, tmp_path / "part", stop, cancel)
    assert (stopped.state, stopped.step) == ("stopped", 9)
    resume(tmp_path / "part", surroundings, lambda _event: None, CancelToken())
    one, other = (tensors(tmp_path / name, files.CHECKPOINT) for name in ("whole", "part"))
    assert same(one, other)
    # The stop ends a training point early; all that is held out agrees.
    points = [read_metrics(tmp_path / name) for name in ("whole", "part")]
    losses = [[p.loss for p in one if p.split != "train"] for one in points]
    assert losses[0] == losses[1]
