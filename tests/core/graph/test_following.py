from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.graph.following import Follower
from snip_gui.core.graph.tracing import trace

RULES = [name for name in vars(Follower) if name.startswith("follow_")]


class Recorder(Follower):
    """Notes which rule is asked for each operation; a tensor's value is its width."""

    def __init__(self, model, graph):
        super().__init__(model, graph)
        self.asked = []

    def width(self, value):
        return value


def recording(rule):
    def follow(self, node, *arguments, **_options):
        self.asked.append(rule.removeprefix("follow_"))
        shape = node.meta.get("shape") or (0,)
        return shape[1] if len(shape) > 1 else None

    return follow


for name in RULES:
    setattr(Recorder, name, recording(name))


class Network(nn.Module):
    """Three layers, around one operation."""

    def __init__(self, operation):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.act, self.flat = nn.GELU(), nn.Flatten()
        self.operation = operation

    def forward(self, x):
        return self.operation(self.conv(x))


def rules_of(operation):
    model = Network(operation)
    follower = Recorder(model, trace(model, torch.zeros(2, 2, 4, 4)))
    follower.walk()
    return follower.asked


@pytest.mark.parametrize(
    ("operation", "rule"),
    [
        (torch.relu, "alone"),
        (torch.sigmoid, "alone"),
        (lambda x: x.abs(), "alone"),
        (lambda x: functional.max_pool2d(x, 2), "alone"),
        (lambda x: x + x, "combined"),
        (lambda x: 2 * x, "unknown"),  # the first argument is no tensor
        (lambda x: x * 2, "combined"),
        (lambda x: torch.cat([x, x], 1), "unknown"),  # nor is a list
        (lambda x: x.mean((2, 3)), "over_places"),
        (lambda x: x.mean((1, 2)), "unknown"),
        (lambda x: torch.sum(x, (2, 3)), "over_places"),
        (lambda x: functional.pad(x, (1, 1)), "padded"),
        (lambda x: x.flatten(1), "flatten"),
        (lambda x: x.view(x.size(0), -1), "flatten"),
        (lambda x: x.cumsum(1), "unknown"),
    ],
)
def test_each_operation_has_one_rule(operation, rule):
    assert rules_of(operation) == ["source", "join", rule, "output"]


def test_layers_have_the_rule_of_their_kind():
    model = nn.Sequential(
        *(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.GELU(), nn.PixelShuffle(1), nn.Flatten()),
        nn.Linear(12, 5),
    )
    follower = Recorder(model, trace(model, torch.zeros(2, 2, 4, 4)))
    follower.walk()
    rules = ["source", "join", "norm", "alone", "unknown", "flatten", "join", "output"]
    assert follower.asked == rules


def test_a_linear_layer_on_more_than_rows_is_not_followed():
    model = nn.Sequential(nn.Linear(4, 4), nn.Flatten(), nn.Linear(32, 3))
    follower = Recorder(model, trace(model, torch.zeros(2, 2, 4, 4)))
    follower.walk()
    assert follower.asked == ["source", "unknown", "flatten", "join", "output"]


def test_a_rule_whose_result_does_not_fit_is_set_aside(monkeypatch):
    monkeypatch.setattr(Recorder, "follow_alone", lambda *_arguments, **_options: 7)
    assert rules_of(torch.relu) == ["source", "join", "unknown", "output"]


class WithoutRules(Follower):
    def width(self, value):
        return value


def test_without_rules_nothing_is_known():
    model = Network(torch.relu)
    follower = WithoutRules(model, trace(model, torch.zeros(2, 2, 4, 4)))
    follower.walk()
    assert follower.known == {}


@pytest.mark.parametrize(
    ("forward", "num_slots"),
    [(lambda x: x.flatten(1), 32), (lambda x: torch.relu(x).flatten(1), 2)],
)
def test_slots_of_images_are_pixels_only_if_they_are_flattened_at_once(forward, num_slots):
    class Reader(nn.Module):
        def forward(self, x):
            return forward(x)

    graph = trace(Reader(), torch.zeros(3, 2, 4, 4))
    (source,) = (node for node in graph.nodes if node.op == "placeholder")
    assert Recorder(Reader(), graph).count_slots(source, (3, 2, 4, 4)) == num_slots
