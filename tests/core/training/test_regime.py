"""Trainings whose masks, loss and network change, with toy rules of every kind."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.base.errors import DivergedError, MethodError, UserError
from snip_gui.core.base.events import run_to_end
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.recipe.training import Phase, Training
from snip_gui.core.training.checkpoint import load_checkpoint, mask_state, save_checkpoint
from snip_gui.core.training.evaluation import evaluation
from snip_gui.core.training.loop import Trainer
from snip_gui.core.training.preparing import prepare
from snip_gui.core.training.regime import MaskChange, Outcome, Regime
from tests.core.training.test_loop import finish, make_images

TRAINING = Training(epochs=3, batch_size=10, learning_rate=0.05)


class Splicing(Regime):
    """Dynamic network surgery in small: magnitudes decide at every step, both ways."""

    changes_masks = True
    hold = "shadow"

    def before_step(self, masked, moment):
        shadows = masked.shadows()
        masks = {}
        for name, mask in masked.masks().items():
            size = torch.where(mask != 0, dict(masked.prunable.items())[name], shadows[name]).abs()
            threshold = size.mean()
            masks[name] = torch.where(size > 1.1 * threshold, 1, torch.where(
                size <= 0.9 * threshold, 0, mask))  # fmt: skip
        return MaskChange({name: mask.detach() for name, mask in masks.items()})


class Dropping(Regime):
    """Removes some connections at random at every step, and brings others back at zero."""

    changes_masks = True

    def __init__(self, share=0.6):
        self.share = share

    def after_step(self, masked, moment):
        generator = torch.Generator().manual_seed(moment.step)
        masks = {
            name: torch.rand(mask.shape, generator=generator) < self.share
            for name, mask in masked.masks().items()
        }
        return MaskChange(masks, f"step {moment.step}")


class Gated(Regime):
    """A parameter of its own, noise, a penalty, a counter, and a mask that follows at the end."""

    changes_masks = True

    def __init__(self):
        self.gate = nn.Parameter(torch.ones(()))
        self.steps = 0

    def forward(self, model, inputs_BCHW):
        self.steps += 1
        return model(inputs_BCHW) * self.gate

    def penalty(self, masked):
        return self.gate.square() * 2

    def parameters(self):
        return {"gate": self.gate}

    def after_step(self, masked, moment):
        if not moment.is_end:
            return None
        parts = masked.prunable.items()
        return MaskChange({name: parameter.detach().abs() > 0.1 for name, parameter in parts})

    def state(self):
        return {"gate": self.gate.detach(), "steps": torch.tensor(self.steps)}

    def load_state(self, state):
        with torch.no_grad():
            self.gate.copy_(state["gate"])
        self.steps = int(state["steps"])


class Revealing(Regime):
    """Trains the whole network, and shows one of doubled weights without the small ones."""

    changes_masks = True

    def outcome(self, masked):
        parts = masked.prunable.items()
        masks = {name: p.detach().abs() > p.detach().abs().mean() for name, p in parts}
        return Outcome(masks, {name: p.detach() * 2 for name, p in parts})


def make_trainer(regime, training=TRAINING, phases=(), dtype=torch.float32):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3)).to(dtype)
    prunable = prunable_parameters(model)
    masks = {t.name: np.ones(t.shape, bool) for t in prunable.layout.tensors}
    return Trainer(
        masked=MaskedModel(model, prunable, masks, regime.hold),
        train=make_images(53, 0),
        held_out={"validation": make_images(20, 1), "test": make_images(30, 2)},
        training=training,
        seed=0,
        regime=regime,
        phases=phases,
    )


REGIMES = [Splicing, Dropping, Gated, Revealing]


@pytest.mark.parametrize("make", REGIMES)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("stop", [1, 6, 7, 12, 17, 18])
def test_a_training_that_was_stopped_anywhere_ends_as_if_it_had_not_been(
    make, optimizer, stop, tmp_path
):
    training = Training(epochs=3, batch_size=10, learning_rate=0.01, optimizer=optimizer)
    whole = make_trainer(make(), training)
    finish(whole)
    first = make_trainer(make(), training)
    for _ in itertools.takewhile(lambda _: first.step < stop, first.run()):
        pass
    save_checkpoint(tmp_path / "checkpoint.safetensors", first)
    second = make_trainer(make(), training)
    load_checkpoint(tmp_path / "checkpoint.safetensors", second)
    assert second.step == stop
    finish(second)
    save_checkpoint(tmp_path / "whole.safetensors", whole)
    save_checkpoint(tmp_path / "second.safetensors", second)
    from safetensors.torch import load_file

    one, other = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "second"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert mask_state(one)


@pytest.mark.parametrize("make", REGIMES)
def test_between_two_steps_removed_weights_are_zero(make):
    trainer = make_trainer(make())
    for _ in trainer.run():
        for name, parameter in trainer.masked.prunable.items():
            assert not parameter[trainer.masked.masks()[name] == 0].any()


def test_spliced_weights_are_those_of_an_explicit_loop():
    """All weights are trained by the gradient at the masked ones (Guo et al. 2016, equation 3)."""
    training = Training(
        epochs=2, batch_size=10, learning_rate=0.05, momentum=0.9, weight_decay=0.01
    )
    trainer = make_trainer(Splicing(), training, dtype=torch.float64)
    for images in (trainer.train, *trainer.held_out.values()):
        in_double(images)
    model = trainer.masked.model
    names = [name for name, _ in trainer.masked.prunable.items()]
    whole = {name: p.detach().clone() for name, p in trainer.masked.prunable.items()}
    masks = {name: torch.ones_like(values) for name, values in whole.items()}
    velocity = {name: torch.zeros_like(values) for name, values in whole.items()}
    batches = []
    for epoch in range(2):
        batches += list(trainer._batches(epoch, trainer._make_order(epoch), 0))
    came_back = 0
    for step, (inputs, labels) in enumerate(batches):
        for name in names:
            size = whole[name].abs()
            before = masks[name]
            masks[name] = before.clone()
            masks[name][size > 1.1 * size.mean()] = 1
            masks[name][size <= 0.9 * size.mean()] = 0
            came_back += int((masks[name] > before).sum())
        shown = {name: (whole[name] * masks[name]).requires_grad_() for name in names}
        loss = functional.cross_entropy(torch.func.functional_call(model, shown, inputs), labels)
        gradients = torch.autograd.grad(loss, list(shown.values()))
        for name, gradient in zip(names, gradients, strict=True):
            velocity[name] = 0.9 * velocity[name] + gradient + 0.01 * whole[name]
            whole[name] = whole[name] - trainer.rate_at(step) * velocity[name]
    assert came_back
    finish(trainer)
    for name, parameter in trainer.masked.prunable.items():
        assert torch.equal(trainer.masked.masks()[name], masks[name])
        torch.testing.assert_close(parameter.detach(), whole[name] * masks[name])


def test_an_outcome_is_evaluated_and_left_at_the_end_while_the_trained_weights_are_unaffected():
    whole, revealed = make_trainer(Regime()), make_trainer(Revealing())
    finish(whole)
    points = finish(revealed)
    kept = 0
    for name, trained in whole.masked.prunable.items():
        mask = trained.abs() > trained.abs().mean()
        kept += int(mask.sum())
        assert torch.equal(revealed.masked.trained()[name], trained)
        assert torch.equal(revealed.masked.model.get_parameter(name), trained * 2 * mask)
    assert sum(revealed.masked.counts().values()) == kept
    last = [point for point in points if point.split == "test"][-1]
    measured, _ = run_to_end(evaluation(revealed.masked.model, revealed.held_out["test"]))
    assert last.loss == measured


def test_an_outcome_without_connections_is_refused():
    class Emptying(Revealing):
        def outcome(self, masked):
            return Outcome({n: torch.zeros_like(p) for n, p in masked.prunable.items()})

    with pytest.raises(MethodError, match="every connection"):
        finish(make_trainer(Emptying()))


def test_gradients_that_a_regime_changes_are_those_of_a_penalty():
    class Pulled(Regime):
        def penalty(self, masked):
            return sum(p.square().sum() for _, p in masked.prunable.items()) / 2

    class Changed(Regime):
        def change_gradients(self, masked):
            for parameter in masked.prunable.parameters:
                parameter.grad.add_(parameter.detach())

    one, other = make_trainer(Pulled()), make_trainer(Changed())
    finish(one)
    finish(other)
    for (name, values), (_, others) in zip(
        one.masked.prunable.items(), other.masked.prunable.items(), strict=True
    ):
        torch.testing.assert_close(values, others, msg=name)


def test_hidden_weights_that_are_not_finite_end_a_training():
    class Breaking(Splicing):
        def after_step(self, masked, moment):
            for shadow in masked.shadows().values():
                if moment.step == 5:
                    shadow.fill_(float("nan"))

    with pytest.raises(DivergedError):
        finish(make_trainer(Breaking()))


def in_double(images):
    """Let resident images come in double precision."""
    batch = images.batch
    images.batch = lambda rows: tuple(
        part.double() if part.is_floating_point() else part for part in batch(rows)
    )


def test_weights_that_are_held_at_zero_come_back_at_zero_and_without_a_velocity():
    trainer = make_trainer(Dropping())
    before = {}
    for _ in trainer.run():
        for name, parameter in trainer.masked.prunable.items():
            mask = trainer.masked.masks()[name]
            came = (mask != 0) & (before.get(name, mask) == 0)
            before[name] = mask.clone()
            assert not parameter[came].any()
            velocity = trainer.optimizer.state[parameter]["momentum_buffer"]
            assert not velocity[came | (mask == 0)].any()


def test_what_a_change_says_is_noted():
    trainer = make_trainer(Dropping())
    said = []
    for _ in trainer.run():
        said += trainer.notes
        trainer.notes.clear()
    assert said == [f"step {step}" for step in range(1, 19)]


def test_parameters_of_a_regime_are_trained_without_decay_and_its_penalty_is_not_part_of_the_loss():
    """The loss at the first step is that of the network alone, while the gate shrinks."""
    training = Training(
        epochs=1, batch_size=53, learning_rate=0.05, momentum=0.0, weight_decay=0.5, decay_at=()
    )
    regime = Gated()
    trainer = make_trainer(regime, training)
    inputs, labels = next(trainer._batches(0, trainer._make_order(0), 0))
    scores = trainer.masked.model(inputs)
    loss = functional.cross_entropy(scores, labels)
    gate = torch.ones((), requires_grad=True)
    total = functional.cross_entropy(scores.detach() * gate, labels) + 2 * gate.square()
    (gradient,) = torch.autograd.grad(total, gate)
    points = finish(trainer)
    assert next(p.loss for p in points if p.split == "train") == pytest.approx(float(loss.detach()))
    assert float(regime.gate.detach()) == pytest.approx(1 - 0.05 * float(gradient), rel=1e-5)


def test_each_phase_runs_through_the_schedule_and_starts_at_rest():
    training = Training(epochs=4, batch_size=10, learning_rate=0.1, decay_at=(0.5,), added_epochs=1)
    phases = (Phase(4), Phase(2, 0.1), Phase(2, 0.1))
    trainer = make_trainer(Regime(), training, phases)
    assert trainer.num_epochs == 9
    rates = [trainer.rate_at(step) for step in range(trainer.num_steps)]
    expected = [0.1] * 12 + [0.01] * 12 + 2 * ([0.01] * 6 + [0.001] * 6) + [0.001] * 6
    assert rates == pytest.approx(expected)
    velocities = []
    for _ in trainer.run():
        state = trainer.optimizer.state.values()
        velocities.append((trainer.step, max(float(s["momentum_buffer"].norm()) for s in state)))
    # The first step of a phase has the velocity of its gradient alone.
    first = dict(velocities)
    assert first[25] < 0.5 * first[24]


def test_a_phase_may_have_a_constant_rate():
    training = Training(epochs=4, batch_size=10, learning_rate=0.1, decay_at=(0.5,), added_epochs=1)
    trainer = make_trainer(Regime(), training, (Phase(2), Phase(2, 0.5, decays=False)))
    rates = [trainer.rate_at(step) for step in range(trainer.num_steps)]
    assert rates == pytest.approx([0.1] * 6 + [0.01] * 6 + [0.05] * 18)


def test_added_epochs_can_have_a_rate_of_their_own():
    training = Training(epochs=2, batch_size=10, added_epochs=1, added_rate=0.3)
    trainer = make_trainer(Regime(), training, (Phase(2), Phase(1, 0.1)))
    assert trainer.rate_at(trainer.num_steps - 1) == 0.3


def test_the_whole_network_is_trained_where_masks_change():
    trainer = make_trainer(Dropping())
    prepared = run_to_end(prepare(trainer))
    assert trainer.shrunk is None
    assert "mask changes" in prepared.text


def test_masks_of_other_names_are_refused():
    class Wrong(Regime):
        changes_masks = True

        def before_step(self, masked, moment):
            return MaskChange({"nothing": torch.ones(1)})

    with pytest.raises(ValueError, match="nothing"):
        finish(make_trainer(Wrong()))


def test_a_checkpoint_of_other_rules_is_refused(tmp_path):
    trainer = make_trainer(Regime())
    finish(trainer)
    save_checkpoint(tmp_path / "checkpoint.safetensors", trainer)
    with pytest.raises(UserError, match="damaged"):
        load_checkpoint(tmp_path / "checkpoint.safetensors", make_trainer(Splicing()))
