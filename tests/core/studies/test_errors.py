"""Errors of trained arms, recomputed by hand from made-up results."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.core.studies.errors import Arm, ErrorStudy, Published
from snip_gui.core.studies.intervals import student
from snip_gui.core.studies.running import RunResult

STUDY = ErrorStudy(
    "Which is better?",
    (Arm("SNIP", Recipe()), Arm("random", Recipe(), (Published(0.07, "a paper"),))),
    (0, 1, 2),
    baseline="SNIP",
)


def result(error, kept=30, *, diverged=False):
    layers = {"fc1": (kept, 90), "fc2": (10 - kept // 10, 10)}
    return RunResult(Path(), error, error + 0.001, 0.7, 40, layers, has_diverged=diverged)


SNIP = [0.020, 0.022, 0.021]
RANDOM = [0.060, 0.066, 0.057]


def answer(snip=SNIP, random=RANDOM, study=STUDY):
    errors = [error for pair in zip(snip, random, strict=True) for error in pair]  # seed by seed
    return study.answer([None if e is None else result(e) for e in errors])


def test_differences_are_paired_by_seed():
    found = answer()
    difference, number = found.arms[1].difference(found.arms[0])
    expected = student([r - s for s, r in zip(SNIP, RANDOM, strict=True)])
    assert (difference, number) == (expected, 3)
    assert found.verdicts == {"random": "higher"}
    assert f"SNIP has a test error of {statistics.fmean(SNIP):.2%}" in found.sentence
    assert "Random has a higher error, by +4.00 points" in found.sentence
    assert answer(RANDOM, SNIP).verdicts == {"random": "lower"}


def test_what_may_be_chance_is_not_called_a_difference():
    found = answer(random=[0.015, 0.030, 0.021])
    assert found.verdicts == {"random": "undecided"}
    assert "may be chance" in found.sentence


def test_one_seed_tells_nothing():
    found = answer([0.02, None, None], [0.06, None, None])
    assert found.verdicts == {"random": "undecided"}
    assert "more seeds are needed" in found.sentence
    assert "one seed" in found.overview.rows[0][1]


def test_missing_runs_are_said_and_the_interval_knows():
    found = answer([0.020, None, 0.021], RANDOM)
    assert found.num_missing == 1
    assert "1 run is missing" in found.sentence
    assert found.arms[0].interval == student([0.020, 0.021])
    difference, number = found.arms[1].difference(found.arms[0])
    assert difference == pytest.approx(student([0.040, 0.036]))
    assert number == 2
    assert [row[:2] for row in found.table.rows] == [
        ("SNIP", "0"), ("SNIP", "2"), ("random", "0"), ("random", "1"), ("random", "2")
    ]  # fmt: skip


def test_an_arm_without_runs_is_left_out_and_none_is_an_error():
    found = answer([None] * 3)
    assert [one.label for one in found.arms] == ["random"]
    assert found.verdicts == {}
    with pytest.raises(UserError, match="No run has ended"):
        answer([None] * 3, [None] * 3)


def test_published_errors_stand_beside_ours():
    rows = dict((row[0], row[-1]) for row in answer().overview.rows)  # noqa: C402 - of cells
    assert rows == {"SNIP": "none", "random": "7.00% (a paper)"}


def test_the_kept_fraction_of_each_layer_is_the_mean():
    found = STUDY.answer([result(0.1, kept) for kept in (30, 0, 60, 0, 90, 0)])
    ((title, table),) = found.parts
    assert title == "Kept of each layer"
    assert table.headers == ("", "fc1", "fc2")
    assert table.rows[0] == ("SNIP", f"{60 / 90:.3%}", f"{(7 + 4 + 1) / 30:.3%}")
    assert table.rows[1] == ("random", "0.000%", "100.000%")


def test_diverged_runs_count_as_wrong_everywhere():
    errors = [error for pair in zip(SNIP, RANDOM, strict=True) for error in pair]
    found = STUDY.answer([result(1.0, diverged=True), *(result(e) for e in errors[1:])])
    assert "1 run diverged" in found.sentence
    assert found.arms[0].errors[0] == 1.0


def test_without_a_baseline_best_and_worst_are_named():
    found = answer(study=ErrorStudy("?", STUDY.arms, STUDY.seeds))
    assert found.sentence.startswith("The test error is lowest for SNIP")
    assert "highest for random" in found.sentence
    assert found.overview.headers == ("", "test error", "published")
