"""What a step of each system that prunes while it trains costs, beside a dense one. Needs MNIST.

Ratios are medians over rounds in which all ways alternate. Run with ``-m bench -s``.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.events import run_to_end
from snip_gui.core.data.sets.loading import read_images, read_options_for
from snip_gui.core.execution.training import make_trainer
from snip_gui.core.methods.systems.surgeon import prune_layer
from snip_gui.core.pruning.workbench import build_workbench
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.recipe import DataChoice, Recipe, Training
from tests.bench.test_training_bench import alternate, ratio, show, show_rates

pytestmark = [pytest.mark.bench, pytest.mark.mnist, pytest.mark.timeout(900)]

# At most this many times a dense step with the same optimizer and batch.
BARS = {"dns": 1.3, "lc": 1.2, "sparse-vd": 2.5, "l0": 1.6}
_OPTIMIZERS = {"dns": "sgd", "lc": "sgd", "sparse-vd": "adam", "l0": "adam"}


class Steps:
    """Steps of a method, from the first after its dense training on if it has one."""

    def __init__(self, environment, images, pruning, optimizer):
        recipe = Recipe(
            data=DataChoice(name="mnist"),
            pruning=pruning,
            training=Training(
                epochs=1, optimizer=optimizer, learning_rate=0.001, weight_decay=0.0, shrink=False
            ),
        )
        bench = build_workbench(recipe, environment, images)
        masks = {t.name: np.ones(t.shape, bool) for t in bench.prunable.layout.tensors}
        trainer = make_trainer(bench, masks)
        if len(trainer.phases) > 1:
            trainer.step = trainer.evaluated_at = trainer.steps_per_epoch
        self.steps = trainer.run()
        next(self.steps)

    def rate(self, num_steps):
        """Steps a second."""
        started = time.perf_counter()
        for _ in range(num_steps):
            next(self.steps)
        return num_steps / (time.perf_counter() - started)


@pytest.fixture(scope="module")
def environment(mnist_folder):
    torch.set_num_threads(1)
    return Environment(device="cpu", num_threads=1, data_folder=mnist_folder)


@pytest.fixture(scope="module")
def images(environment):
    options = read_options_for(DataChoice(name="mnist"), environment)
    return run_to_end(read_images("mnist", environment.data_folder, CancelToken(), options))


def test_steps_of_systems_beside_dense_ones(record_property, environment, images):
    dense = METHODS["snip"].spec(sparsity=0.0)
    ways = {name: Steps(environment, images, dense, name) for name in ("sgd", "adam")}
    for name, optimizer in _OPTIMIZERS.items():
        ways[name] = Steps(environment, images, METHODS[name].spec(), optimizer)
    rates = alternate(ways, rounds=7, num_steps=50)
    for name, optimizer in _OPTIMIZERS.items():
        show_rates(record_property, {name: rates[name], optimizer: rates[optimizer]}, optimizer)
    costs = {name: ratio(rates, optimizer, name) for name, optimizer in _OPTIMIZERS.items()}
    assert {name: cost for name, cost in costs.items() if cost > BARS[name]} == {}


def test_the_surgeon_of_the_first_layer_of_lenet(record_property):
    """All 300 units of fc1 take as long as this many times one of them."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(2000, 785, generator=generator, dtype=torch.float64)
    hessian = rows.T @ rows / len(rows) + 1e-4 * torch.eye(785, dtype=torch.float64)
    weight = torch.randn(10, 785, generator=generator, dtype=torch.float64)
    kept, fixed = torch.ones(10, 785, dtype=torch.bool), torch.zeros(785, dtype=torch.bool)
    started = time.process_time()
    prune_layer(weight, kept, fixed, hessian, 7300)
    seconds = (time.process_time() - started) / len(weight) * 300
    show(record_property, "surgeon of fc1", seconds=f"{seconds:.0f}")
    assert seconds < 60
