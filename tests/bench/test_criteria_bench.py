"""What each criterion costs, as a multiple of one plain forward and backward pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.events import run_to_end
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.methods.scoring import prune
from snip_gui.core.pruning.workbench import build_workbench
from snip_gui.core.recipe.methods import Force, Grasp, IterativeSnip, NtkSap, ProsPr, Snip, SnipIt
from snip_gui.core.recipe.recipe import ModelChoice, Recipe
from tests.bench.test_core_bench import alternate, ratio, show

pytestmark = pytest.mark.bench

# Settings, and a bound on the passes of the minibatch that the method needs.
COSTS = {
    "SNIP": (Snip(), 4),
    "SNIP, channels": (Snip(granularity="channel"), 4),
    "GraSP": (Grasp(samples_per_class=0), 10),
    "iterative SNIP, 10 rounds": (IterativeSnip(score_rounds=10), 35),
    "FORCE, 10 rounds": (Force(score_rounds=10), 35),
    "SNIP-it, 7 levels": (SnipIt(), 25),
    "ProsPr, 3 steps": (ProsPr(), 30),
    "NTK-SAP, 2 rounds of 5": (NtkSap(score_rounds=2), 60),
}


@pytest.mark.parametrize("name", COSTS)
def test_cost_of_a_criterion(record_property, name):
    torch.set_num_threads(1)
    spec, bound = COSTS[name]
    recipe = Recipe(model=ModelChoice(name="lenet-5-caffe"), pruning=spec)
    bench = build_workbench(recipe, Environment(device="cpu", num_threads=1), load_digits())
    _, inputs, labels = bench.minibatch
    inputs, labels = inputs[: recipe.minibatch.size], labels[: recipe.minibatch.size]

    def plain():
        loss = nn.functional.cross_entropy(bench.model(inputs), labels)
        torch.autograd.grad(loss, list(bench.model.parameters()))

    def score():
        run_to_end(prune(bench, CancelToken()))

    plain_s, score_s = alternate(plain, score, rounds=5, repeats=1)
    cost = ratio(score_s, plain_s)
    show(record_property, f"cost of {name}", ratio=f"{cost:.1f}")
    assert cost <= bound
