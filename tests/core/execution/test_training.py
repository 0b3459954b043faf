"""What a recipe can say of the training, worked out into run folders."""

from __future__ import annotations

import errno

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import DiskFullError, UserError
from snip_gui.core.base.events import Note, Progress
from snip_gui.core.execution import book as run_book
from snip_gui.core.execution import training as run_training
from snip_gui.core.execution.resume import resume
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import ModelChoice, Recipe, Training
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.extend import copy_extended, extended
from snip_gui.core.runs.folder import read_metrics, read_recipe, read_summary
from snip_gui.core.training.events import PointsMeasured, TrainingPaused

SHORT = Recipe(training=Training(epochs=3, batch_size=100), pruning=Snip(sparsity=0.95))


def training_of(recipe, **changes):
    training = msgspec.structs.replace(recipe.training, **changes)
    return msgspec.structs.replace(recipe, training=training)


@pytest.fixture
def work(environment):
    def _work(recipe, folder, on_event=lambda _event: None, cancel=None):
        return run(recipe, folder, environment, on_event, cancel or CancelToken())

    return _work


def stored(folder, name):
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
    _, _, scored = true.minibatch
    assert torch.equal(shuffled.minibatch[2], scored)
    held_out = [b.batches("train", b.split.validation_indices) for b in (true, shuffled)]
    assert torch.equal(*(one.batch(slice(None))[1] for one in held_out))


def test_with_shuffled_labels_the_mask_stays_and_nothing_true_is_learnt(work, tmp_path):
    work(SHORT, tmp_path / "true")
    summary = work(training_of(SHORT, labels="shuffled"), tmp_path / "shuffled")
    for name in (files.MASKS, files.SCORES, files.BATCH, files.INIT):
        assert same(stored(tmp_path / "true", name), stored(tmp_path / "shuffled", name))
    assert summary.final["test"].accuracy < 0.4
    assert summary.final["train"].loss > 2


def test_augmentation_changes_the_training_alone(work, tmp_path):
    plain = work(SHORT, tmp_path / "plain")
    changed = work(training_of(SHORT, augmentation="shift"), tmp_path / "changed")
    for name in (files.MASKS, files.SCORES, files.BATCH):
        assert same(stored(tmp_path / "plain", name), stored(tmp_path / "changed", name))
    first = [read_metrics(tmp_path / name)[:2] for name in ("plain", "changed")]
    assert [(p.loss, p.accuracy) for p in first[0]] == [(p.loss, p.accuracy) for p in first[1]]
    assert changed.final["train"].loss > plain.final["train"].loss + 0.1


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("model", ["lenet-300-100", "lenet-5-caffe"])
def test_every_optimizer_learns_and_resumes_as_if_never_stopped(
    work, environment, tmp_path, optimizer, model
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
    resume(tmp_path / "part", environment, lambda _event: None, CancelToken())
    one, other = (stored(tmp_path / name, files.CHECKPOINT) for name in ("whole", "part"))
    assert same(one, other)
    # The stop ends a training point early; all that is held out agrees.
    points = [read_metrics(tmp_path / name) for name in ("whole", "part")]
    losses = [[p.loss for p in one if p.split != "train"] for one in points]
    assert losses[0] == losses[1]


# A full disk


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def quick_looks(monkeypatch):
    monkeypatch.setattr(run_training, "_LOOK_SECONDS", 0.0)


def failing(method, times, error):
    """The method, which finds the disk full at some of its calls."""
    calls = []

    def maybe(*arguments):
        calls.append(arguments)
        if len(calls) in times:
            raise error
        return method(*arguments)

    return maybe


@pytest.mark.parametrize(
    ("what", "times"), [("rows", {1, 2}), ("rows", {9, 10, 11}), ("checkpoint", {2, 3})]
)
def test_a_full_disk_pauses_the_training_which_resumes_when_there_is_room(
    work, tmp_path, monkeypatch, quick_looks, what, times
):
    expected = work(SHORT, tmp_path / "expected")
    if what == "rows":
        write = failing(run_book.RunBook._write_rows, times, FULL)
        monkeypatch.setattr(run_book.RunBook, "_write_rows", staticmethod(write))
    else:
        monkeypatch.setattr(run_book, "_CHECKPOINT_SECONDS", -1.0)
        write = failing(run_book.save_checkpoint, times, DiskFullError(FULL.strerror))
        monkeypatch.setattr(run_book, "save_checkpoint", write)
    events = []
    summary = work(SHORT, tmp_path / "run", events.append)
    said = [event.text for event in events if isinstance(event, TrainingPaused)]
    assert len(said) == 2
    assert "No space left on device" in said[0]
    assert said[1] == ""
    assert summary.final == expected.final
    assert same(
        stored(tmp_path / "run", files.CHECKPOINT),
        stored(tmp_path / "expected", files.CHECKPOINT),
    )
    points = [read_metrics(tmp_path / folder) for folder in ("run", "expected")]
    assert [(p.step, p.loss) for p in points[0]] == [(p.step, p.loss) for p in points[1]]


def test_a_training_that_waits_for_room_can_be_stopped_and_resumed(
    work, environment, tmp_path, monkeypatch, quick_looks
):
    monkeypatch.setattr(run_book, "_CHECKPOINT_SECONDS", -1.0)
    cancel, save = CancelToken(), run_book.save_checkpoint
    calls = []

    def full(path, trainer):
        calls.append(path)
        if len(calls) > 3:
            raise DiskFullError("There is no room.")
        save(path, trainer)

    def stop(event):
        if isinstance(event, TrainingPaused):
            cancel.cancel()

    monkeypatch.setattr(run_book, "save_checkpoint", full)
    with pytest.raises(DiskFullError, match="no room"):
        work(SHORT, tmp_path / "run", stop, cancel)
    assert read_summary(tmp_path / "run").state == "stopped"
    monkeypatch.setattr(run_book, "save_checkpoint", save)
    resume(tmp_path / "run", environment, lambda _event: None, CancelToken())
    work(SHORT, tmp_path / "whole")
    one, other = (stored(tmp_path / name, files.CHECKPOINT) for name in ("run", "whole"))
    assert same(one, other)


def test_another_fault_of_the_disk_ends_the_training_and_is_said(work, tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(run_book.RunBook, "_write_rows", staticmethod(broken))
    with pytest.raises(UserError, match="Input/output error"):
        work(SHORT, tmp_path / "run")


# A full device


@pytest.mark.parametrize("where", ["prepare", "run"])
def test_a_full_device_proposes_half_the_batch_and_keeps_what_was_done(
    work, tmp_path, monkeypatch, where
):
    from snip_gui.core.training import loop, preparing

    module, allowed = (preparing, 0) if where == "prepare" else (loop, 5)
    descend, calls = module.descend, []

    def full(*arguments, **options):
        calls.append(arguments)
        if len(calls) > allowed:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return descend(*arguments, **options)

    monkeypatch.setattr(module, "descend", full)
    with pytest.raises(UserError, match="100 images at once") as caught:
        work(SHORT, tmp_path / "run")
    assert (caught.value.field, caught.value.proposal) == ("training.batch_size", 50)
    assert "Try 50" in caught.value.hint
    if where == "run":
        assert (read_summary(tmp_path / "run").state, read_summary(tmp_path / "run").step) == (
            "stopped",
            5,
        )


# More epochs


@pytest.mark.parametrize("rate", [0.0, 0.03])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_run_extended_is_the_run_of_its_recipe(work, environment, tmp_path, rate, optimizer):
    recipe = training_of(SHORT, optimizer=optimizer, learning_rate=0.01, augmentation="shift")
    work(recipe, tmp_path / "first")
    before = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    longer = extended(recipe, 2, rate)
    copy_extended(tmp_path / "first", tmp_path / "longer", longer)
    assert read_recipe(tmp_path / "longer") == longer != recipe
    assert read_summary(tmp_path / "longer").state == "stopped"
    notes = []
    summary = resume(
        tmp_path / "longer",
        environment,
        lambda event: notes.append(event.text) if isinstance(event, Note) else None,
        CancelToken(),
    )
    assert summary.state == "finished"
    assert {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()} == before
    work(longer, tmp_path / "whole")
    one, other = (stored(tmp_path / name, files.CHECKPOINT) for name in ("longer", "whole"))
    assert same(one, other)
    points = [read_metrics(tmp_path / name) for name in ("longer", "whole")]
    assert [(p.step, p.split, p.loss) for p in points[0]] == [
        (p.step, p.split, p.loss) for p in points[1]
    ]
    assert points[0][-1].epoch == 5


def test_only_a_finished_run_is_extended_and_into_an_empty_folder(work, tmp_path):
    cancel = CancelToken()
    work(
        SHORT,
        tmp_path / "part",
        lambda e: cancel.cancel() if isinstance(e, Progress) and e.done == 3 else None,
        cancel,
    )
    with pytest.raises(UserError, match="it is stopped"):
        copy_extended(tmp_path / "part", tmp_path / "new", extended(SHORT, 1))
    work(SHORT, tmp_path / "whole")
    with pytest.raises(UserError, match="already holds a run"):
        copy_extended(tmp_path / "whole", tmp_path / "part", extended(SHORT, 1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part", "whole"]


def test_what_a_killed_extension_left_is_removed_by_the_next(work, tmp_path, monkeypatch):
    work(SHORT, tmp_path / "whole")
    longer = extended(SHORT, 1)

    def die(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("snip_gui.core.runs.extend._copy", die)
        patch.setattr("shutil.rmtree", lambda *_a, **_k: None)  # as if it did not get that far
        with pytest.raises(KeyboardInterrupt):
            copy_extended(tmp_path / "whole", tmp_path / "longer", longer)
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr("snip_gui.core.base.files.pid_runs", lambda _pid: False)
    copy_extended(tmp_path / "whole", tmp_path / "longer", longer)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["longer", "whole"]


def test_epochs_added_twice_add_up_at_one_rate():
    twice = extended(extended(SHORT, 2, 0.01), 3, 0.01)
    assert (twice.training.added_epochs, twice.num_epochs) == (5, 8)
    with pytest.raises(UserError, match="another learning rate"):
        extended(twice, 1, 0.02)
    with pytest.raises(UserError, match="no extra epochs"):
        extended(SHORT, 0)


def test_metrics_that_are_removed_or_cut_while_training_come_back_whole(work, tmp_path):
    expected = work(SHORT, tmp_path / "expected")
    path = tmp_path / "run" / files.METRICS
    changes = [lambda: path.unlink(), lambda: path.write_text("step\n"), lambda: path.unlink()]
    sizes = []

    def change(event):
        if isinstance(event, PointsMeasured) and changes and path.exists():
            sizes.append(path.stat().st_size)
            changes.pop()()

    summary = work(SHORT, tmp_path / "run", change)
    assert summary.final == expected.final
    assert len(sizes) == 3
    rows = [
        (tmp_path / name / files.METRICS).read_text().splitlines() for name in ("run", "expected")
    ]
    assert rows[0][0] == rows[1][0]
    assert len(rows[0]) == len(rows[1])


def test_what_ended_a_training_is_said_though_it_cannot_be_kept(work, tmp_path, monkeypatch):
    def read_only(*_arguments):
        raise UserError("The disk is read-only.")

    wild = training_of(SHORT, learning_rate=100.0, momentum=0.99, epochs=50)
    monkeypatch.setattr(run_book.RunBook, "close", read_only)
    with pytest.raises(UserError, match=r"(became|overflowed).*The disk is read-only"):
        work(wild, tmp_path / "run")
