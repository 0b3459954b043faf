"""The studies of the field on the built-in digits, against numbers computed without them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from torch.nn import functional

from snip_gui.core.api import build_recipe, mask_at
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.engine.crew import Crew
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import RandomMask, Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Picked, Recipe, Training
from snip_gui.core.runs.folder import read_summary
from snip_gui.core.studies import measuring
from snip_gui.core.studies.catalogue import STUDIES, StudyOptions, make_study
from snip_gui.core.studies.field.exact_removal import SPARSITIES, WHOLE
from snip_gui.core.studies.measuring import MEASURES_FOLDER
from snip_gui.core.studies.study import StudyDone, run_study

RECIPE = Recipe(
    minibatch=Draw(size=10),
    pruning=Snip(sparsity=0.9),
    training=Training(epochs=1, learning_rate=0.05),
)


def options(*seeds, **more):
    return StudyOptions(seeds=seeds, read_images=load_digits, **more)


def run(name, folder, environment, recipe=RECIPE, seeds=(0,), crew=Crew()):  # noqa: B008 - frozen
    study = make_study(name, recipe, options(*seeds))
    events = list(run_study(study, folder, environment, crew, CancelToken()))
    (done,) = (event for event in events if isinstance(event, StudyDone))
    return done.answer


@pytest.fixture(scope="module")
def exact(tmp_path_factory, environment):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs")
    return folder, run("exact-removal", folder, environment)


def test_exact_removal_is_that_of_plain_torch_for_some_connections(exact):
    built = build_recipe(RECIPE)
    model = built.model.double()
    images, labels = built.images_NCHW.double(), built.labels_N

    def loss():
        with torch.no_grad():
            return float(functional.cross_entropy(model(images), labels))

    ((_, one),) = exact[1].found
    assert one.loss == pytest.approx(loss(), rel=1e-5)
    assert one.num_connections == 266_610
    # The connection with the largest effect is among those with the largest sensitivities.
    mask = mask_at(built.ranking, 0.9999)
    whole, effects = loss(), []
    for name, kept in mask.items():
        values = dict(model.named_parameters())[name].detach()
        for place in kept.nonzero():
            before = values[tuple(place)].clone()
            values[tuple(place)] = 0
            effects.append(abs(loss() - whole))
            values[tuple(place)] = before
    assert one.largest == pytest.approx(max(effects), rel=1e-9)


def test_exact_removal_answers_with_correlation_and_overlap(exact):
    _, answer = exact
    ((_, one),) = answer.found
    assert set(one.correlations) == {WHOLE, "fc1", "fc2", "fc3"}
    assert 0.9 < one.correlations[WHOLE] < 1
    assert list(one.overlaps) == [f"{sparsity:g}" for sparsity in SPARSITIES]
    assert all(0.5 < value < 1 for value in one.overlaps.values())
    assert f"{one.correlations[WHOLE]:.3f} (one seed)" in answer.sentence
    assert answer.table.rows[0][0] == "0"
    assert len(answer.table.rows[0]) == len(answer.table.headers)


def test_a_measurement_is_kept_and_a_damaged_one_is_made_again(exact, environment, monkeypatch):
    folder, answer = exact
    (path,) = (folder / MEASURES_FOLDER).iterdir()
    calls = []
    load = measuring.load_target
    monkeypatch.setattr(measuring, "load_target", lambda t: (calls.append(t), load(t))[1])
    assert run("exact-removal", folder, environment).table == answer.table
    assert not calls
    path.write_bytes(b"{")
    monkeypatch.setattr(measuring, "load_target", lambda _t: _refuse)
    with pytest.raises(UserError, match="measured again"):
        run("exact-removal", folder, environment)


def _refuse(*_):
    raise UserError("measured again")
    yield


def test_conservation_holds_and_small_layers_score_more(tmp_path, environment):
    answer = run("conservation", tmp_path, environment, seeds=(0, 1))
    for _, sums in answer.found:
        assert [one.num_connections for one in sums.layers] == [235_500, 30_100, 1_010]
        assert max(one.deviation for one in sums.layers[:2]) < 1e-9
        # Without biases every layer passes on the same total.
        totals = [one.total for one in sums.layers]
        np.testing.assert_allclose(totals, totals[0], rtol=1e-9)
    assert "a connection of fc3 scores" in answer.sentence
    assert len(answer.table.rows) == 6


def test_other_networks_are_refused_in_words(tmp_path, environment):
    recipe = msgspec.structs.replace(RECIPE, model=ModelChoice(name="lenet-5-caffe"))
    for name in ("exact-removal", "conservation"):
        with pytest.raises(UserError, match="not a chain"):
            run(name, tmp_path, environment, recipe)
    with pytest.raises(UserError, match="SNIP"):
        make_study("exact-removal", with_value(RECIPE, "pruning.method", "random"), options(0))


def test_sanity_checks_train_all_arms_and_give_the_errors_of_their_runs(tmp_path, environment):
    answer = run("sanity-checks", tmp_path, environment, seeds=(0, 1))
    assert [one.label for one in answer.arms] == [
        "SNIP", "shuffled within layers", "inverted within layers", "reinitialised weights",
        "random mask",
    ]  # fmt: skip
    for one in answer.arms:
        for result in one.results.values():
            summary = read_summary(result.folder)
            assert result.test_error == 1 - summary.final["test"].accuracy
            assert result.num_kept == 26_661
    kept = dict(answer.parts)["Kept of each layer"].rows
    assert kept[0][1:] == kept[1][1:] == kept[2][1:] == kept[3][1:] != kept[4][1:]
    assert answer.num_missing == 0


def test_minibatch_sizes_are_those_that_there_are_images_for():
    study = make_study("minibatch-size", RECIPE, options(0))
    assert [arm.recipe.minibatch.size for arm in study.arms] == [1, 10, 100, 1000]
    assert all(arm.recipe.minibatch.classes == () for arm in study.arms)
    assert not any(arm.published for arm in study.arms)  # of MNIST only
    assert study.baseline == "100 images"
    picked = msgspec.structs.replace(RECIPE, minibatch=Picked(indices=(1, 2)))
    with pytest.raises(UserError, match="picked by hand"):
        make_study("minibatch-size", picked, options(0))


def test_published_errors_are_those_of_their_network_only():
    recipe = with_value(RECIPE, "data.name", "mnist")
    (some,) = (make_study("minibatch-size", one, options(0)).arms[2].published for one in (recipe,))
    assert [(one.error, one.source) for one in some] == [
        (0.0164, "paper, figure 3"),
        (0.0223, "aygong/snip-tensorflow"),
    ]
    other = with_value(recipe, "pruning.sparsity", 0.95)
    assert not make_study("minibatch-size", other, options(0)).arms[2].published


def test_layer_collapse_covers_sparsities_and_counts_layers():
    study = make_study("layer-collapse", RECIPE, options(0, 1))
    assert study.num_works == 2 * len(study.arms) + 2  # what is connected, for each seed
    assert [arm.recipe.pruning.sparsity for arm in study.arms][::9] == [0.9, 0.9999]


def test_studies_of_a_method_refuse_others():
    recipe = msgspec.structs.replace(RECIPE, pruning=RandomMask())
    with pytest.raises(UserError, match="Choose the method SNIP"):
        make_study("sanity-checks", recipe, options(0))


@pytest.mark.parametrize("name", STUDIES.names)
def test_every_study_can_be_made_and_says_what_it_asks(name):
    model = ModelChoice(name="vgg-d" if name == "table-2" else "lenet-300-100")
    study = make_study(name, msgspec.structs.replace(RECIPE, model=model), options(0, 1))
    assert study.num_works > 0
    assert "?" in study.question
    assert study.unit
