"""The lesson's numbers, against plain torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from snip_gui.core.api import build_recipe, mask_at
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import run_to_end
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.methods.scoring import prune
from snip_gui.core.pruning.workbench import build_workbench
from snip_gui.core.recipe.methods import RandomMask
from snip_gui.core.recipe.recipe import Draw, Recipe
from snip_gui.core.studies.figures.render import figure_svg
from snip_gui.core.studies.lesson.presence import presence_job
from snip_gui.core.studies.lesson.steps import CHOICES, Lesson, choose_connection

RECIPE = Recipe(minibatch=Draw(size=10))
NUM_KEPT = 26_661


def score(environment, recipe=RECIPE):
    bench = build_workbench(recipe, environment, load_digits())
    return run_to_end(prune(bench, CancelToken()))


@pytest.fixture(scope="module")
def scored(environment):
    return score(environment)


@pytest.fixture(scope="module")
def lesson(scored, environment):
    index = choose_connection(scored, NUM_KEPT, "highest")
    *_, measured = presence_job(scored, index, environment, load_digits(), CancelToken())
    return Lesson(scored, index, NUM_KEPT, measured)


def test_weight_gradient_and_sensitivity_are_those_of_torch(lesson):
    built = build_recipe(RECIPE)
    loss = functional.cross_entropy(built.model(built.images_NCHW), built.labels_N)
    names = [name for name, _ in built.model.named_parameters()]
    gradients = dict(
        zip(names, torch.autograd.grad(loss, list(built.model.parameters())), strict=True)
    )
    values = {name: value.detach() for name, value in built.model.named_parameters()}
    name, position = lesson.tensor.name, lesson.position
    assert lesson.name == f"{name}[{', '.join(map(str, position))}]"
    assert lesson.weight == pytest.approx(float(values[name][position]))
    assert lesson.gradient == pytest.approx(float(gradients[name][position]), rel=1e-4)
    whole = sum(float((values[n] * gradients[n]).abs().sum(dtype=torch.float64)) for n in names)
    product = abs(lesson.weight * lesson.gradient)
    assert lesson.sensitivity == pytest.approx(product / whole, rel=1e-4)


def test_its_removal_is_exact_and_its_slope_is_snips(lesson):
    built = build_recipe(RECIPE)
    model, images = built.model.double(), built.images_NCHW.double()

    def loss():
        with torch.no_grad():
            return float(functional.cross_entropy(model(images), built.labels_N))

    whole, values = loss(), dict(model.named_parameters())[lesson.tensor.name].detach()
    before = float(values[lesson.position])
    values[lesson.position] = 0
    assert lesson.presence.effect == pytest.approx(loss() - whole, abs=1e-12)
    values[lesson.position] = before / 2
    assert lesson.presence.losses[5] == pytest.approx(loss(), abs=1e-12)
    # Near full presence the loss follows the slope w g.
    step = lesson.presence.losses[-1] - lesson.presence.losses[-2]
    assert 10 * step == pytest.approx(lesson.weight * lesson.gradient, rel=0.2)


def test_it_is_kept_up_to_its_removal_sparsity_and_not_above(scored):
    ranking = build_recipe(RECIPE).ranking
    for choice in CHOICES:
        lesson = Lesson(scored, choose_connection(scored, NUM_KEPT, choice), NUM_KEPT)
        at, one = lesson.removal_sparsity, 1 / 266_610
        name, position = lesson.tensor.name, lesson.position
        assert mask_at(ranking, max(0, at))[name][position]
        if at + one < 1:
            assert not mask_at(ranking, at + one)[name][position]
    highest = Lesson(scored, choose_connection(scored, NUM_KEPT, "highest"), NUM_KEPT)
    assert highest.rank == 1
    assert Lesson(scored, choose_connection(scored, NUM_KEPT, "threshold"), 1).rank == NUM_KEPT


def test_pages_say_the_numbers_and_draw_them(lesson):
    steps = lesson.steps
    assert [step.title for step in steps] == [
        "One connection", "Its weight", "Its gradient", "Its sensitivity", "Its rank",
        "The threshold", "Its exact removal",
    ]  # fmt: skip
    assert lesson.name in steps[0].text
    assert f"{lesson.weight:+.5f}" in steps[1].text
    assert f"{lesson.sensitivity:.3e}" in steps[3].text
    assert steps[4].text.startswith("1 of 266,610")
    assert "so it is kept" in steps[5].text
    assert f"{abs(lesson.presence.effect):.4e}" in steps[6].text
    line = next(s for s in steps[6].figure.series if s.label.startswith("SNIP"))
    assert line.ys == pytest.approx((-lesson.weight * lesson.gradient, 0))
    for step in steps:
        assert lesson.scored.layout.num_parameters
        assert "<svg" in figure_svg(step.figure)


def test_a_connection_without_any_effect_and_a_bias_have_pages_too(scored, environment):
    zeros = np.flatnonzero(scored.ranking.score_M == 0)
    biases = [t for t in scored.layout.tensors if not t.is_weight]
    for index in (int(zeros[0]), biases[0].offset):
        *_, measured = presence_job(scored, index, environment, load_digits(), CancelToken())
        lesson = Lesson(scored, index, NUM_KEPT, measured)
        assert "so it is removed" in lesson.steps[5].text
        assert all(figure_svg(step.figure) for step in lesson.steps)
    assert "is the bias of output 0 of fc1" in lesson.steps[0].text


def test_other_methods_are_refused_in_words(environment):
    random = score(environment, Recipe(minibatch=Draw(size=10), pruning=RandomMask()))
    with pytest.raises(UserError, match="through SNIP"):
        choose_connection(random, 100, "highest")
