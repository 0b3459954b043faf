"""Systems side by side: arms, costs and published errors."""

from __future__ import annotations

import msgspec
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.engine.crew import Crew
from snip_gui.core.recipe.json import decode_recipe, encode_recipe, with_value
from snip_gui.core.recipe.methods import METHODS, Han
from snip_gui.core.recipe.recipe import Draw, Recipe, Training
from snip_gui.core.runs.folder import read_summary
from snip_gui.core.studies.catalogue import StudyOptions, make_study
from snip_gui.core.studies.study import StudyDone, run_study
from snip_gui.core.studies.systems.answer import passes, passes_text
from snip_gui.core.studies.systems.published import find_published, published_rows, quoted_rows
from snip_gui.core.studies.systems.systems import ALL, has_outcome, system_names

HAN = Han(rounds=1, retrain_epochs=1)
RECIPE = Recipe(minibatch=Draw(size=10, classes=()), pruning=HAN, training=Training(epochs=1))


def options(*seeds, **more):
    return StudyOptions(seeds=seeds, read_images=load_digits, **more)


def methods_of(study):
    return [arm.recipe.pruning.method for arm in study.arms[1:]]


@pytest.mark.parametrize("methods", [(), (ALL,)])
def test_all_systems_that_train_are_compared_and_nothing_lists_them_by_hand(methods):
    study = make_study("systems", Recipe(), options(0, methods=methods, sparsities=(0.9,)))
    assert [arm.label for arm in study.arms[:2]] == ["unpruned", "SNIP, 90%"]
    assert tuple(dict.fromkeys(methods_of(study))) == system_names()
    for method in METHODS:
        expected = method.name == "snip" or method.masks_for == "training"
        assert (method.name in system_names()) == expected


def test_the_recipes_own_method_keeps_its_settings_and_others_have_their_defaults():
    study = make_study("systems", RECIPE, options(0, methods=("han", "lc"), sparsities=(0.9, 0.95)))
    _, *han, lc, _ = study.arms
    assert [arm.recipe.pruning for arm in han] == [
        msgspec.structs.replace(HAN, sparsity=sparsity) for sparsity in (0.9, 0.95)
    ]
    assert lc.recipe.pruning == msgspec.structs.replace(METHODS["lc"].spec(), sparsity=0.9)
    assert {arm.recipe.training for arm in study.arms} == {RECIPE.training}


@pytest.mark.parametrize("name", [name for name in system_names() if has_outcome(name)])
def test_a_system_whose_sparsity_is_an_outcome_is_compared_at_values_of_its_own_setting(name):
    study = make_study("systems", RECIPE, options(0, methods=(name,), sparsities=(0.9, 0.95)))
    sweep = METHODS[name].sweep
    found = [getattr(arm.recipe.pruning, sweep.setting) for arm in study.arms[1:]]
    assert found == list(sweep.values)
    assert {arm.recipe.pruning.sparsity for arm in study.arms} == {0}
    assert len({arm.label for arm in study.arms}) == len(study.arms)
    own = with_value(RECIPE, "pruning.method", name)
    assert len(make_study("systems", own, options(0, methods=(name,))).arms) == 2


def test_systems_that_need_adam_get_it_and_the_answer_says_so():
    study = make_study("systems", RECIPE, options(0, sparsities=(0.9,)))
    for arm in study.arms:
        needed = METHODS[arm.recipe.pruning.method].optimizer or "sgd"
        assert arm.recipe.training.optimizer == needed
        assert arm.recipe.training.learning_rate == (0.1 if needed == "sgd" else 0.001)
    assert "Adam, which they need: Sparse variational dropout, L0 gates." in study.remark


@pytest.mark.parametrize("number", [2, 3, 7, 40, 1000])
def test_a_budget_of_passes_is_kept_by_every_system(number):
    study = make_study("systems", Recipe(), options(0, passes=number))
    for arm in study.arms:
        assert number // 2 < sum(passes(arm.recipe).values()) <= number
        assert decode_recipe(encode_recipe(arm.recipe)) == arm.recipe


def test_learning_compression_ends_at_the_same_penalty_whatever_the_budget():
    def last_penalty(spec):
        return spec.mu * spec.mu_growth**spec.l_steps

    spec = METHODS["lc"].spec()
    shorter, _ = spec.share_passes(20)
    assert shorter.l_steps < spec.l_steps
    assert last_penalty(shorter) == pytest.approx(last_penalty(spec))


def test_passes_are_counted_by_purpose():
    recipe = msgspec.structs.replace(RECIPE, pruning=Han(rounds=2, retrain_epochs=3))
    assert passes_text(recipe) == "1 pretraining + 6 training"
    assert passes_text(with_value(recipe, "pruning.method", "snip")) == "1 training"
    assert passes_text(with_value(recipe, "pruning.method", "l0")) == "1 pruning"


@pytest.mark.parametrize(
    ("more", "problem"),
    [({"methods": ("obd",)}, "no pruning method “obd”"), ({"passes": 1}, "too few")],
)
def test_what_cannot_be_compared_is_a_sentence(more, problem):
    with pytest.raises(UserError, match=problem):
        make_study("systems", RECIPE, options(0, **more))


def test_errors_and_costs_are_those_of_the_runs(tmp_path, environment):
    study = make_study("systems", RECIPE, options(0, methods=("snip", "han"), sparsities=(0.9,)))
    events = list(run_study(study, tmp_path, environment, Crew(), CancelToken()))
    (done,) = (event for event in events if isinstance(event, StudyDone))
    headers = done.answer.overview.headers
    rows = {row[0]: dict(zip(headers, row, strict=True)) for row in done.answer.overview.rows}
    assert list(rows) == ["unpruned", "SNIP, 90%", "Han 2015, 90%"]
    for one in done.answer.arms:
        (result,) = one.results.values()
        summary, row = read_summary(result.folder), rows[one.label]
        assert row["kept"] == f"{1 - summary.sparsity:.2%}"
        effective = (summary.num_kept - summary.num_off_path) / summary.num_parameters
        assert row["effective"] == f"{effective:.2%}"
        error = 1 - summary.final["test"].accuracy
        assert row["test error"] == f"{error:.2%} (one seed)"
        assert row["steps"] == f"{summary.num_steps}"
        assert bool(row["difference from unpruned"]) == (one.label != "unpruned")
    assert rows["SNIP, 90%"]["of"] == "266,610 weights and biases"
    assert rows["Han 2015, 90%"]["of"] == "266,200 weights"
    assert int(rows["Han 2015, 90%"]["steps"]) == 2 * int(rows["SNIP, 90%"]["steps"])
    *lines, unpruned = done.answer.figure.series
    assert unpruned.ys == (done.answer.arms[0].interval.estimate,) * 2
    assert [(line.label, len(line.xs)) for line in lines] == [("SNIP", 1), ("Han 2015", 1)]
    assert [line.ys[0] for line in lines] == [one.interval.estimate for one in done.answer.arms[1:]]
    assert "Closest to it is" in done.answer.sentence
    assert done.answer.table.headers[-1] == "folder"


def test_published_errors_stand_at_their_sparsity_and_only_on_their_network():
    recipe = with_value(Recipe(), "data.name", "mnist")
    assert [one.error for one in find_published(recipe, 0.98)] == [0.024]
    assert [one.error for one in find_published(recipe, 0.95)] == [0.016, 0.0216]
    assert not find_published(recipe, 0.5)
    assert not find_published(Recipe(), 0.98)
    han = with_value(recipe, "pruning.method", "han")
    assert [one.source for one in find_published(han, None)] == ["Han 2015 at 92%, dense 1.64%"]


def test_systems_that_were_only_published_are_quoted():
    recipe = with_value(Recipe(), "data.name", "mnist")
    assert [row.method for row in quoted_rows(recipe)] == ["sws", "obd"]
    assert not quoted_rows(Recipe())


def test_every_published_row_is_plausible():
    assert len(published_rows()) > 10
    for row in published_rows():
        assert 0.8 < row.sparsity < 1
        assert 0.005 < row.error < 0.05
        assert row.dense_error is None or 0.005 < row.dense_error < 0.03
