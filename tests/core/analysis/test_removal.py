"""The effect of each removal, against networks with one weight set to zero."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.analysis.removal import rank_correlation, removal_effects
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.base.events import run_to_end
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.models.paper.lenet import LeNet300100


def network(*widths, bias=True):
    torch.manual_seed(3)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs, bias=bias), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    return model


def batch(width, classes, number=7):
    generator = torch.Generator().manual_seed(5)
    images = torch.randn(number, 1, 1, width, generator=generator)
    return images, torch.arange(number) % classes


def loss_of(model, images, labels):
    with torch.no_grad():
        return float(functional.cross_entropy(model(images.double()), labels))


def brute_force(model, layout, images, labels):
    """Set one parameter after another to zero."""
    exact = copy.deepcopy(model).double()
    whole = loss_of(exact, images, labels)
    parameters = dict(exact.named_parameters())
    effects = []
    for tensor in layout.tensors:
        values = parameters[tensor.name].detach().view(-1)
        for index in range(len(values)):
            before = values[index].clone()
            values[index] = 0
            effects.append(loss_of(exact, images, labels) - whole)
            values[index] = before
    return np.array(effects)


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("widths", [(6, 3), (6, 5, 3), (6, 5, 4, 3), (6, 4, 5, 4, 3)])
def test_effects_are_those_of_networks_without_the_connection(widths, biases):
    model = network(*widths)
    layout = prunable_parameters(model, biases=biases).layout
    images, labels = batch(widths[0], widths[-1])
    found = run_to_end(removal_effects(model, layout, images, labels, CancelToken()))
    expected = brute_force(model, layout, images, labels)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)
    assert np.ptp(found) > 0.01


def test_layers_without_biases_and_excluded_layers_are_followed_too():
    model = network(6, 5, 4, 3, bias=False)
    layout = prunable_parameters(model, exclude=("3",)).layout
    images, labels = batch(6, 3)
    found = run_to_end(removal_effects(model, layout, images, labels, CancelToken()))
    np.testing.assert_allclose(found, brute_force(model, layout, images, labels), atol=1e-14)


def test_splitting_the_work_changes_nothing(monkeypatch):
    import snip_gui.core.analysis.removal as module

    model, (images, labels) = network(6, 5, 4, 3), batch(6, 3)
    layout = prunable_parameters(model).layout
    whole = run_to_end(removal_effects(model, layout, images, labels, CancelToken()))
    monkeypatch.setattr(module, "_MOST_VALUES", 1)
    parts = run_to_end(removal_effects(model, layout, images, labels, CancelToken()))
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-15)


def test_the_network_of_the_paper_is_a_chain():
    from snip_gui.core.analysis.chain import find_chain

    torch.manual_seed(0)
    model = LeNet300100((1, 28, 28), 10)
    chain = find_chain(model, torch.randn(3, 1, 28, 28))
    assert [layer.name for layer in chain.layers] == ["fc1", "fc2", "fc3"]


class Twice(nn.Module):
    """Calls one layer twice, so that a removal changes two places."""

    def __init__(self):
        super().__init__()
        self.hidden, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, images):
        return self.out(self.hidden(self.hidden(images.flatten(1)).relu()).relu())


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, images):
        units = images.flatten(1)
        return self.out(units + self.hidden(units).relu())


@pytest.mark.parametrize(
    "model",
    [
        Twice(),
        Residual(),
        nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3)),
        nn.Sequential(nn.Conv2d(1, 3, (1, 4)), nn.Flatten()),
        nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)),
    ],
)
def test_other_networks_are_refused(model):
    images, labels = batch(4, 3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.fill_(0.1)
    layout = prunable_parameters(model).layout
    with pytest.raises(UserError, match="not a chain"):
        run_to_end(removal_effects(model, layout, images, labels, CancelToken()))


def test_it_can_be_cancelled():
    model, (images, labels) = network(6, 5, 3), batch(6, 3)
    cancel = CancelToken()
    steps = removal_effects(model, prunable_parameters(model).layout, images, labels, cancel)
    next(steps)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(steps)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 40], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 2, 3], [1, 3, 2, 4], 0.9486832980505138),  # ranks 1 2.5 2.5 4 against 1 3 2 4
        ([106, 100, 86, 101, 99, 103, 97, 113, 112, 110], [7, 27, 2, 50, 28, 29, 20, 12, 6, 17],
         -29 / 165),  # the example of intelligence and television, as in textbooks
    ],
)  # fmt: skip
def test_rank_correlation_is_spearmans(one, other, expected):
    assert rank_correlation(np.array(one, float), np.array(other, float)) == pytest.approx(expected)


def test_equal_values_have_no_rank_correlation():
    assert np.isnan(rank_correlation(np.ones(4), np.arange(4.0)))
