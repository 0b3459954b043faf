"""A small network for tests of systems, without images."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.core.training.regime import Moment


def small_bench(pruning=None, model=None):
    """What a regime uses of a workbench; the network is the same every time."""
    torch.manual_seed(0)
    model = model or nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 10))
    pruning = pruning or Snip()
    prunable = prunable_parameters(model, biases=pruning.prunable == "weights-and-biases")
    return SimpleNamespace(recipe=Recipe(pruning=pruning), model=model, prunable=prunable)


def masked_of(bench, hold="zero"):
    """The network of a bench, of which nothing is removed."""
    masks = {t.name: np.ones(t.shape, bool) for t in bench.prunable.layout.tensors}
    return MaskedModel(bench.model, bench.prunable, masks, hold)


def moment(phase, within=0):
    """A moment between two steps."""
    return Moment(step=100 * phase + within, num_steps=1000, phase=phase, step_of_phase=within)
