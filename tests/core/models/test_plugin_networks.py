"""Mistakes of networks that packages add are named, with the network and the package."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.models.catalogue import MODELS, ModelInfo
from snip_gui.core.models.networks import make_network
from snip_gui.core.recipe.recipe import ModelChoice
from tests.core.plugins import add_entry, add_module

SHAPE, NUM_CLASSES = (1, 4, 4), 3


class Net(nn.Module):
    """A network that makes something of its class scores."""

    def __init__(self, make, num_classes):
        super().__init__()
        self.fc, self._make = nn.Linear(math.prod(SHAPE), num_classes), make

    def forward(self, x):
        return self._make(self.fc(x.flatten(1)))


def build(monkeypatch, factory):
    add_module(monkeypatch, "power_net", make=factory)
    row = ModelInfo(name="tiny", title="Tiny", description="Small.", factory="power_net:make")
    add_entry(monkeypatch, MODELS, row)
    return make_network(ModelChoice(name="tiny"), SHAPE, NUM_CLASSES, seed=0)


@pytest.mark.parametrize(
    ("make", "num_classes", "said"),
    [
        (lambda scores: scores, 7, "returns (2, 7) for 2 images, instead of (2, 3)."),
        (lambda scores: scores[0], NUM_CLASSES, "returns (3,) for 2 images"),
        (
            lambda scores: (scores, scores),
            NUM_CLASSES,
            "returns a value of type tuple, not a tensor",
        ),
        (lambda scores: scores / 0, NUM_CLASSES, "class scores that are not finite."),
    ],
)
def test_a_network_without_scores_of_the_classes_is_refused_by_name(
    monkeypatch, make, num_classes, said
):
    with pytest.raises(UserError) as caught:
        build(monkeypatch, lambda _shape, _classes: Net(make, num_classes))
    assert caught.value.message.startswith("The network “tiny” of the package snip-power 1.2 ")
    assert said in caught.value.message


def test_invalid_module_is_refused_by_name(monkeypatch):
    with pytest.raises(
        UserError, match=r"“tiny” of the package snip-power 1\.2 is of type int, not"
    ):
        build(monkeypatch, lambda _shape, _classes: 3)


def test_an_error_in_a_network_names_the_package(monkeypatch):
    def fail(_scores):
        raise LookupError("nothing there")

    with pytest.raises(LookupError) as caught:
        build(monkeypatch, lambda _shape, classes: Net(fail, classes))
    assert caught.value.__notes__ == ["Raised by the package snip-power 1.2."]


def test_a_good_network_is_made_and_the_generator_is_as_before(monkeypatch):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    noisy = build(monkeypatch, lambda _shape, classes: Net(lambda s: s + torch.rand(()), classes))
    assert isinstance(noisy.module, Net)
    assert torch.equal(torch.random.get_rng_state(), before)
