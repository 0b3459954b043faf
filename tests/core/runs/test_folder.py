from __future__ import annotations

import csv

import msgspec
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import (
    LayerSummary,
    Summary,
    best_validation_error,
    final_values,
    get_run_state,
    read_metrics,
    read_recipe,
    read_summary,
)
from snip_gui.core.training.metrics import COLUMNS, MetricPoint

POINTS = [
    MetricPoint(0, 0.0, "validation", 2.3, 0.1, 0.1, 0.25),
    MetricPoint(13, 1.0, "train", 0.5, 0.85, 0.1, 0.5),
    MetricPoint(13, 1.0, "validation", 0.25, 0.925, 0.1, 0.75),
    MetricPoint(26, 2.0, "validation", 0.5, 0.9, 0.01, 1.125),
]


def summary(**changes):
    values = {
        "state": "finished", "created": "2024-01-01T00:00:00+00:00", "num_parameters": 200,
        "num_kept": 20, "num_zero_scores": 3, "num_weights": 190, "batch_digest": "00",
        "mean": (0.1,), "deviation": (0.3,), "classes": ("0", "1"),
        "layers": (LayerSummary(layer="fc1", kept=20, total=200),),
        "device": "cpu", "num_threads": 1, "versions": {},
    }  # fmt: skip
    return Summary(**(values | changes))


def write_metrics(folder, points=POINTS):
    with (folder / files.METRICS).open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *(p.row() for p in points)])
    return folder / files.METRICS


def test_metrics_round_trip(tmp_path):
    write_metrics(tmp_path)
    assert read_metrics(tmp_path) == POINTS


def test_a_run_without_metrics_has_no_points(tmp_path):
    assert read_metrics(tmp_path) == []


def test_metrics_cut_off_anywhere_give_the_complete_lines(tmp_path):
    # A program that is killed leaves any part of a line.
    path = write_metrics(tmp_path)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        complete = max(0, data[:length].count(b"\n") - 1)
        points = read_metrics(tmp_path)
        assert points[:complete] == POINTS[:complete]
        assert len(points) <= complete + 1
        if len(points) > complete:  # all but some decimals of the time was there
            last, whole = points[complete], POINTS[complete]
            assert (last.step, last.split, last.loss) == (whole.step, whole.split, whole.loss)


def test_a_summary_round_trips(tmp_path):
    (tmp_path / files.SUMMARY).write_bytes(msgspec.json.encode(summary(step=5)))
    assert read_summary(tmp_path) == summary(step=5)
    assert read_summary(tmp_path).sparsity == pytest.approx(0.9)


@pytest.mark.parametrize("text", ["", "{", "{}", '{"state": 5}'])
def test_a_damaged_summary_is_refused_by_name(tmp_path, text):
    (tmp_path / files.SUMMARY).write_text(text)
    with pytest.raises(UserError, match=r"summary\.json"):
        read_summary(tmp_path)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"summary\.json"):
        read_summary(tmp_path)
    with pytest.raises(UserError, match=r"recipe\.json"):
        read_recipe(tmp_path)


def test_a_summary_of_a_later_version_opens_unless_its_state_is_new(tmp_path):
    raw = msgspec.to_builtins(summary()) | {"colour": "blue"}
    (tmp_path / files.SUMMARY).write_bytes(msgspec.json.encode(raw))
    assert get_run_state(read_summary(tmp_path)) == "finished"
    with pytest.raises(UserError, match="melted"):
        get_run_state(summary(state="melted"))


def test_final_values_are_the_last_of_each_split():
    final = final_values(POINTS)
    assert set(final) == {"train", "validation"}
    assert (final["validation"].loss, final["validation"].accuracy) == (0.5, 0.9)


def test_best_validation_error_is_the_lowest():
    assert best_validation_error(POINTS) == pytest.approx(0.075)
    assert best_validation_error(POINTS[1:2]) is None


def test_metrics_that_take_too_long_are_left(tmp_path, monkeypatch):
    row = ",".join(POINTS[0].row()) + "\n"
    (tmp_path / files.METRICS).write_text("header\n" + 30_000 * row)
    assert len(files.read_evaluations(tmp_path)[0]) == 30_000
    clock = iter(range(100))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with pytest.raises(UserError, match="cannot be read in 1 seconds"):
        files.read_evaluations(tmp_path, seconds=1)


def test_a_line_without_an_end_is_left(tmp_path):
    (tmp_path / files.METRICS).write_text("header\n" + "x" * 2_000_000)
    with pytest.raises(UserError, match="line 2: is too long"):
        read_metrics(tmp_path)
