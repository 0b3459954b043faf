from __future__ import annotations

import csv

import pytest

from snip_gui.cli import studies
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.recipe.recipe import Draw, Picked, Recipe
from tests.cli.test_main import call

SHORT = ("--minibatch-size", 10, "--device", "cpu", "--executor", "serial")


@pytest.fixture(autouse=True)
def _own_runs_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SNIP_GUI_RUNS", str(tmp_path / "runs"))


def test_the_overlap_of_classes_is_printed_and_saved(tmp_path):
    file = tmp_path / "overlap.csv"
    words = ("study", "overlap", *SHORT, "--classes", "3", "8", "--seeds", "0-1", "--layers")
    status, out, err = call(*words, "--out", file)
    assert status == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ["3", "8"]
    assert [line.split()[0] for line in lines[1:3]] == ["3", "8"]
    assert "expected by chance" in lines[-1]
    assert [line for line in lines if line.startswith("fc")] == ["fc1", "fc2", "fc3"]
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 3 * 4
    assert f"{float(rows[4]['overlap']):.2%}" in lines[1]
    assert call(*words)[1] == out


def test_any_setting_is_compared(tmp_path):
    words = ("study", "overlap", *SHORT, "--seeds", "0", "--each")
    for setting in (("method", "snip", "random"), ("sparsity", "0.5", "0.9")):
        status, out, err = call(*words, *setting)
        assert status == 0, err
        assert out.split()[:2] == list(setting[1:])


def test_recipe_files_are_compared(tmp_path):
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file, indices in zip(files, ((1, 2), (3, 4)), strict=True):
        file.write_text(encode_recipe(Recipe(minibatch=Picked(indices=indices))))
    status, out, err = call("study", "overlap", "--executor", "serial", "--seeds", "0", "--recipes",
                            *files)  # fmt: skip
    assert status == 0, err
    assert out.split()[:2] == ["a", "b"]


def test_stability_compares_seeds_and_draws():
    for repeat in ("everything", "images"):
        words = ("study", "stability", *SHORT, "--seeds", "0-2", "--repeat", repeat)
        status, out, err = call(*words)
        assert status == 0, err
        assert "3 of 3 pairs overlap more than chance" in out


def test_each_image_is_left_out(tmp_path):
    words = ("study", "leave-one-out", "--minibatch-size", 4, "--executor", "serial")
    status, out, err = call(*words)
    assert status == 0, err
    assert len(out.splitlines()) == 1 + 4 + 1
    assert "moves the mask most" in out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("overlap", "--each", "nonsense", "1"), "is not a setting whose values"),
        (("overlap", "--each", "sparsity"), "There is no value"),
        (("overlap", "--each", "sparsity", "high", "0.9"), "sparsity"),
        (("overlap", "--seeds", "x"), "is not a seed"),
        (("overlap", "--classes", "3", "--seeds", "0"), "no two masks"),
        (("overlap", "--classes", "3", "3"), "called"),
        (("stability", "--each", "seed", "0", "1"), "chooses what it compares"),
        (("overlap", "--executor", "nobody"), "is not an executor"),
        (("leave-one-out", "--minibatch-size", "1"), "only image"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_a_sentence(words, problem):
    status, out, err = call("study", *SHORT, *words)
    assert (status, out) == (1, "")
    assert problem in err


def test_a_picked_minibatch_has_no_classes_to_compare(tmp_path):
    file = tmp_path / "picked.json"
    file.write_text(encode_recipe(Recipe(minibatch=Picked(indices=(1, 2)))))
    status, _, err = call("study", "overlap", "--recipe", file)
    assert status == 1
    assert "picked by hand" in err


def test_the_default_is_every_class():
    words = ("study", "overlap", "--minibatch-size", 5, "--executor", "serial", "--seeds", "0")
    status, out, err = call(*words)
    assert status == 0, err
    assert out.splitlines()[0].split() == [*"0123456789"]
    assert Draw().classes == ()


def test_a_series_goes_through_its_studies_and_writes_a_report(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "SERIES", {"field": ("conservation", "table-2", "stability")})
    report = tmp_path / "report.md"
    words = ("study", "field", *SHORT, "--seeds", "0-1", "--report", report)
    status, out, err = call(*words)
    assert status == 0, err
    assert "Table 2 of the paper does not have this network" in err
    text = report.read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Conservation", "## Table 2", "## Stability"]
    assert "Not answered: Table 2 of the paper does not have this network." in text
    assert "| fc1 | 235500 |" in text
    assert out.splitlines()[-1] in text


def test_a_budget_that_is_over_before_anything_is_done_is_said(tmp_path):
    words = ("study", "conservation", *SHORT, "--seeds", "0", "--budget", "0.000001s")
    status, _, err = call(*words)
    assert status == 1
    assert "no measurements" in err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("paper", "--out", "x.csv"), "single study"),
        (("stability", "--budget", "soon"), "is not a duration"),
    ],
)
def test_options_that_do_not_go_together_are_a_sentence(words, problem):
    status, _, err = call("study", *SHORT, *words)
    assert status == 1
    assert problem in err


@pytest.mark.parametrize(
    ("flag", "name", "there"),
    [
        ("--out", "table.csv", "table.csv"),
        ("--figure", "figure.svg", "figure.svg"),
        ("--report", "report.html", "report.html"),
        ("--report", "report.md", "report-files"),
    ],
)
def test_files_that_are_there_are_not_replaced(tmp_path, flag, name, there):
    (tmp_path / there).write_text("mine")
    status, _, err = call("study", "conservation", *SHORT, flag, tmp_path / name)
    assert status == 1
    assert f"{there}” is there already" in err
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_systems_are_compared_and_the_same_command_again_trains_nothing(tmp_path):
    file = tmp_path / "systems.csv"
    words = ("compare-systems", *SHORT, "--model", "lenet-300-100", "--systems", "snip", "dns",
             "--sparsities", "90", "95", "--seeds", "0", "--passes", 2, "--out", file)  # fmt: skip
    status, out, err = call(*words)
    assert status == 0, err
    assert "1 pretraining + 1 pruning" in out
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 1 + 2 + 3
    assert {row["training steps"] for row in rows} == {"26"}
    again = call(*words, "--overwrite")
    assert again[:2] == (status, out)
    assert "epoch 1" not in again[2]
