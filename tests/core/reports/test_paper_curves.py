from __future__ import annotations

import math
import statistics

import pytest

from snip_gui.core.recipe.recipe import DataChoice, ModelChoice, Recipe
from snip_gui.core.reports.paper_curves import FIGURES, paper_curves, suits


@pytest.mark.parametrize("figure", FIGURES)
def test_every_curve_runs_to_thirty_thousand_steps(figure):
    for curve in paper_curves(figure):
        assert len(curve.steps) == len(curve.losses) > 50
        assert list(curve.steps) == sorted(curve.steps)
        assert all(math.isfinite(loss) and loss >= 0 for loss in curve.losses)


def test_the_papers_finding_is_there():
    # With 99 % removed shuffled labels are not learnt, true ones are.
    last = {curve.name: statistics.fmean(curve.losses[-25:]) for curve in paper_curves(4)}
    assert last["random labels, 99%"] == pytest.approx(math.log(10), abs=0.01)
    assert last["true labels, 99%"] < 0.1 > last["random labels, 0%"]
    assert [curve.name.split()[-1].rstrip("%") for curve in paper_curves(7)] == [
        "10",
        "30",
        "50",
        "70",
        "90",
        "99",
    ]


def test_they_are_of_one_network_and_its_data():
    recipe = Recipe(model=ModelChoice(name="lenet-5-caffe"), data=DataChoice(name="mnist"))
    assert suits(recipe)
    assert not suits(Recipe(data=recipe.data))
    assert not suits(Recipe(model=recipe.model))
