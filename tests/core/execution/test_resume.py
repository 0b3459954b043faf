from __future__ import annotations

import csv
import errno
import shutil
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.errors import EditedError, UserError
from snip_gui.core.base.events import Progress
from snip_gui.core.execution.complete import complete_steps
from snip_gui.core.execution.resume import extend_new_steps, extend_steps, resume
from snip_gui.core.execution.run import run_steps
from snip_gui.core.recipe.json import encode_recipe, with_value
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.extend import extended
from snip_gui.core.runs.folder import read_metrics, read_summary
from snip_gui.core.runs.listing import list_runs
from snip_gui.core.training.events import PointsMeasured, TrainingStarted
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


def test_resuming_a_folder_without_a_run_is_refused(environment, tmp_path):
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
    first = next(event for event in events if isinstance(event, PointsMeasured))
    assert list(first.points) == kept  # a window draws the whole curve


def test_a_run_killed_before_its_first_checkpoint_starts_over(
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


@pytest.mark.parametrize(
    "lost",
    [
        (files.SUMMARY, files.MASKS),
        (files.SUMMARY,),
        (files.SUMMARY, files.MASKS, files.SCORES, files.BATCH, files.INIT),
    ],
)
@pytest.mark.parametrize("by", ["resuming", "the same run", "completing"])
def test_a_run_that_failed_before_its_summary_starts_over(
    work, environment, tmp_path, finished, lost, by
):
    folder = tmp_path / "run"
    work(SHORT, folder, stop_after="prune")
    for name in lost:
        (folder / name).unlink()
    (folder / ".scores.safetensors.x.part").write_bytes(b"half")
    entry = next(list_runs(tmp_path))
    assert (entry.state, entry.can_continue) == ("stopped", True)
    assert "before training began" in entry.message
    match by:
        case "resuming":
            resume(folder, environment, lambda _event: None, CancelToken())
        case "the same run":
            work(SHORT, folder)
        case "completing":
            list(complete_steps(SHORT, folder, environment, CancelToken()))
    assert same(trained(folder), trained(finished[0]))
    assert names(folder) - {".scores.safetensors.x.part"} == TRAINED


@pytest.mark.parametrize("written", range(7))
def test_a_disk_that_fails_at_any_write_leaves_what_can_be_run_again(
    work, environment, tmp_path, finished, monkeypatch, written
):
    folder, left = tmp_path / "run", [written]
    replace = Path.replace

    def fails(self, target):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        with pytest.raises(UserError, match="Input/output error"):
            work(SHORT, folder)
    assert not list(folder.glob("running*"))
    list(complete_steps(SHORT, folder, environment, CancelToken()))
    assert same(trained(folder), trained(finished[0]))
    assert names(folder) == TRAINED


def test_a_run_that_was_edited_is_not_resumed_unasked(work, environment, tmp_path):
    folder = tmp_path / "run"
    work(SHORT, folder, stop_after="prune")
    edited = with_value(SHORT, "training.learning_rate", 0.05)
    (folder / files.RECIPE).write_text(encode_recipe(edited))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(EditedError, match="was edited"):
        resume(folder, environment, lambda _event: None, CancelToken())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    summary = resume(folder, environment, lambda _event: None, CancelToken(), accept_edits=True)
    assert summary.state == "finished"
    work(edited, tmp_path / "other")
    assert same(trained(folder), trained(tmp_path / "other"))


def test_a_run_of_an_older_version_is_resumed(work, environment, tmp_path):
    folder = tmp_path / "run"
    work(SHORT, folder, stop_after="prune")
    raw = msgspec.json.decode((folder / files.SUMMARY).read_bytes())
    del raw["recipe_digest"]
    (folder / files.SUMMARY).write_bytes(msgspec.json.encode(raw))
    assert resume(folder, environment, lambda _event: None, CancelToken()).state == "finished"


def test_an_extension_that_is_refused_leaves_no_copy(environment, finished, tmp_path):
    folder = shutil.copytree(finished[0], tmp_path / "run")
    (folder / files.MASKS).write_bytes(b"damaged")
    longer = extended(SHORT, 1)
    for steps in (
        extend_steps(folder, tmp_path / "longer", longer, environment, CancelToken()),
        extend_new_steps(folder, tmp_path / "runs", longer, environment, CancelToken()),
    ):
        with pytest.raises(UserError, match=r"masks\.safetensors"):
            list(steps)
    assert [path.name for path in tmp_path.rglob("*.csv")] == ["metrics.csv"]
    assert not any(path.is_dir() for path in (tmp_path / "runs").iterdir())
