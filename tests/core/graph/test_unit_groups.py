"""Units that are tied together, against the dependency groups of Torch-Pruning.

``unit_groups.json`` holds the groups that Torch-Pruning finds, as pairs of the layers that have the
units as outputs, and as inputs; with the versions that made it. Torch-Pruning itself is not needed.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from snip_gui.core.graph.paths import find_unit_groups

torchvision = pytest.importorskip("torchvision")
FOUND = json.loads(Path(__file__).with_name("unit_groups.json").read_text(encoding="utf-8"))


def groups_of(name):
    """Ours and those of Torch-Pruning, as sets of layers."""
    model = getattr(torchvision.models, name)(weights=None, num_classes=10).train()
    ours = {
        (frozenset(group.outputs), frozenset(layer for layer, _ in group.inputs))
        for group in find_unit_groups(model, torch.randn(2, 3, 64, 64))
    }
    theirs = {tuple(map(frozenset, group)) for group in FOUND["networks"][name]}
    return ours, theirs


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet_v2", pytest.param("vgg16_bn", marks=pytest.mark.slow)]
)
def test_groups_are_those_of_torch_pruning(name):
    ours, theirs = groups_of(name)
    assert ours == theirs


@pytest.mark.slow
def test_concatenated_channels_stay_and_all_others_are_those_of_torch_pruning():
    ours, theirs = groups_of("densenet121")
    assert ours < theirs
    assert len(ours) == 58  # the narrow convolution of each of the 58 layers
    assert all(output.endswith("conv1") for outputs, _ in ours for output in outputs)
