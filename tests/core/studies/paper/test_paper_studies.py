"""The paper's tables and figures as studies, with what it published beside ours."""

from __future__ import annotations

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.models.networks import find_network
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import ModelChoice, Recipe
from snip_gui.core.studies.catalogue import StudyOptions, make_study
from snip_gui.core.studies.paper.published import TABLE_1, TABLE_2, TABLE_3, figure_1

OPTIONS = StudyOptions(seeds=(0, 1), read_images=load_digits)


def recipe(network, data="mnist"):
    return with_value(with_value(Recipe(), "data.name", data), "model.name", network)


def published(study, *, is_reproduction=False):
    return {
        arm.label: [o.error for o in arm.published if o.is_reproduction == is_reproduction]
        for arm in study.arms
    }


def test_what_others_reproduced_stands_beside_the_paper():
    study = make_study("table-1", recipe("lenet-300-100"), OPTIONS)
    found = published(study, is_reproduction=True)
    assert found == {"unpruned": [0.0133, 0.0130], "95% removed": [0.0216], "98% removed": []}
    study = make_study("figure-1", recipe("lenet-300-100"), OPTIONS)
    assert published(study, is_reproduction=True)["90% removed"] == [0.0237]
    other = make_study("table-1", recipe("lenet-300-100", "digits"), OPTIONS)
    assert not any(published(other, is_reproduction=True).values())


def test_table_1_has_the_sparsities_and_errors_of_the_paper():
    found = published(make_study("table-1", recipe("lenet-5-caffe"), OPTIONS))
    assert found == {"unpruned": [0.009], "98% removed": [0.008], "99% removed": [0.011]}


def test_figure_1_has_the_means_of_its_points():
    study = make_study("figure-1", recipe("lenet-300-100"), OPTIONS)
    assert [arm.recipe.pruning.sparsity for arm in study.arms] == [
        0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9
    ]  # fmt: skip
    errors = [errors[0] for errors in published(study).values()]
    assert round(errors[0], 5) == 0.01683
    assert round(errors[9], 5) == 0.01761
    assert figure_1("lenet-5-caffe")[0.9] == pytest.approx(0.00889, abs=1e-5)
    assert figure_1("vgg-d") == {}


def test_table_2_is_for_the_data_of_each_network():
    found = published(make_study("table-2", recipe("vgg-d", "cifar-10"), OPTIONS))
    assert found == {"unpruned": [0.0676], "95% removed": [0.0709]}
    found = published(make_study("table-2", recipe("gru-b"), OPTIONS))
    assert found == {"unpruned": [0.0171], "95% removed": [0.0152]}


def test_table_3_says_how_it_differs_from_the_papers():
    study = make_study("table-3", recipe("lenet-300-100"), OPTIONS)
    assert published(study) == {"Variance scaling": [], "Glorot": [0.0191], "He": [0.0188]}
    assert all(arm.recipe.pruning.sparsity == 0.9 for arm in study.arms)
    assert "only the scored weights differ" in study.remark


@pytest.mark.parametrize("name", ["table-1", "table-3", "figure-1"])
def test_other_data_or_methods_have_no_published_errors(name):
    for other in (
        recipe("lenet-300-100", "digits"),
        with_value(recipe("lenet-300-100"), "pruning.method", "random"),
    ):
        study = make_study(name, other, OPTIONS)
        assert not any(arm.published for arm in study.arms)
    assert "none stand beside" in make_study("table-1", other, OPTIONS).remark


def test_other_networks_are_refused_with_those_that_fit():
    for name, fits in (("table-1", "lenet-5-caffe"), ("table-2", "wrn-22-8")):
        with pytest.raises(UserError) as raised:
            make_study(name, recipe("torchvision:resnet18"), OPTIONS)
        assert fits in raised.value.hint


@pytest.mark.parametrize("network", sorted({*TABLE_1, *TABLE_2, *TABLE_3}))
def test_every_network_of_the_tables_exists(network):
    assert find_network(ModelChoice(name=network)).title
