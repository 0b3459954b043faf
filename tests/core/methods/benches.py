"""Workbenches of toy networks, and the scores of an independent implementation."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.events import run_to_end
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.methods import scoring
from snip_gui.core.pruning.workbench import Minibatch
from snip_gui.core.recipe.recipe import Recipe
from tests.core.toys import toy_batches

TOYS = tuple(toy_batches())


def toy_bench(bench, name, pruning):
    """A workbench with a toy network and its images in place of those of another workbench."""
    model, inputs, labels = toy_batches()[name]
    biases = pruning.prunable == "weights-and-biases"
    toy = dataclasses.replace(
        bench,
        recipe=Recipe(pruning=pruning),
        model=model,
        prunable=prunable_parameters(model, biases=biases),
    )
    toy.__dict__["minibatch"] = Minibatch(np.arange(len(labels)), inputs, labels)
    toy.__dict__["minibatch_indices_K"] = np.arange(len(labels))
    return toy


def pruned_with(bench):
    """The masks of the recipe's method."""
    return run_to_end(scoring.prune(bench, CancelToken())).masks


def loss_of(model, inputs, labels, prunable, factors_M):
    """The loss if each connection is scaled by a factor."""
    layout = prunable.layout
    scaled = {
        t.name: p.detach() * factors_M[t.offset : t.end].view(t.shape)
        for t, p in zip(layout.tensors, prunable.parameters, strict=True)
    }
    return cross_entropy(functional_call(model.eval(), scaled, (inputs,)), labels)


def slope_by_factors(bench, kept_M):
    """The derivative of the loss by each factor, in float64, where some are zero."""
    factors_M = torch.from_numpy(np.asarray(kept_M, float)).requires_grad_()
    loss = loss_of(bench.model, *bench.minibatch[1:], bench.prunable, factors_M)
    return torch.autograd.grad(loss, factors_M)[0].numpy()


def highest(score_M, number):
    """Which connections have the highest scores; of equal ones, those that come first."""
    kept_M = np.zeros(len(score_M), bool)
    kept_M[sorted(range(len(score_M)), key=lambda i: (-np.float32(score_M[i]), i))[:number]] = True
    return kept_M


def flat_mask(masks, num_kept):
    """The masks of all tensors as one vector."""
    parts = masks.mask_at(num_kept)
    return np.concatenate([parts[t.name].ravel() for t in masks.layout.tensors])
