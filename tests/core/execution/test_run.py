from __future__ import annotations

import csv
import json
import math
import re
import shutil

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.errors import Cancelled, DivergedError, UserError
from snip_gui.core.base.events import Note, Progress
from snip_gui.core.base.seeding import stream_seed
from snip_gui.core.execution import book as run_book
from snip_gui.core.execution import run as run_module
from snip_gui.core.execution.run import resume, run, run_steps
from snip_gui.core.models.init import initialise
from snip_gui.core.models.paper.lenet import LeNet300100
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import (
    DataChoice,
    ModelChoice,
    Picked,
    RandomMask,
    Recipe,
    Snip,
    Training,
)
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.events import RunDone
from snip_gui.core.runs.folder import read_metrics, read_recipe, read_summary
from snip_gui.core.runs.listing import list_runs
from snip_gui.core.runs.lock import RUNNING
from snip_gui.core.training.events import Measured, TrainingStarted

SHORT = Recipe(training=Training(epochs=2), pruning=Snip(sparsity=0.95))
STEPS_PER_EPOCH = 13  # 1,257 images in batches of 100

SCORED = {"recipe.json", "summary.json", "init.safetensors", "batch.safetensors",
          "scores.safetensors"}  # fmt: skip
PRUNED = SCORED | {"masks.safetensors", "input_map.png", "layers.png"}
TRAINED = PRUNED | {"metrics.csv", "checkpoint.safetensors", "curves.png"}


@pytest.fixture
def work(environment, digits):
    """Runs a recipe into a folder and returns its summary."""

    def do(recipe, folder, *, cancel=None, on_event=lambda _event: None, **more):
        return run(recipe, folder, environment, on_event, cancel or CancelToken(), **more)

    return do


@pytest.fixture(scope="module")
def finished(tmp_path_factory, environment):
    """A finished run that tests may read; with the events that it gave."""
    torch.set_num_threads(1)
    folder, events = tmp_path_factory.mktemp("runs") / "finished", []
    run(SHORT, folder, environment, events.append, CancelToken())
    return folder, events


def names(folder):
    return {path.name for path in folder.iterdir()}


def model_weights(folder):
    tensors = load_file(folder / files.CHECKPOINT)
    return {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}


def trained(folder):
    """Weights and velocities; the state of torch's global generator is no result."""
    tensors = load_file(folder / files.CHECKPOINT)
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("rng.")}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("stop_after", "state", "expected"),
    [("score", "scored", SCORED), ("prune", "pruned", PRUNED), ("train", "finished", TRAINED)],
)
def test_a_run_folder_is_complete_up_to_where_it_went(work, tmp_path, stop_after, state, expected):
    summary = work(SHORT, tmp_path / "run", stop_after=stop_after)
    assert names(tmp_path / "run") == expected
    assert summary.state == state
    assert read_summary(tmp_path / "run") == summary
    assert read_recipe(tmp_path / "run") == SHORT
    for name in expected:
        if name.endswith(".png"):
            with Image.open(tmp_path / "run" / name) as picture:
                picture.verify()


def test_the_folder_says_all_that_was_scored(finished, digits):
    folder, _ = finished
    model = LeNet300100((1, 28, 28), 10)
    initialise(model, "variance-scaling", stream_seed(0, "init"))
    assert same(load_file(folder / files.INIT), model.state_dict())
    batch = load_file(folder / files.BATCH)
    assert batch["inputs"].shape == (100, 1, 28, 28)
    pixels = batch["inputs"] * digits.deviation_C[0] + digits.mean_C[0]
    whole = torch.from_numpy(digits.train_images.images_NCHW.copy())
    for image, label in zip((pixels * 255).round().byte(), batch["labels"], strict=True):
        places = (whole == image).flatten(1).all(1).nonzero().flatten().tolist()
        assert label in digits.train_labels_N[places]


@pytest.mark.parametrize(
    ("model", "convolutions", "linear"),
    [
        ("lenet-300-100", [], ["fc1", "fc2", "fc3"]),
        ("lenet-5-caffe", ["conv1", "conv2"], ["fc1", "fc2"]),
    ],
)
def test_anyone_can_recompute_the_mask_bit_for_bit(work, tmp_path, model, convolutions, linear):
    recipe = Recipe(model=ModelChoice(name=model))
    work(recipe, tmp_path / "run", stop_after="prune")
    folder = tmp_path / "run"
    torch.set_num_threads(json.loads((folder / "summary.json").read_text())["num_threads"])

    # From here on torch alone, and nothing of this project.
    functional = torch.nn.functional
    w = {name: t.requires_grad_() for name, t in load_file(folder / "init.safetensors").items()}
    batch = load_file(folder / "batch.safetensors")
    units = batch["inputs"]
    for layer in convolutions:
        units = functional.conv2d(units, w[f"{layer}.weight"], w[f"{layer}.bias"])
        units = functional.max_pool2d(units, 2)
    units = units.flatten(1)
    for layer in linear:
        if layer != linear[0]:
            units = units.relu()
        units = functional.linear(units, w[f"{layer}.weight"], w[f"{layer}.bias"])
    functional.cross_entropy(units, batch["labels"]).backward()
    order = [f"{la}.{part}" for la in convolutions + linear for part in ("weight", "bias")]
    score = torch.cat([(w[name] * w[name].grad).abs().flatten() for name in order]).detach()
    score = (score.double() / score.sum(dtype=torch.float64)).float()
    kept = torch.zeros_like(score, dtype=torch.uint8)
    kept[score.argsort(descending=True, stable=True)[: round(len(score) * 0.1)]] = 1

    masks = load_file(folder / "masks.safetensors")
    stored = load_file(folder / "scores.safetensors")
    assert masks.keys() == stored.keys() == set(order)
    sizes = [w[name].numel() for name in order]
    for name, mask, part in zip(order, kept.split(sizes), score.split(sizes), strict=True):
        assert torch.equal(stored[name].flatten(), part), name
        assert torch.equal(masks[name].flatten(), mask), name


def test_two_runs_of_a_recipe_are_equal(work, finished, tmp_path):
    summary = work(SHORT, tmp_path / "again")
    for name in (files.INIT, files.BATCH, files.SCORES, files.MASKS):
        one, other = (load_file(folder / name) for folder in (finished[0], tmp_path / "again"))
        assert same(one, other), name
    assert same(trained(finished[0]), trained(tmp_path / "again"))
    assert summary.batch_digest == read_summary(finished[0]).batch_digest


def test_another_seed_is_another_run(work, finished, tmp_path):
    summary = work(with_value(SHORT, "seed", 1), tmp_path / "other", stop_after="prune")
    for name in (files.INIT, files.BATCH, files.SCORES, files.MASKS):
        assert not same(*(load_file(f / name) for f in (finished[0], tmp_path / "other"))), name
    assert summary.batch_digest != read_summary(finished[0]).batch_digest


def test_the_numbers_of_the_summary_agree_with_the_files(finished):
    folder, _ = finished
    summary = read_summary(folder)
    masks, scores = load_file(folder / files.MASKS), load_file(folder / files.SCORES)
    assert summary.num_parameters == sum(mask.numel() for mask in masks.values()) == 266_610
    assert summary.num_kept == sum(int(mask.sum()) for mask in masks.values()) == 13_331
    assert summary.num_zero_scores == sum(int((s == 0).sum()) for s in scores.values())
    assert summary.num_weights == 266_200
    assert sum(float(s.sum(dtype=torch.float64)) for s in scores.values()) == pytest.approx(1)
    for row in summary.layers:
        parts = [mask for name, mask in masks.items() if name.startswith(row.layer + ".")]
        assert row.kept == sum(int(part.sum()) for part in parts)
        assert row.total == sum(part.numel() for part in parts)
    points = read_metrics(folder)
    for split in ("train", "validation", "test"):
        last = [p for p in points if p.split == split][-1]
        assert summary.final[split].loss == pytest.approx(last.loss, abs=1e-6)
        assert summary.final[split].accuracy == pytest.approx(last.accuracy, abs=1e-6)
    best = min(p.error for p in points if p.split == "validation")
    assert summary.best_validation_error == pytest.approx(best, abs=1e-6)
    assert (summary.step, summary.num_steps) == (2 * STEPS_PER_EPOCH, 2 * STEPS_PER_EPOCH)
    assert {p.step for p in points if p.split == "test"} == {0, 13, 26}
    assert summary.device == "cpu"
    assert summary.versions["torch"] == torch.__version__


def test_trained_weights_are_zero_where_the_mask_is(finished):
    folder, _ = finished
    weights, masks = model_weights(folder), load_file(folder / files.MASKS)
    init = load_file(folder / files.INIT)
    for name, mask in masks.items():
        assert not weights[name][mask == 0].any()
        assert bool(mask.any()) is not torch.equal(weights[name], init[name] * mask)


def test_the_final_errors_are_those_of_the_checkpoint(finished, digits):
    folder, _ = finished
    model = LeNet300100((1, 28, 28), 10)
    model.load_state_dict(model_weights(folder))
    pixels = torch.from_numpy(digits.test_images.images_NCHW.astype(np.float32)) / 255
    with torch.no_grad():
        scores = model((pixels - digits.mean_C[0]) / digits.deviation_C[0])
    accuracy = (scores.argmax(1).numpy() == digits.test_labels_N).mean()
    assert read_summary(folder).final["test"].accuracy == pytest.approx(accuracy)


def test_events_tell_the_whole_story(finished):
    folder, events = finished
    assert isinstance(events[-1], RunDone)
    assert events[-1].folder == folder
    (started,) = [event for event in events if isinstance(event, TrainingStarted)]
    assert (started.first_step, started.num_steps, started.num_kept) == (0, 26, 13_331)
    points = [p for event in events if isinstance(event, Measured) for p in event.points]
    assert [(p.step, p.split) for p in points] == [(p.step, p.split) for p in read_metrics(folder)]
    done = [e.done for e in events if isinstance(e, Progress) and e.total]
    assert done == sorted(done)
    assert done[-1] == started.num_steps


def test_a_folder_that_holds_a_run_is_refused_and_left_alone(work, finished):
    folder, _ = finished
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match="already holds a run"):
        work(SHORT, folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_cannot_be_written_to_is_refused(work, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        work(SHORT, tmp_path / "file" / "run")


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("pruning.sparsity", 1 - 1e-9, "pruning.sparsity"),
        ("pruning.exclude", ("fc9",), "pruning.exclude"),
        ("model.name", "lenet-6", "model.name"),
        ("data.name", "imagenet", "data.name"),
        ("minibatch.size", 5_000, "minibatch.size"),
        ("minibatch", Picked(indices=()), "minibatch"),
    ],
)
def test_a_recipe_that_cannot_be_worked_out_is_refused_and_leaves_no_folder(
    work, tmp_path, path, value, field
):
    with pytest.raises(UserError) as caught:
        work(with_value(SHORT, path, value), tmp_path / "run")
    assert caught.value.field == field
    assert not (tmp_path / "run").exists()


def test_the_highest_sparsity_that_keeps_one_is_accepted(work, tmp_path):
    summary = work(
        with_value(SHORT, "pruning.sparsity", 1 - 1 / 266_610), tmp_path / "r", stop_after="prune"
    )
    assert summary.num_kept == 1


def test_a_device_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="cuda:7"):
        run(
            SHORT,
            tmp_path / "run",
            Environment(device="cuda:7", num_threads=1),
            lambda _event: None,
            CancelToken(),
        )
    assert not (tmp_path / "run").exists()


def test_nothing_pruned_is_the_dense_network(work, tmp_path):
    summary = work(with_value(SHORT, "pruning.sparsity", 0.0), tmp_path / "run")
    assert summary.num_kept == 266_610
    assert all(bool(mask.all()) for mask in load_file(tmp_path / "run" / files.MASKS).values())


def test_weights_only_leaves_biases_dense(work, tmp_path):
    recipe = with_value(SHORT, "pruning.prunable", "weights")
    summary = work(recipe, tmp_path / "run")
    assert (summary.num_parameters, summary.num_kept) == (266_200, 13_310)
    assert set(load_file(tmp_path / "run" / files.MASKS)) == {
        "fc1.weight", "fc2.weight", "fc3.weight"
    }  # fmt: skip
    assert model_weights(tmp_path / "run")["fc1.bias"].any()


def test_an_excluded_layer_stays_dense(work, tmp_path):
    recipe = with_value(SHORT, "pruning.exclude", ("fc3",))
    work(recipe, tmp_path / "run")
    assert not any(name.startswith("fc3") for name in load_file(tmp_path / "run" / files.MASKS))
    assert bool(model_weights(tmp_path / "run")["fc3.weight"].all())


def test_without_held_out_images_there_is_no_validation(work, tmp_path):
    recipe = msgspec.structs.replace(SHORT, data=DataChoice(validation_fraction=0))
    summary = work(recipe, tmp_path / "run")
    assert set(summary.final) == {"train", "test"}
    assert summary.best_validation_error is None


def test_redrawing_trains_other_weights_under_the_same_mask(work, finished, tmp_path):
    work(with_value(SHORT, "pruning.after", "redraw"), tmp_path / "run")
    folder = tmp_path / "run"
    assert names(folder) == TRAINED | {"start.safetensors"}
    assert same(load_file(folder / files.MASKS), load_file(finished[0] / files.MASKS))
    assert same(load_file(folder / files.INIT), load_file(finished[0] / files.INIT))
    init, start = load_file(folder / files.INIT), load_file(folder / files.START)
    mask = load_file(folder / files.MASKS)["fc1.weight"].bool()
    assert not torch.equal(start["fc1.weight"][mask], init["fc1.weight"][mask])
    assert not start["fc1.weight"][~mask].any()
    assert not torch.equal(
        model_weights(folder)["fc1.weight"], model_weights(finished[0])["fc1.weight"]
    )


def test_a_pruned_run_with_redrawing_says_where_training_would_begin(work, tmp_path):
    recipe = with_value(SHORT, "pruning.after", "redraw")
    work(recipe, tmp_path / "pruned", stop_after="prune")
    work(recipe, tmp_path / "whole")
    assert names(tmp_path / "pruned") == PRUNED | {"start.safetensors"}
    assert same(*(load_file(tmp_path / name / files.START) for name in ("pruned", "whole")))


def test_the_random_method_keeps_as_many_and_scores_nothing(work, finished, tmp_path):
    recipe = msgspec.structs.replace(SHORT, pruning=RandomMask(sparsity=0.95))
    summary = work(recipe, tmp_path / "run")
    assert names(tmp_path / "run") == TRAINED
    assert summary.num_kept == 13_331
    masks = load_file(tmp_path / "run" / files.MASKS)
    assert not same(masks, load_file(finished[0] / files.MASKS))
    share = masks["fc1.weight"].double().mean()
    assert float(share) == pytest.approx(0.05, rel=0.05)


def cancelling_at(step):
    """A token, and a listener that cancels it once training has come to a step."""
    cancel = CancelToken()

    def listen(event):
        if isinstance(event, Progress) and event.total and event.done >= step:
            cancel.cancel()

    return cancel, listen


@pytest.mark.parametrize("step", [1, 6, STEPS_PER_EPOCH, STEPS_PER_EPOCH + 1])
@pytest.mark.parametrize("after", ["keep", "redraw"])
def test_a_run_stopped_and_resumed_ends_as_if_never_stopped(
    work, environment, tmp_path, step, after
):
    recipe = with_value(SHORT, "pruning.after", after)
    whole = work(recipe, tmp_path / "whole")
    cancel, listen = cancelling_at(step)
    stopped = work(recipe, tmp_path / "run", cancel=cancel, on_event=listen)
    assert stopped.state == "stopped"
    assert 0 < stopped.step < stopped.num_steps
    assert names(tmp_path / "run") >= TRAINED
    summary = resume(tmp_path / "run", environment, lambda _event: None, CancelToken())
    assert summary.state == "finished"
    one, other = trained(tmp_path / "whole"), trained(tmp_path / "run")
    assert any(name.startswith("optimizer.") for name in one)
    assert same(one, other)
    assert summary.final["test"] == whole.final["test"]
    held_out = [
        [(p.step, p.split, p.loss) for p in read_metrics(tmp_path / name) if p.split != "train"]
        for name in ("whole", "run")
    ]
    assert held_out[0] == held_out[1]


def test_a_run_stopped_before_its_last_evaluation_is_measured_by_resuming(
    work, environment, finished, tmp_path
):
    cancel, listen = cancelling_at(2 * STEPS_PER_EPOCH)
    stopped = work(SHORT, tmp_path / "run", cancel=cancel, on_event=listen)
    assert (stopped.state, stopped.step) == ("stopped", stopped.num_steps)
    summary = resume(tmp_path / "run", environment, lambda _event: None, CancelToken())
    assert summary.state == "finished"
    assert summary.final["test"] == files.read_summary(finished[0]).final["test"]


def test_cancelling_before_training_makes_no_run(work, tmp_path):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        work(SHORT, tmp_path / "run", cancel=cancel)
    assert not (tmp_path / "run").exists()


def test_a_pruned_run_is_trained_by_resuming(work, environment, tmp_path, finished):
    work(SHORT, tmp_path / "run", stop_after="prune")
    summary = resume(tmp_path / "run", environment, lambda _event: None, CancelToken())
    assert summary.state == "finished"
    assert names(tmp_path / "run") == TRAINED
    assert same(model_weights(tmp_path / "run"), model_weights(finished[0]))


def test_resuming_a_finished_run_does_nothing(finished, environment):
    folder, _ = finished
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    events = []
    summary = resume(folder, environment, events.append, CancelToken())
    assert summary == read_summary(folder)
    assert not any(isinstance(event, TrainingStarted) for event in events)
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    assert after == before


def test_resuming_a_scored_run_is_refused(work, environment, tmp_path):
    work(SHORT, tmp_path / "run", stop_after="score")
    with pytest.raises(UserError, match="scored"):
        resume(tmp_path / "run", environment, lambda _event: None, CancelToken())


def test_resuming_what_is_no_run_is_refused(environment, tmp_path):
    with pytest.raises(UserError, match=r"recipe\.json"):
        resume(tmp_path, environment, lambda _event: None, CancelToken())


def test_resuming_uses_the_recorded_thread_count(work, tmp_path):
    work(SHORT, tmp_path / "run", stop_after="prune")
    seen = []
    more = Environment(device="cpu", num_threads=2)
    resume(
        tmp_path / "run", more, lambda _event: seen.append(torch.get_num_threads()), CancelToken()
    )
    assert seen[-1] == 1
    assert read_summary(tmp_path / "run").num_threads == 1


def test_rows_after_the_checkpoint_are_dropped(work, environment, tmp_path):
    # As when the program was killed some time after a checkpoint.
    cancel, listen = cancelling_at(STEPS_PER_EPOCH)
    work(SHORT, tmp_path / "run", cancel=cancel, on_event=listen)
    path = tmp_path / "run" / files.METRICS
    kept = read_metrics(tmp_path / "run")
    with path.open("a", newline="") as file:
        csv.writer(file).writerow(["20", "1.5000", "train", "9.0", "0.5", "0.1", "99.0"])
        file.write("21,1.6,tra")
    events = []
    resume(tmp_path / "run", environment, events.append, CancelToken())
    points = read_metrics(tmp_path / "run")
    assert points[: len(kept)] == kept
    assert not any(p.loss == 9.0 for p in points)
    steps = [(p.step, p.split) for p in points]
    assert steps == sorted(set(steps), key=steps.index)  # none twice
    first = next(event for event in events if isinstance(event, Measured))
    assert list(first.points) == kept  # a window draws the whole curve


def test_a_run_killed_before_its_first_checkpoint_begins_anew(
    work, environment, tmp_path, finished
):
    steps = run_steps(SHORT, tmp_path / "run", environment, CancelToken())
    for event in steps:
        if isinstance(event, Progress) and event.total and event.done == 5:
            break
    steps.close()
    assert not (tmp_path / "run" / files.CHECKPOINT).exists()
    assert len(read_metrics(tmp_path / "run")) > 2
    resume(tmp_path / "run", environment, lambda _event: None, CancelToken())
    assert same(model_weights(tmp_path / "run"), model_weights(finished[0]))
    rows = [(p.step, p.split, p.loss) for p in read_metrics(tmp_path / "run")]
    assert rows == [(p.step, p.split, p.loss) for p in read_metrics(finished[0])]


@pytest.mark.parametrize("damage", ["truncated", "other network"])
def test_a_damaged_checkpoint_is_refused(work, environment, tmp_path, damage):
    cancel, listen = cancelling_at(3)
    work(SHORT, tmp_path / "run", cancel=cancel, on_event=listen)
    path = tmp_path / "run" / files.CHECKPOINT
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        tensors = load_file(path)
        tensors["model.fc1.weight"] = tensors["model.fc1.weight"].T.contiguous()
        save_file(tensors, path, {"snip_gui": '{"step": 3, "seconds": 1}'})
    with pytest.raises(UserError, match=r"checkpoint\.safetensors"):
        resume(tmp_path / "run", environment, lambda _event: None, CancelToken())


@pytest.mark.parametrize("rate", [30.0, 100.0])
def test_a_diverged_run_keeps_its_history_and_no_bad_checkpoint(
    work, environment, tmp_path, monkeypatch, rate
):
    monkeypatch.setattr(run_book, "_CHECKPOINT_SECONDS", -1.0)  # one after every point
    training = Training(epochs=40, learning_rate=rate, decay_at=())
    recipe = Recipe(training=training, pruning=Snip(sparsity=0.0))
    events = []
    with pytest.raises(DivergedError) as caught:
        work(recipe, tmp_path / "run", on_event=events.append)
    assert caught.value.field == "training.learning_rate"
    folder = tmp_path / "run"
    summary = read_summary(folder)  # readable: no number in it is NaN
    assert summary.state == "diverged"
    assert caught.value.message in summary.message
    points = read_metrics(folder)
    assert points
    assert all(math.isfinite(p.loss) for p in points)
    assert (folder / "curves.png").exists()
    assert (folder / files.CHECKPOINT).exists()
    assert all(bool(w.isfinite().all()) for w in model_weights(folder).values())
    assert isinstance(events[-1], RunDone)
    with pytest.raises(UserError, match="diverged"):
        resume(folder, environment, lambda _event: None, CancelToken())


def test_a_diverged_run_without_a_checkpoint_keeps_its_curve(work, tmp_path):
    training = Training(epochs=40, learning_rate=100.0)
    with pytest.raises(DivergedError):
        work(Recipe(training=training, pruning=Snip(sparsity=0.0)), tmp_path / "run")
    assert read_metrics(tmp_path / "run")
    assert not (tmp_path / "run" / files.CHECKPOINT).exists()


def test_images_in_memory_are_not_read_again(environment, digits, tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("read again")

    monkeypatch.setattr(run_module, "read_images", refuse)
    *_, last = run_steps(
        SHORT, tmp_path / "run", environment, CancelToken(), images=digits, stop_after="prune"
    )
    assert last.summary.state == "pruned"


def test_a_training_says_what_it_leaves_out_and_how_fast_it_is(finished):
    folder, events = finished
    (started,) = [event for event in events if isinstance(event, TrainingStarted)]
    assert started.rates.trained > 0
    summary = read_summary(folder)
    assert re.match(r"Training \d+ of 784 pixels and \d+ of 400 units", summary.trained_part)
    notes = [event.text for event in events if isinstance(event, Note)]
    assert f"{summary.trained_part} {started.rates.text}." in notes
    masks, start = load_file(folder / files.MASKS), load_file(folder / files.INIT)
    weights = model_weights(folder)
    # The rest of the kept connections are as they were.
    still = [(weights[k] == start[k]) & (mask == 1) for k, mask in masks.items()]
    assert 0 < summary.num_off_path <= sum(int(one.sum()) for one in still)


def test_training_the_whole_network_under_its_mask_ends_alike(work, finished, tmp_path):
    summary = work(with_value(SHORT, "training.shrink", False), tmp_path / "run")
    assert (summary.trained_part, summary.num_off_path) == ("", 0)
    other = read_summary(finished[0])
    assert summary.final["test"].loss == pytest.approx(other.final["test"].loss, abs=1e-3)
    assert trained(tmp_path / "run").keys() == trained(finished[0]).keys()


def test_an_image_set_that_is_resized_is_shrunk_too(work, tmp_path):
    recipe = with_value(SHORT, "model.input_size", 20)
    summary = work(recipe, tmp_path / "run")
    assert "of 400 pixels" in summary.trained_part


def test_a_run_killed_before_its_training_begins_anew(work, environment, tmp_path, finished):
    folder = tmp_path / "run"
    for state, lost in (("scored", (files.MASKS,)), ("", (files.MASKS, files.SUMMARY))):
        work(SHORT, folder, stop_after="score")
        with pytest.raises(UserError, match="it is scored"):  # it was to end there
            resume(folder, environment, lambda _event: None, CancelToken())
        assert next(list_runs(tmp_path)).state == "scored"
        for name in lost:
            (folder / name).unlink(missing_ok=True)
        (folder / RUNNING).write_text('{"pid": 1, "started": 0.5}')  # of a process long gone
        (folder / ".scores.safetensors.x.part").write_bytes(b"half")
        entry = next(list_runs(tmp_path))
        assert (entry.state, entry.can_continue, state) == ("stopped", True, state)
        assert "before its training began" in entry.message
        resume(folder, environment, lambda _event: None, CancelToken())
        assert same(trained(folder), trained(finished[0]))
        assert names(folder) == TRAINED
        shutil.rmtree(folder)
