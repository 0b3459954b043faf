"""Figures 2 to 7 as studies, recomputed with the functions of notebooks and from metrics."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from snip_gui.core.api import build_recipe, mask_at, score
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.comparing.tile_grid import PAPER_SPARSITIES
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.engine.crew import Crew
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import Draw, Recipe, Training
from snip_gui.core.runs.folder import read_recipe
from snip_gui.core.studies.catalogue import StudyOptions, make_study
from snip_gui.core.studies.paper.labels import LossAnswer
from snip_gui.core.studies.study import StudyDone, run_study

RECIPE = Recipe(minibatch=Draw(size=10), training=Training(epochs=2, learning_rate=0.05))
OPTIONS = StudyOptions(seeds=(0,), read_images=load_digits)


def run(name, folder, environment, recipe=RECIPE, **more):
    study = make_study(name, recipe, StudyOptions(seeds=(0,), read_images=load_digits, **more))
    events = run_study(study, folder, environment, Crew(), CancelToken())
    return next(event.answer for event in events if isinstance(event, StudyDone))


def tile_by_hand(mask):
    """A tile of figure 2: the kept fraction of each pixel's connections over the largest one."""
    fraction = mask["fc1.weight"].float().mean(0).reshape(28, 28).numpy()
    return fraction / fraction.max()


@pytest.fixture(scope="module")
def answers(tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp("runs")
    return {number: run(f"figure-{number}", folder, environment) for number in (2, 5, 6)}


def of_class(number, method="snip"):
    recipe = with_value(RECIPE, "minibatch.classes", (number,))
    return with_value(recipe, "pruning.method", method)


def test_tiles_are_those_of_masks_of_single_classes(answers):
    for figure, method in ((2, "snip"), (6, "signed-gradient")):
        column = answers[figure].columns[0, "3"]
        ranking = build_recipe(of_class(3, method)).ranking
        for row in (0, 8):
            tile = tile_by_hand(mask_at(ranking, PAPER_SPARSITIES[row]))
            assert column.means[row] == pytest.approx(float(tile.mean()), rel=1e-5)
            np.testing.assert_allclose(np.array(column.tiles[row]) / 255, tile, atol=0.003)


def test_inverted_tiles_are_those_of_the_negated_standardised_images(answers):
    built = build_recipe(of_class(8))
    ranking = score(built.model, -built.images_NCHW, built.labels_N)
    tile = tile_by_hand(mask_at(ranking, 0.9))
    column, original = (answers[figure].columns[0, "8"] for figure in (5, 2))
    assert column.means[8] == pytest.approx(float(tile.mean()), rel=1e-5)
    assert column.tiles[8] != original.tiles[8]


def test_a_row_is_the_mean_over_classes_and_its_figure_shows_all(answers):
    answer = answers[2]
    means = [column.means[4] for column in answer.columns.values()]
    assert len(means) == 10
    assert answer.overview.rows[4][:2] == ("50%", f"{sum(means) / 10:.3f}")
    assert len(answer.figure.tiles_RC) == 9
    assert len(answer.figure.tiles_RC[0]) == 10
    assert not answer.beside
    assert "no numbers of figure 2 are known" in answer.sentence
    assert len(answer.table.rows) == 90


def test_the_papers_tile_means_stand_beside_those_of_its_network_and_data():
    mnist = with_value(RECIPE, "data.name", "mnist")
    study = make_study("figure-2", mnist, OPTIONS)
    assert (study.published[0], study.published[8]) == (0.922, 0.180)
    column = study.make_works(None, None)[0].kind(study.published, ())
    answer = study.answer([column] * 10)
    assert answer.overview.rows[8][3:] == ("0.180", "+0.000")
    assert [one.paper[:5] for one in answer.beside][::8] == ["0.922", "0.180"]
    assert make_study("figure-6", mnist, OPTIONS).published[4] == 0.879
    assert make_study("figure-5", mnist, OPTIONS).published == ()
    random = with_value(mnist, "pruning.method", "random")
    assert make_study("figure-2", random, OPTIONS).published == ()


def test_networks_without_an_input_map_are_a_sentence(tmp_path, environment):
    recipe = with_value(RECIPE, "pruning.exclude", ("fc1",))
    with pytest.raises(UserError, match="every pixel is kept"):
        run("figure-2", tmp_path, environment, recipe)


def test_losses_are_those_of_the_metrics_and_labels_are_shuffled_in_training(tmp_path, environment):
    answer = run("figure-7", tmp_path, environment, sparsities=(0.5, 0.99))
    paths = {read_recipe(p).pruning.sparsity: p for p in tmp_path.glob("lenet*")}
    for sparsity, label in ((0.5, "50% removed"), (0.99, "99% removed")):
        recipe = read_recipe(paths[sparsity])
        assert recipe.training.labels == "shuffled"
        assert recipe.training.weight_decay == 0
        with (paths[sparsity] / "metrics.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
        most = max(int(row["step"]) for row in rows)
        last = [float(row["loss"]) for row in rows if int(row["step"]) > 0.9 * most]
        assert answer.losses[label][0].final == pytest.approx(sum(last) / len(last))
    assert "Chance is 2.303" in answer.sentence
    assert "none stand beside" in answer.sentence


def test_figure_4_has_the_five_settings_and_the_papers_ends():
    recipe = with_value(with_value(RECIPE, "data.name", "mnist"), "model.name", "lenet-5-caffe")
    study = make_study("figure-4", recipe, OPTIONS)
    settings = {
        arm.label: (arm.recipe.training.labels, arm.recipe.pruning.sparsity,
                    arm.recipe.training.weight_decay)
        for arm in study.arms
    }  # fmt: skip
    assert settings == {
        "true labels": ("true", 0, 5e-4),
        "true labels, 99% removed": ("true", 0.99, 5e-4),
        "random labels": ("shuffled", 0, 0),
        "random labels, weight decay": ("shuffled", 0, 5e-4),
        "random labels, 99% removed": ("shuffled", 0.99, 0),
    }
    made = study.make_works(_Nowhere(), None)[0].kind((1,), (2.0,), 2.0)
    answer = study.answer([made] * 5)
    assert isinstance(answer, LossAnswer)
    # As measured in the figure's drawing: the last 3,000 steps.
    papers = [float(row[2]) for row in answer.overview.rows]
    assert papers == pytest.approx([0.0, 0.032, 0.071, 0.365, 2.301], abs=0.006)
    assert len(answer.beside) == 5


class _Nowhere:
    """A folder without runs."""

    def __truediv__(self, _name):
        return self

    def exists(self):
        return True


def test_figure_3_is_at_90_percent_with_papers_and_reproduced_errors():
    recipe = with_value(with_value(RECIPE, "data.name", "mnist"), "pruning.sparsity", 0.5)
    study = make_study("figure-3", recipe, OPTIONS)
    assert {arm.recipe.pruning.sparsity for arm in study.arms} == {0.9}
    assert [one.is_reproduction for one in study.arms[2].published] == [False, True]
    assert [arm.x for arm in study.arms] == [1, 10, 100, 1000]
