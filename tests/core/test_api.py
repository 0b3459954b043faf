"""The functions for notebooks, on networks that this program does not know."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
import torch
from torch import nn

from snip_gui.core.api import apply_mask, build_recipe, load_run, mask_at, score
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.tensors import load_tensors
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.methods import Magnitude, RandomMask, Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe, Training
from snip_gui.core.reports.python_lines import python_lines
from snip_gui.core.runs import folder as files


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 20), nn.ReLU(),
        nn.Linear(20, 3),
    )  # fmt: skip


@pytest.fixture
def minibatch():
    return torch.randn(12, 1, 8, 8), torch.arange(12) % 3


def test_any_network_is_scored_and_exactly_so_many_are_kept(network, minibatch):
    ranking = score(network, *minibatch)
    total = sum(p.numel() for p in network.parameters())
    masks = mask_at(ranking, 0.9)
    assert masks.keys() == dict(network.named_parameters()).keys()
    assert sum(int(mask.sum()) for mask in masks.values()) == round(0.1 * total)
    weights = mask_at(score(network, *minibatch, biases=False, exclude=("5",)), 0.5)
    assert weights.keys() == {"0.weight", "3.weight"}


def test_the_mask_holds_under_momentum_and_decay(network, minibatch):
    masks = mask_at(score(network, *minibatch), 0.9)
    assert apply_mask(network, masks) is network
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=0.01)
    before = network[3].weight.clone()
    for _ in range(50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(minibatch[0]), minibatch[1]).backward()
        optimizer.step()
    assert not torch.equal(before, network[3].weight)
    for name, parameter in network.named_parameters():
        assert bool((parameter[~masks[name]] == 0).all())


def test_what_does_not_fit_is_refused(network, minibatch):
    ranking = score(network, *minibatch)
    with pytest.raises(ValueError, match="no parameter"):
        apply_mask(nn.Linear(2, 2), mask_at(ranking, 0.5))
    for sparsity in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="sparsity"):
            mask_at(ranking, sparsity)
    with pytest.raises(UserError, match="empty"):
        score(network, minibatch[0][:0], minibatch[1][:0])


def test_a_run_is_loaded_with_its_weights_and_masks(tmp_path, environment):
    recipe = Recipe(pruning=Snip(sparsity=0.95), training=Training(epochs=2))
    summary = run(recipe, tmp_path / "run", environment, lambda _e: None, CancelToken())
    loaded = load_run(tmp_path / "run")
    assert loaded.recipe == recipe
    assert loaded.description["num_kept"] == summary.num_kept
    batch, _ = load_tensors(tmp_path / "run" / files.BATCH)
    accuracy = (loaded.model(batch["inputs"]).argmax(1) == batch["labels"]).double().mean()
    assert accuracy > 0.5
    assert all(
        bool((loaded.model.get_parameter(n)[m == 0] == 0).all()) for n, m in loaded.masks.items()
    )


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(minibatch=Draw(classes=(8,), size=20), pruning=Snip(sparsity=0.98), seed=3),
        Recipe(
            model=ModelChoice(name="lenet-5-caffe", init="he"), pruning=RandomMask(sparsity=0.5)
        ),
        Recipe(pruning=Magnitude(sparsity=0.7, prunable="weights", exclude=("fc3",))),
    ],
)
def test_lines_of_python_give_the_mask_of_the_recipe(recipe, tmp_path, environment):
    code = python_lines(recipe)
    assert len(code.splitlines()) < 16
    space: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(code, space)
    torch.set_num_threads(1)
    run(recipe, tmp_path / "run", environment, lambda _e: None, CancelToken(), stop_after="prune")
    masks, _ = load_tensors(tmp_path / "run" / files.MASKS)
    same = [
        np.mean(space["masks"][name].numpy() == (mask != 0).numpy()) for name, mask in masks.items()
    ]
    # Sums on another number of threads may differ in the last bit, which decides between equals.
    assert min(same) > 0.999
    assert "connections are kept" in said.getvalue()


def test_a_recipe_is_built_from_the_parts_that_differ():
    built = build_recipe({"minibatch": {"size": 7}, "pruning": {"method": "random"}})
    assert built.images_NCHW.shape == (7, 1, 28, 28)
    assert built.ranking.layout.num_parameters == 266_610
    with pytest.raises(UserError, match="nonsense"):
        build_recipe({"nonsense": 1})
