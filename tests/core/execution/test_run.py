from __future__ import annotations

import json
import math
import re

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.errors import Cancelled, DivergedError, UserError
from snip_gui.core.base.events import Note, Progress
from snip_gui.core.base.seeding import stream_seed
from snip_gui.core.execution import book as run_book
from snip_gui.core.execution import stages
from snip_gui.core.execution.resume import resume
from snip_gui.core.execution.run import run, run_steps
from snip_gui.core.models.init import initialise
from snip_gui.core.models.paper.lenet import LeNet300100
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import RandomMask, Snip
from snip_gui.core.recipe.recipe import DataChoice, ModelChoice, Picked, Recipe, Training
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.events import RunDone
from snip_gui.core.runs.folder import read_metrics, read_recipe, read_summary
from snip_gui.core.training.events import PointsMeasured, TrainingStarted
from tests.core.execution.folders import (
    PRUNED,
    SCORED,
    SHORT,
    STEPS_PER_EPOCH,
    TRAINED,
    model_weights,
    names,
    same,
    trained,
)


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


def test_events_report_the_whole_run(finished):
    folder, events = finished
    assert isinstance(events[-1], RunDone)
    assert events[-1].folder == folder
    (started,) = [event for event in events if isinstance(event, TrainingStarted)]
    assert (started.first_step, started.num_steps, started.num_kept) == (0, 26, 13_331)
    points = [p for event in events if isinstance(event, PointsMeasured) for p in event.points]
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
def test_a_recipe_that_cannot_be_run_is_refused_and_leaves_no_folder(
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


def test_without_a_validation_split_there_is_no_validation(work, tmp_path):
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


def test_cancelling_before_training_makes_no_run(work, tmp_path):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        work(SHORT, tmp_path / "run", cancel=cancel)
    assert not (tmp_path / "run").exists()


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

    monkeypatch.setattr(stages, "read_images", refuse)
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
