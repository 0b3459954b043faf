"""Systems side by side: arms, costs and published errors."""

from __future__ import annotations

import msgspec
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.engine.crew import Crew
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import METHODS, Han
from snip_gui.core.recipe.recipe import Draw, Recipe, Training
from snip_gui.core.runs.folder import read_summary
from snip_gui.core.studies.catalogue import StudyOptions, make_study
from snip_gui.core.studies.study import StudyDone, run_study
from snip_gui.core.studies.systems.published import find_published, published_rows
from snip_gui.core.studies.systems.systems import has_outcome

HAN = Han(rounds=1, retrain_epochs=1)
RECIPE = Recipe(minibatch=Draw(size=10, classes=()), pruning=HAN, training=Training(epochs=1))


def options(*seeds, **more):
    return StudyOptions(seeds=seeds, read_images=load_digits, **more)


def test_all_systems_that_train_are_compared_and_nothing_lists_them_by_hand():
    study = make_study("systems", RECIPE, options(0, sparsities=(0.9,)))
    labels = [arm.label for arm in study.arms]
    assert labels[:2] == ["unpruned", "SNIP, 90%"]
    for method in METHODS:
        expected = method.title if has_outcome(method.name) else f"{method.title}, 90%"
        assert (expected in labels) == (method.name == "snip" or method.masks_for == "training")


def test_the_recipes_own_method_keeps_its_settings_and_others_have_their_defaults():
    study = make_study("systems", RECIPE, options(0, methods=("han", "lc"), sparsities=(0.9, 0.95)))
    _, *han, lc, _ = study.arms
    assert [arm.recipe.pruning for arm in han] == [
        msgspec.structs.replace(HAN, sparsity=sparsity) for sparsity in (0.9, 0.95)
    ]
    assert lc.recipe.pruning == msgspec.structs.replace(METHODS["lc"].spec(), sparsity=0.9)
    assert {arm.recipe.training for arm in study.arms} == {RECIPE.training}


def test_unknown_methods_are_named():
    with pytest.raises(UserError, match="no pruning method “obd”"):
        make_study("systems", RECIPE, options(0, methods=("obd",)))


def test_errors_and_steps_are_those_of_the_runs(tmp_path, environment):
    study = make_study("systems", RECIPE, options(0, methods=("snip", "han"), sparsities=(0.9,)))
    events = list(run_study(study, tmp_path, environment, Crew(), CancelToken()))
    (done,) = (event for event in events if isinstance(event, StudyDone))
    rows = {row[0]: row for row in done.answer.overview.rows}
    assert list(rows) == ["unpruned", "SNIP, 90%", "Han 2015, 90%"]
    for one in done.answer.arms:
        (result,) = one.results.values()
        summary = read_summary(result.folder)
        kept, error, difference, steps = rows[one.label][1:5]
        assert kept == f"{1 - summary.sparsity:.2%}"
        assert error.startswith(f"{1 - summary.final['test'].accuracy:.2%}")
        assert steps == f"{summary.num_steps}"
        assert bool(difference) == (one.label != "unpruned")
    assert int(rows["Han 2015, 90%"][4]) == 2 * int(rows["SNIP, 90%"][4])
    assert done.answer.table.headers[-1] == "training steps"


def test_published_errors_stand_at_their_sparsity_and_only_on_their_network():
    recipe = with_value(Recipe(), "data.name", "mnist")
    assert [one.error for one in find_published(recipe, 0.98)] == [0.024]
    assert [one.error for one in find_published(recipe, 0.95)] == [0.016, 0.0216]
    assert not find_published(recipe, 0.5)
    assert not find_published(Recipe(), 0.98)
    han = with_value(recipe, "pruning.method", "han")
    assert [one.source for one in find_published(han, None)] == ["Han 2015 at 92%, dense 1.64%"]


def test_every_published_row_is_plausible():
    assert len(published_rows()) > 10
    for row in published_rows():
        assert 0.8 < row.sparsity < 1
        assert 0.005 < row.error < 0.05
        assert row.dense_error is None or 0.005 < row.dense_error < 0.03
