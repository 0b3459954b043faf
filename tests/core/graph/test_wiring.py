from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.graph.trace_wiring import trace_wiring
from snip_gui.core.graph.wiring import Step, Wiring, join_units, num_on_paths, reach
from snip_gui.core.models.networks import make_network
from snip_gui.core.recipe.recipe import ModelChoice
from tests.core.masks import alive_units


@st.composite
def chains(draw):
    """Matrices (O, I) of a chain; a layer may see each unit before as a block of inputs."""
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    blocks = draw(st.lists(st.integers(1, 3), min_size=len(widths) - 1, max_size=len(widths) - 1))
    blocks[0] = 1
    matrices = []
    for before, after, block in zip(widths, widths[1:], blocks, strict=False):
        size = after * before * block
        bits = draw(st.lists(st.booleans(), min_size=size, max_size=size))
        matrices.append(np.array(bits, bool).reshape(after, before * block))
    return matrices


def chain_of(matrices):
    """The wiring of a chain, flattened wherever a layer sees blocks."""
    steps = [Step("source", matrices[0].shape[1])]
    for number, matrix in enumerate(matrices):
        block = matrix.shape[1] // steps[-1].num_slots
        if block > 1:
            steps.append(Step("same", steps[-1].num_slots, block, (len(steps) - 1,)))
        steps.append(Step("join", matrix.shape[0], 1, (len(steps) - 1,), f"layer{number}"))
    return Wiring(tuple(steps), (len(steps) - 1,))


def paths(matrices):
    """Every path from an input to an output as the places it visits, by trying them all."""
    widths = [matrices[0].shape[1], *(m.shape[0] for m in matrices)]
    ways = [range(matrix.shape[1]) for matrix in matrices]
    for places in itertools.product(*ways, range(widths[-1])):
        joined = True
        for number, matrix in enumerate(matrices):
            last = number + 1 == len(matrices)
            block = 1 if last else matrices[number + 1].shape[1] // widths[number + 1]
            joined = joined and matrix[places[number + 1] // block, places[number]]
        if joined:
            yield places


@given(chains())
def test_reach_agrees_with_a_search_of_all_paths(matrices):
    wiring = chain_of(matrices)
    named = {f"layer{number}": matrix for number, matrix in enumerate(matrices)}
    found = reach(wiring, named.__getitem__)
    every = list(paths(matrices))
    assert found.num_outputs == matrices[-1].shape[0]
    assert found.num_reached == len({path[-1] for path in every})
    for number, (layer, matrix) in enumerate(named.items()):
        last = number + 1 == len(matrices)
        block = 1 if last else matrices[number + 1].shape[1] // matrix.shape[0]
        units = {path[number + 1] // block for path in every}
        assert alive_units(found)[layer] == (len(units), matrix.shape[0])
        used = {(path[number + 1] // block, path[number]) for path in every}
        ends = found.find_ends(layer)
        assert num_on_paths(lambda part, m=matrix: part(m != 0), matrix.shape, *ends) == len(used)


def test_a_layer_that_is_whole_joins_everything():
    wiring = chain_of([np.ones((3, 2), bool), np.ones((1, 3), bool)])
    second = np.array([[False, True, False]])
    found = reach(wiring, {"layer0": None, "layer1": second}.__getitem__)
    assert alive_units(found) == {"layer0": (1, 3), "layer1": (1, 1)}
    found = reach(wiring, {"layer0": None, "layer1": ~second & second}.__getitem__)
    assert alive_units(found) == {"layer0": (0, 3), "layer1": (0, 1)}


def test_what_is_beside_or_added_keeps_its_slots():
    steps = (
        Step("source", 2),
        Step("join", 2, 1, (0,), "a"),
        Step("sum", 2, 1, (0, 1)),
        Step("concat", 4, 1, (2, 1)),
        Step("join", 1, 1, (3,), "b"),
    )
    wiring = Wiring(steps, (4,))
    assert wiring.feeders(4) == (0, 1)
    nothing = np.zeros((2, 2), bool)
    only_last = np.array([[False, False, False, True]])
    found = reach(wiring, {"a": nothing, "b": only_last}.__getitem__)
    assert found.num_reached == 0  # the last slot is that of the layer that keeps nothing
    only_second = np.array([[False, True, False, False]])
    found = reach(wiring, {"a": nothing, "b": only_second}.__getitem__)
    assert found.num_reached == 1  # past that layer, by the sum
    np.testing.assert_array_equal(found.alive(0), [False, True])


NETWORKS = [
    ("lenet-300-100", (1, 28, 28)),
    ("lenet-5-caffe", (1, 28, 28)),
    ("torchvision:resnet18", (3, 64, 64)),
    ("torchvision:resnet18", (3, 32, 32)),  # ends at a single position: most of a kernel sees zeros
    ("alexnet-s", (3, 32, 32)),
    ("torchvision:densenet121", (3, 64, 64)),
    ("torchvision:mobilenet_v2", (3, 64, 64)),
    ("torchvision:googlenet", (3, 64, 64)),
]


@pytest.mark.parametrize(("name", "shape"), NETWORKS)
def test_a_weight_on_a_path_is_one_that_positive_weights_pass_something_through(name, shape):
    """With positive images and weights nothing cancels: the gradient is zero off the paths only.

    The idea is SynFlow's (arXiv 2006.05467).
    """
    network = make_network(ModelChoice(name=name), shape, 10, seed=0)
    model = network.module.double().eval()
    layout = prunable_parameters(model, biases=False).layout
    rng = np.random.default_rng(0)
    # Layers of their own density: some units lose all that goes in or all that comes out.
    masks = {}
    for tensor in layout.tensors:
        density = rng.uniform(1, 4) * (1 / tensor.shape[0] + 1 / tensor.shape[1])
        masks[tensor.name] = rng.random(tensor.shape[:2]) < density
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for parameter in parameters.values():
            if parameter.dim() == 1:
                continue
            parameter.uniform_(0.5, 1).mul_(2 / parameter[0].numel())
        for tensor in layout.tensors:
            mask = torch.from_numpy(masks[tensor.name])
            parameters[tensor.name].mul_(mask.reshape(*mask.shape, *[1] * (len(tensor.shape) - 2)))
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
    torch.manual_seed(0)
    model(0.1 + torch.rand(2, *shape, dtype=torch.float64)).sum().backward()

    wiring = trace_wiring(model, torch.zeros(1, *shape, dtype=torch.float64))
    # BatchNorm's shifts are zero here.
    steps = tuple(dataclasses.replace(step, is_constant=False) for step in wiring.steps)
    wiring = dataclasses.replace(wiring, steps=steps)
    by_layer = {tensor.layer: masks[tensor.name] for tensor in layout.tensors}
    found = reach(wiring, by_layer.get)
    off_path = 0
    for tensor in layout.tensors:
        carries = (parameters[tensor.name].grad != 0).numpy()
        kept = masks[tensor.name].reshape(*carries.shape[:2], *[1] * (carries.ndim - 2))
        kept = np.broadcast_to(kept, carries.shape)
        ends = found.find_ends(tensor.layer)
        seen = wiring.steps[wiring.step_by_layer[tensor.layer]].seen
        number = num_on_paths(lambda part, kept=kept: part(kept).copy(), kept.shape, *ends, seen)
        assert number == (carries & kept).sum()
        off_path += int((kept & ~carries).sum())
    assert off_path  # or the test would say nothing


def test_a_recurrent_network_is_joined_whole():
    network = make_network(ModelChoice(name="gru-s"), (1, 28, 28), 10, seed=0)
    wiring = trace_wiring(network.module, torch.zeros(1, 1, 28, 28))
    found = reach(wiring, lambda _layer: None)
    assert found.num_reached == 10
    assert found.find_ends("cell") is None
    assert wiring.feeders(wiring.step_by_layer["cell"]) == (wiring.step_by_layer["projection"],)


def test_a_network_that_cannot_be_traced_has_no_wiring():
    class Chooser(nn.Module):
        def forward(self, images):
            return images.flatten(1) if images.sum() > 0 else -images.flatten(1)

    assert trace_wiring(Chooser(), torch.zeros(1, 1, 2, 2)) is None


def test_a_kernel_connects_if_any_of_its_weights_is_kept():
    rank = np.random.default_rng(0).permutation(150).astype(np.int32).reshape(2, 3, 5, 5)
    for num_kept in range(151):
        expected = (rank < num_kept).any(axis=(2, 3))
        np.testing.assert_array_equal(join_units(rank) < num_kept, expected)
        np.testing.assert_array_equal(join_units(rank < num_kept), expected)


def test_a_matrix_is_its_own_connection():
    rank = np.arange(4, dtype=np.int32).reshape(2, 2)
    np.testing.assert_array_equal(join_units(rank), rank)


class Mixed(nn.Module):
    """Grouped and padded convolutions, a residual sum, a concatenation, and constants."""

    def __init__(self, activation, norm):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.second = nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
        self.third = nn.Conv2d(4, 6, 3, stride=4, padding=1)
        self.fourth = nn.Conv2d(6, 6, 3, padding=1)
        self.hidden = nn.Linear(12, 8)
        self.out = nn.Linear(8, 5)
        self.activation = activation

    def forward(self, images):
        maps = self.activation(self.norm(self.first(images)))
        maps = torch.relu(self.second(maps) + maps)
        maps = self.activation(self.third(maps))
        maps = torch.cat([maps, torch.relu(self.fourth(maps))], 1)
        return self.out(self.activation(self.hidden(maps.flatten(1)))) + 0.5


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("activation", [torch.relu, torch.sigmoid, torch.tanh])
@pytest.mark.parametrize("biases", ["random", "zero"])
def test_what_is_kept_on_no_path_changes_nothing_whatever_the_biases(
    activation, norm, seed, biases
):
    torch.manual_seed(seed)
    model = Mixed(activation, norm).double().eval()
    if norm and activation is not torch.relu:
        nn.init.uniform_(model.norm.bias)
    wiring = trace_wiring(model, torch.zeros(1, 1, 4, 4, dtype=torch.float64))
    masks = {}
    with torch.no_grad():
        for name, parameter in prunable_parameters(model).items():
            if parameter.dim() == 1:
                nn.init.uniform_(parameter, 0.5, 1.5)
            mask = torch.rand(parameter.shape) < (0.25 if parameter.dim() > 1 else 0.5)
            if biases == "zero" and parameter.dim() == 1:
                mask[:] = False
            parameter.mul_(mask)
            masks[name] = mask.numpy()

    def joined(layer):
        step = wiring.steps[wiring.step_by_layer[layer]]
        return join_units(masks[f"{layer}.weight"], step.seen)

    found = reach(wiring, joined, lambda layer: masks[f"{layer}.bias"])
    images = torch.randn(3, 1, 4, 4, dtype=torch.float64)
    before = model(images)
    number_off = 0
    for layer, number in wiring.step_by_layer.items():
        seen = wiring.steps[number].seen
        weight = model.get_parameter(f"{layer}.weight")
        leads_O, live_I = found.find_ends(layer)
        groups = wiring.steps[number].groups
        on_path = np.zeros(weight.shape, bool).reshape(*weight.shape[:2], -1)
        live_OI = np.repeat(live_I.reshape(groups, -1), len(leads_O) // groups, axis=0)
        places = slice(None) if seen is None else list(seen)
        on_path[:, :, places] = (leads_O[:, None] & live_OI)[:, :, None]
        on_path = torch.from_numpy(on_path.reshape(weight.shape))
        kept = masks[f"{layer}.weight"]
        counted = num_on_paths(lambda part, kept=kept: part(kept).copy(), kept.shape, leads_O,
                               live_I, seen)  # fmt: skip
        assert counted == int((on_path.numpy() & kept).sum())
        number_off += int(kept.sum()) - counted
        with torch.no_grad():
            weight.mul_(on_path)
            if (bias := dict(model.named_parameters()).get(f"{layer}.bias")) is not None:
                bias.mul_(torch.from_numpy(leads_O))
    assert torch.equal(model(images), before)
    assert number_off > 0  # or the test would say nothing
