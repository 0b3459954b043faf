"""What training only what is left is worth, and what the loop costs. Needs MNIST.

Each ratio is the median over rounds in which all ways alternate. Run with ``-m bench -s``.
"""

from __future__ import annotations

import os
import statistics
import time

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.data.sets.loading import read_images, read_options_for
from snip_gui.core.execution.training import make_trainer
from snip_gui.core.methods.scoring import prune
from snip_gui.core.models.paper.lenet import LeNet300100
from snip_gui.core.pruning.workbench import build_workbench
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import DataChoice, ModelChoice, Recipe, Training
from snip_gui.core.training.preparing import prepare

pytestmark = [pytest.mark.bench, pytest.mark.mnist, pytest.mark.timeout(900)]

_BATCH = 100
_ROUNDS, _STEPS = 7, 300


def drain(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def environment(mnist_folder):
    return Environment(device="cpu", num_threads=1, data_folder=mnist_folder)


@pytest.fixture(scope="module")
def mnist(environment):
    options = read_options_for(DataChoice(name="mnist"), environment)
    return drain(read_images("mnist", environment.data_folder, CancelToken(), options))


class Steps:
    """The project's loop, to be run for some steps at a time."""

    def __init__(self, environment, mnist, sparsity, *, shrink, model="lenet-300-100"):
        recipe = Recipe(
            model=ModelChoice(name=model),
            data=DataChoice(name="mnist"),
            pruning=Snip(sparsity=sparsity),
            training=Training(epochs=1000, batch_size=_BATCH, learning_rate=0.01, shrink=shrink),
        )
        bench = build_workbench(recipe, environment, mnist)
        scored = drain(prune(bench, CancelToken()))
        num_kept = scored.num_kept_at(sparsity)
        self.trainer = make_trainer(bench, scored.ranking.mask_at(num_kept))
        self.prepared = drain(prepare(self.trainer))

    def rate(self, num_steps):
        """Steps a second, from the first step of an epoch on."""
        trainer = self.trainer
        trainer.step, trainer.evaluated_at = 0, 0
        steps = trainer.run()
        next(steps)
        started = time.perf_counter()
        for _ in range(num_steps):
            next(steps)
        elapsed = time.perf_counter() - started
        steps.close()
        return num_steps / elapsed


class Bare:
    """Resident tensors, and nothing else: as one would write it by hand."""

    def __init__(self, mnist):
        torch.manual_seed(0)
        self.images = torch.from_numpy(mnist.train_images.images_NCHW[:54_000].copy())
        self.labels = torch.from_numpy(mnist.train_labels_N[:54_000].copy())
        self.model = LeNet300100((1, 28, 28), 10)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4
        )

    def step(self, inputs, labels):
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.model(inputs), labels)
        loss.backward()
        self.optimizer.step()

    def rate(self, num_steps):
        order = torch.randperm(len(self.images))
        started = time.perf_counter()
        for start in range(0, num_steps * _BATCH, _BATCH):
            chosen = order[start : start + _BATCH]
            self.step((self.images[chosen].float() / 255 - 0.13) / 0.31, self.labels[chosen])
        return num_steps / (time.perf_counter() - started)


class Loaded(Bare):
    """A plain loop over torchvision's MNIST and a DataLoader with two workers.

    With as many threads as torch takes by itself, one for each core, or with one.
    """

    def __init__(self, mnist, folder, num_threads):
        super().__init__(mnist)
        self.num_threads = num_threads
        images = MNIST(folder, transform=ToTensor())
        self.loader = DataLoader(images, _BATCH, shuffle=True, num_workers=2)

    def rate(self, num_steps):
        torch.set_num_threads(self.num_threads)
        batches = iter(self.loader)
        for _ in range(5):  # the workers are up
            self.step(*next(batches))
        started = time.perf_counter()
        for _ in range(num_steps):
            self.step(*next(batches))
        rate = num_steps / (time.perf_counter() - started)
        del batches  # ends the workers, so that nothing is read while another way is timed
        torch.set_num_threads(1)
        return rate


def alternate(ways, rounds=_ROUNDS, num_steps=_STEPS):
    """Time each way once a round, after a round to warm up; return their rates by name."""
    rates = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            rate = way.rate(num_steps)
            if number:
                rates[name].append(rate)
    return rates


def ratio(rates, one, other):
    return statistics.median(a / b for a, b in zip(rates[one], rates[other], strict=True))


def show(record_property, title, **values):
    line = "  ".join(f"{name} {value}" for name, value in values.items())
    print(f"\n{title:<34}{line}")  # noqa: T201 - the table is what a benchmark is for
    record_property(title, line)


def show_rates(record_property, rates, against):
    for name, found in rates.items():
        rate = statistics.median(found)
        show(
            record_property,
            name,
            steps=f"{rate:,.0f}/s",
            images=f"{rate * _BATCH:,.0f}/s",
            **{f"against {against}": f"{ratio(rates, name, against):.2f}"},
        )


def test_steps_of_the_shrunk_network_beside_dense_and_masked(record_property, environment, mnist):
    ways = {"dense": Steps(environment, mnist, 0.0, shrink=False)}
    for percent in (95, 98, 99):
        for kind, shrink in (("masked", False), ("shrunk", True)):
            way = Steps(environment, mnist, percent / 100, shrink=shrink)
            ways[f"{kind}, {percent} %"] = way
            if shrink:
                show(record_property, f"left at {percent} %", text=way.prepared.text)
    rates = alternate(ways)
    show_rates(record_property, rates, "dense")
    assert ratio(rates, "shrunk, 98%", "dense") >= 1.6
    assert ratio(rates, "shrunk, 99%", "dense") >= 2.2


def test_steps_of_a_convolutional_network(record_property, environment, mnist):
    dense = Steps(environment, mnist, 0.0, shrink=False, model="lenet-5-caffe")
    shrunk = Steps(environment, mnist, 0.99, shrink=True, model="lenet-5-caffe")
    rates = alternate({"dense": dense, "shrunk, 99%": shrunk}, rounds=5, num_steps=30)
    show_rates(record_property, rates, "dense")
    assert ratio(rates, "shrunk, 99%", "dense") >= 1.1


def test_the_loop_beside_a_bare_one_and_a_data_loader(record_property, environment, mnist):
    folder, num_cores = environment.data_folder, len(os.sched_getaffinity(0))
    ways = {
        "bare loop": Bare(mnist),
        "DataLoader": Loaded(mnist, folder, num_cores),
        "DataLoader, one thread": Loaded(mnist, folder, 1),
        "dense": Steps(environment, mnist, 0.0, shrink=False),
        "shrunk, 98%": Steps(environment, mnist, 0.98, shrink=True),
    }
    rates = alternate(ways)
    for against in ("bare loop", "DataLoader", "DataLoader, one thread"):
        show_rates(record_property, rates, against)
    assert ratio(rates, "dense", "bare loop") >= 0.95
    assert ratio(rates, "dense", "DataLoader") >= 5
    assert ratio(rates, "shrunk, 98%", "DataLoader") >= 8
    # With one thread its workers have a core to themselves: much faster where there are only two.
    assert ratio(rates, "dense", "DataLoader, one thread") >= 2
    assert ratio(rates, "shrunk, 98%", "DataLoader, one thread") >= 4
