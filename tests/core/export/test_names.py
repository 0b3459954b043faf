"""Networks whose own tensors are called like masks or parts of a format, or have several names."""

from __future__ import annotations

import dataclasses
import runpy

import msgspec
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.execution.run import run
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.export import export_all
from snip_gui.core.export.package import package_run
from snip_gui.core.models.networks import Images, make_network
from snip_gui.core.models.own.source import digest_file
from snip_gui.core.models.recognising import inspect
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe, Training

NETWORK = """
import torch
from torch import nn

class Masked(nn.Linear):
    def __init__(self, fan_in, fan_out):
        super().__init__(fan_in, fan_out)
        self.register_buffer("weight_mask", (torch.rand(fan_out, fan_in) < .9).float())
    def forward(self, x):
        return nn.functional.linear(x, self.weight * self.weight_mask, self.bias)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 12), Masked(12, 12), nn.Linear(12, 10)
        self.scale_orig = nn.Parameter(torch.ones(12))
        self.scale = nn.Parameter(torch.ones(12))
        for name in ("scale_mask", "_kp_active_mask", "mask", "fc1_mask", "bn_mask"):
            self.register_buffer(name, (torch.arange(12) % 2).float())
        self.attn = nn.Module()
        self.attn.register_buffer("mask", torch.ones(3, 3, dtype=torch.bool))
        for name in ("values", "crow_indices"):
            self.attn.register_buffer(name, torch.ones(4))
    def forward(self, x):
        x = self.fc1(x.flatten(1)) * (self.scale + self.scale_orig * self.scale_mask)
        return self.fc3(self.fc2(x.relu()).relu())
"""
FORMATS_OF_STATE = (
    "safetensors", "safetensors-fp16", "safetensors-int8", "pt", "prune", "packed", "csr"
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    (folder / "net.py").write_text(NETWORK)
    return folder


@pytest.fixture(scope="module")
def choice(place):
    file = place / "net.py"
    return ModelChoice(name="own", file=str(file), symbol="Net", file_digest=digest_file(file))


@pytest.fixture(scope="module")
def trusting(environment, choice):
    return dataclasses.replace(environment, trusted_code=frozenset({choice.file_digest}))


@pytest.fixture(scope="module")
def exported(place, choice, trusting):
    """A pruned run, and its export in each format."""
    recipe = Recipe(model=choice, pruning=Snip(sparsity=0.8), minibatch=Draw(size=20))
    run(recipe, place / "run", trusting, lambda _event: None, CancelToken(), stop_after="prune")
    wanted = [(name, place / f"net{FORMATS[name].suffix}") for name in FORMATS_OF_STATE]
    list(export_all(place / "run", wanted, CancelToken(), trusting, allow_changes=True))
    return package_run(place / "run", trusting.trusted_code), dict(wanted)


@pytest.mark.parametrize("name", FORMATS_OF_STATE)
def test_an_export_loads_into_the_network_again(exported, choice, trusting, name):
    package, paths = exported
    again = msgspec.structs.replace(choice, weights=str(paths[name]))
    trusted = trusting.trusted_code
    found = make_network(again, (1, 28, 28), 10, seed=3, trusted=trusted).module.state_dict()
    rough = {"float32": 0, "float16": 1e-3, "int8": 5e-2}[FORMATS[name].precision]
    assert found.keys() == package.state.keys()
    for key, tensor in package.state.items():
        torch.testing.assert_close(found[key], tensor, rtol=rough, atol=rough)


@pytest.mark.parametrize("name", FORMATS_OF_STATE)
def test_an_export_opens_with_the_masks_of_pruning_alone(
    exported, choice, trusting, tmp_path, name
):
    package, paths = exported
    chosen = Recipe(model=choice)
    *_, found = inspect(paths[name], chosen, Images((1, 28, 28), 10), trusting, CancelToken())
    recipe = found.recipes[0]
    assert recipe.model.symbol == "Net"
    run(recipe, tmp_path / "on", trusting, lambda _e: None, CancelToken(), stop_after="prune")
    again = package_run(tmp_path / "on", trusting.trusted_code)
    for key in ("fc1.weight", "fc2.weight", "fc3.weight"):
        assert torch.equal(again.masks[key], package.masks[key]), key


@pytest.mark.parametrize("name", FORMATS_OF_STATE[:6])
def test_the_lines_of_the_card_load_it(exported, place, name):
    package, paths = exported
    space: dict = {"model": runpy.run_path(str(place / "net.py"))["Net"]()}
    exec(FORMATS[name].loading_lines(str(paths[name])), space)
    model = space["model"]
    images_BCHW = package.images_BCHW
    torch.testing.assert_close(
        model(images_BCHW), package.network(images_BCHW), rtol=1e-2, atol=1e-2
    )


TIED = """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.a, self.b = nn.Linear(784, 12), nn.Linear(12, 12), nn.Linear(12, 12)
        self.b.weight = self.a.weight
        self.last = nn.Linear(12, 10)
    def forward(self, x):
        return self.last(self.b(self.a(self.first(x.flatten(1)).relu()).relu()).relu())
"""


@pytest.mark.parametrize("stop_after", ["prune", "train"])
def test_a_shared_weight_is_pruned_under_each_of_its_names(tmp_path, environment, stop_after):
    file = tmp_path / "net.py"
    file.write_text(TIED)
    digest = digest_file(file)
    choice = ModelChoice(name="own", file=str(file), symbol="Net", file_digest=digest)
    trusting = dataclasses.replace(environment, trusted_code=frozenset({digest}))
    recipe = Recipe(
        model=choice,
        pruning=Snip(sparsity=0.8),
        minibatch=Draw(size=20),
        training=Training(epochs=1, batch_size=500, learning_rate=0.01),
    )
    folder = tmp_path / "run"
    run(recipe, folder, trusting, lambda _event: None, CancelToken(), stop_after=stop_after)
    paths = {name: tmp_path / f"net{FORMATS[name].suffix}" for name in FORMATS_OF_STATE}
    list(export_all(folder, list(paths.items()), CancelToken(), trusting, allow_changes=True))
    masks = package_run(folder, trusting.trusted_code).masks
    assert 0 < int(masks["a.weight"].sum()) < 144
    for path in paths.values():
        again = msgspec.structs.replace(choice, weights=str(path))
        network = make_network(again, (1, 28, 28), 10, seed=3, trusted=trusting.trusted_code)
        for name in ("a.weight", "b.weight"):
            values = network.module.state_dict()[name]
            assert torch.equal((values != 0).byte(), masks["a.weight"]), (path.name, name)
