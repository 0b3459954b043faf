"""Ratios on a GPU: training, scoring, and 2:4 sparsity. Medians of alternating rounds."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest
import torch
from torch import nn

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.events import run_to_end
from snip_gui.core.data.images.image_set import make_image_set
from snip_gui.core.execution.training import make_trainer
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.methods.scoring import prune
from snip_gui.core.models.paper.vgg import VGG
from snip_gui.core.pruning.sensitivity import connection_sensitivity
from snip_gui.core.pruning.workbench import build_workbench
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import DataChoice, Draw, ModelChoice, Recipe, Training
from snip_gui.core.training.preparing import prepare

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(900)]

_ROUNDS, _STEPS, _BATCH = 5, 50, 128


def alternate(*functions):
    """The median time of each function over rounds in which they take turns."""
    taken = [[] for _ in functions]
    for _ in range(_ROUNDS + 1):  # the first warms up
        for times, function in zip(taken, functions, strict=True):
            torch.cuda.synchronize()
            started = time.perf_counter()
            function()
            torch.cuda.synchronize()
            times.append(time.perf_counter() - started)
    return [statistics.median(times[1:]) for times in taken]


@pytest.fixture(scope="module")
def photographs():
    """Noise in the shape of CIFAR."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (10_000, 3, 32, 32), dtype=np.uint8)
    labels = np.arange(len(images)) % 10
    return make_image_set(
        name="arrays", title="Noise", classes=tuple("abcdefghij"),
        train=(images[:9000], labels[:9000]), test=(images[9000:], labels[9000:]),
    )  # fmt: skip


def test_training_vgg_d_takes_at_most_a_ninth_more_than_a_loop_by_hand(cuda, photographs, state):
    recipe = Recipe(
        model=ModelChoice(name="vgg-d"),
        data=DataChoice(name="arrays"),
        minibatch=Draw(size=100),
        pruning=Snip(sparsity=0.95),
        training=Training(epochs=1000, batch_size=_BATCH, learning_rate=0.01, precision="bfloat16"),
    )
    bench = build_workbench(recipe, cuda, photographs)
    scored = run_to_end(prune(bench, CancelToken()))
    trainer = make_trainer(bench, scored.masks.mask_at(scored.num_kept_at(0.95)))
    run_to_end(prepare(trainer))

    def ours():
        trainer.step, trainer.evaluated_at = 0, 0
        steps = trainer.run()
        while trainer.step < _STEPS:
            next(steps)
        steps.close()

    network = VGG((3, 32, 32), 10).cuda().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    inputs = torch.randn(9000, 3, 32, 32, device="cuda")
    labels = torch.arange(9000, device="cuda") % 10

    def by_hand():
        for _ in range(_STEPS):
            chosen = torch.randint(9000, (_BATCH,), device="cuda")
            batch = inputs[chosen].contiguous(memory_format=torch.channels_last)
            with torch.autocast("cuda", torch.bfloat16):
                loss = nn.functional.cross_entropy(network(batch), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    mine, theirs = alternate(ours, by_hand)
    state("training VGG-D in bfloat16, speed relative to a loop by hand", f"{theirs / mine:.2f}")
    assert theirs / mine >= 0.9


def test_scoring_vgg_d_takes_little_more_than_its_pass(state):
    torch.manual_seed(0)
    network = VGG((3, 32, 32), 10).cuda().eval()
    prunable = prunable_parameters(network)
    inputs = torch.randn(100, 3, 32, 32, device="cuda")
    labels = torch.arange(100, device="cuda") % 10

    def plain():
        loss = nn.functional.cross_entropy(network(inputs), labels)
        torch.autograd.grad(loss, prunable.parameters)

    scoring, passing = alternate(
        lambda: connection_sensitivity(network, prunable, inputs, labels), plain
    )
    state("scoring VGG-D, time relative to one pass", f"{scoring / passing:.2f}")
    assert scoring / passing <= 1.2


def test_two_of_four_is_computed_by_sparse_kernels(state):
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("this GPU has no sparse tensor cores")
    from torch.sparse import to_sparse_semi_structured

    torch.manual_seed(0)
    layer = nn.Linear(4096, 4096, bias=False).half().cuda().eval()
    weight = layer.weight.detach()
    ranks = weight.abs().view(-1, 4).argsort(1, descending=True).argsort(1)
    pruned = weight * (ranks < 2).view_as(weight)
    inputs = torch.randn(4096, 4096, dtype=torch.half, device="cuda")
    sparse = nn.Linear(4096, 4096, bias=False).half().cuda().eval()
    layer.weight = nn.Parameter(pruned)
    sparse.weight = nn.Parameter(to_sparse_semi_structured(pruned))
    with torch.inference_mode():
        torch.testing.assert_close(sparse(inputs), layer(inputs), rtol=1e-2, atol=1e-2)
        dense_s, sparse_s = alternate(lambda: layer(inputs), lambda: sparse(inputs))
    state("2:4, speed of a 4096x4096 layer relative to dense", f"{dense_s / sparse_s:.2f}")
