from __future__ import annotations

import numpy as np
import pytest
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.methods.rounds import exponential
from snip_gui.core.methods.systems.imp import Rewinding, make_regime
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.recipe.methods import Imp
from snip_gui.core.recipe.recipe import Recipe, Training
from snip_gui.core.recipe.training import Phase
from snip_gui.core.training.regime import Moment
from tests.core.toys import smooth_conv_net

ROUNDS, SPARSITY = 3, 0.8


def masked_net():
    model = smooth_conv_net()
    prunable = prunable_parameters(model, biases=False)
    masks = {t.name: np.ones(t.shape, bool) for t in prunable.layout.tensors}
    return MaskedModel(model, prunable, masks)


def start_of(phase):
    return Moment(step=10 * phase, num_steps=100, phase=phase, step_of_phase=0)


def move(model, seed):
    """Stand in for training: change every value, and zero the removed weights again."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in model.state_dict().values():
            if values.is_floating_point():
                values += torch.randn(values.shape, generator=generator, dtype=values.dtype)


def test_every_round_removes_the_smallest_and_rewinds_the_rest():
    masked = masked_net()
    initial = {name: values.clone() for name, values in masked.model.state_dict().items()}
    total = masked.prunable.layout.num_parameters
    schedule = exponential(total, round(total * (1 - SPARSITY)), ROUNDS)
    regime = Rewinding(masked.model.state_dict(), schedule)
    kept_M = np.ones(total, bool)
    for number in range(1, ROUNDS + 1):
        move(masked.model, number)
        masked.zero_removed()
        trained_M = np.concatenate([p.detach().numpy().ravel() for p in masked.prunable.parameters])
        alive = np.flatnonzero(kept_M)
        largest = alive[np.argsort(-np.abs(trained_M[alive]))][: schedule[number - 1]]
        masked.set_masks(regime.before_step(masked, start_of(number)).masks)
        found = {name: mask != 0 for name, mask in masked.masks().items()}
        kept_M = np.concatenate(
            [found[t.name].numpy().ravel() for t in masked.prunable.layout.tensors]
        )
        assert sorted(np.flatnonzero(kept_M)) == sorted(largest)
        for name, values in masked.model.state_dict().items():
            expected = initial[name] * found[name] if name in found else initial[name]
            torch.testing.assert_close(values, expected, rtol=0, atol=0)
    assert kept_M.sum() == round(total * (1 - SPARSITY))


def test_masks_change_at_the_start_of_a_round_only():
    masked = masked_net()
    regime = Rewinding(masked.model.state_dict(), (10,))
    assert regime.before_step(masked, start_of(0)) is None
    assert regime.before_step(masked, Moment(11, 100, 1, 1)) is None
    assert "Round 1 of 1: 10 of " in regime.before_step(masked, start_of(1)).text


def test_the_initial_weights_are_in_the_checkpoint():
    masked = masked_net()
    regime = Rewinding(masked.model.state_dict(), (10,))
    stored = {name: values.clone() for name, values in regime.state().items()}
    move(masked.model, 1)
    resumed = Rewinding(masked.model.state_dict(), (10,))
    resumed.load_state(stored)
    assert all(torch.equal(values, stored[name]) for name, values in resumed.state().items())
    stored.popitem()
    with pytest.raises(KeyError):
        resumed.load_state(stored)


def test_every_round_is_a_whole_training():
    recipe = Recipe(pruning=Imp(rounds=2), training=Training(epochs=4))
    assert recipe.phases == (Phase(4, purpose="pretraining"), Phase(4), Phase(4))


def test_a_sparsity_that_keeps_nothing_is_refused(make_bench):
    with pytest.raises(UserError, match="none of the 266,200 connections"):
        make_regime(make_bench(Recipe(pruning=Imp(sparsity=0.999999))))
