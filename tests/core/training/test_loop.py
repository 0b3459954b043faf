from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.base.errors import DivergedError, UserError
from snip_gui.core.base.events import run_to_end
from snip_gui.core.base.seeding import stream_seed
from snip_gui.core.data.images.resident import ResidentImages
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.recipe.recipe import Training
from snip_gui.core.training import evaluation as measuring
from snip_gui.core.training.evaluation import evaluation
from snip_gui.core.training.loop import Trainer
from snip_gui.core.training.schedules import learning_rate_at

CPU = torch.device("cpu")


def make_images(number, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, number)
    images = rng.integers(0, 120, (number, 1, 4, 4)).astype(np.uint8)
    images[np.arange(number), 0, labels] += 120  # a bright row says the class
    return ResidentImages(images, labels, (0.3,), (0.2,), CPU)


def make_trainer(training, *, share=1.0, norm=False, train_images=53, seed=0):
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3)]
    if norm:
        layers.insert(2, nn.BatchNorm1d(12))
    model = nn.Sequential(*layers)
    prunable = prunable_parameters(model)
    rng = np.random.default_rng(1)
    masks = {t.name: rng.random(t.shape) < share for t in prunable.layout.tensors}
    trainer = Trainer(
        masked=MaskedModel(model, prunable, masks),
        train=make_images(train_images, 0),
        held_out={"validation": make_images(20, 1), "test": make_images(30, 2)},
        training=training,
        seed=seed,
    )
    return trainer, masks


def finish(trainer):
    return list(itertools.chain.from_iterable(trainer.run()))


SHORT = Training(epochs=3, batch_size=10, learning_rate=0.05)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_mask_holds_under_momentum_and_decay(momentum, decay):
    training = Training(epochs=10, batch_size=10, momentum=momentum, weight_decay=decay)
    trainer, masks = make_trainer(training, share=0.4, norm=True)
    before = {name: p.detach().clone() for name, p in trainer.masked.prunable.items()}
    finish(trainer)
    assert trainer.step == 60
    for name, parameter in trainer.masked.prunable.items():
        mask = torch.from_numpy(masks[name])
        assert not parameter[~mask].any()
        assert not torch.equal(parameter[mask], before[name][mask])


def test_it_learns():
    trainer, _ = make_trainer(Training(epochs=30, batch_size=10, learning_rate=0.05))
    points = finish(trainer)
    test = [p for p in points if p.split == "test"]
    assert test[-1].error < 0.1 < test[0].error
    assert test[-1].loss < test[0].loss


def test_the_same_seed_trains_the_same_weights_bit_for_bit():
    states = []
    for seed in (0, 0, 1):
        trainer, _ = make_trainer(SHORT, seed=seed)
        finish(trainer)
        states.append(trainer.masked.model.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not all(torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_another_order_trains_on_the_same_images_otherwise_shuffled():
    trainings = (SHORT, msgspec.structs.replace(SHORT, order=1))
    trainers = [make_trainer(training, seed=3)[0] for training in trainings]
    orders = [[trainer._make_order(epoch).tolist() for epoch in (0, 1)] for trainer in trainers]
    assert len({tuple(order) for pair in orders for order in pair}) == 4
    assert all(sorted(order) == list(range(53)) for pair in orders for order in pair)
    # The order of recipes without a choice stays what it was.
    generator = torch.Generator().manual_seed(stream_seed(3, "order", 1))
    assert orders[0][1] == torch.randperm(53, generator=generator).tolist()


def test_validation_and_test_are_measured_at_the_start_and_after_each_epoch():
    trainer, _ = make_trainer(SHORT)
    points = finish(trainer)
    for split in ("validation", "test"):
        assert [p.step for p in points if p.split == split] == [0, 6, 12, 18]
        assert [p.epoch for p in points if p.split == split] == [0, 1, 2, 3]
    train = [p for p in points if p.split == "train"]
    assert [p.step for p in train] == list(range(1, 19))  # fewer than twenty steps an epoch


def test_training_is_measured_some_twenty_times_an_epoch():
    trainer, _ = make_trainer(Training(epochs=1, batch_size=1), train_images=100)
    steps = [p.step for p in finish(trainer) if p.split == "train"]
    assert steps == list(range(5, 101, 5))


def test_a_split_without_images_is_not_measured():
    trainer, _ = make_trainer(SHORT)
    trainer.held_out["validation"] = make_images(0, 0)
    assert {p.split for p in finish(trainer)} == {"train", "test"}


def test_every_image_is_trained_on_once_an_epoch(monkeypatch):
    trainer, _ = make_trainer(Training(epochs=2, batch_size=10))
    seen = []
    batch = trainer.train.batch

    def spy(indices):
        seen.append(indices.tolist())
        return batch(indices)

    monkeypatch.setattr(trainer.train, "batch", spy)
    finish(trainer)
    assert [len(one) for one in seen] == [10, 10, 10, 10, 10, 3] * 2
    epochs = [list(itertools.chain(*seen[:6])), list(itertools.chain(*seen[6:]))]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(53))
    assert epochs[0] != epochs[1]


def test_the_descent_is_sgd_with_coupled_decay_not_of_batchnorm():
    # Against the update written out: v = m v + g + d w, w = w - lr v.
    training = Training(
        epochs=4, batch_size=53, learning_rate=0.1, momentum=0.9, weight_decay=0.1, decay_at=(0.5,)
    )
    trainer, masks = make_trainer(training, share=0.5, norm=True)
    model = trainer.masked.model
    weights = {n: p.detach().clone() for n, p in model.named_parameters()}
    velocity = {n: torch.zeros_like(p) for n, p in weights.items()}
    inputs, labels = trainer.train.batch(slice(None))
    reference = torch.nn.Sequential(*model).train()
    finish(trainer)
    trained = {n: p.detach().clone() for n, p in model.named_parameters()}
    for step in range(4):
        leaves = {n: w.clone().requires_grad_() for n, w in weights.items()}
        loss = functional.cross_entropy(
            torch.func.functional_call(reference.train(), leaves, (inputs,)), labels
        )
        gradients = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
        for name in weights:
            gradient = gradients[name]
            if name in masks:
                mask = torch.from_numpy(masks[name])
                gradient = (gradient + 0.1 * weights[name]) * mask
            velocity[name] = 0.9 * velocity[name] + gradient
            weights[name] = weights[name] - learning_rate_at(step, 4, training) * velocity[name]
    for name, expected in weights.items():
        torch.testing.assert_close(trained[name], expected, rtol=1e-4, atol=1e-6)


def test_a_training_point_is_the_mean_since_the_last():
    trainer, _ = make_trainer(Training(epochs=1, batch_size=1, learning_rate=1e-9), train_images=40)
    loss, accuracy = run_to_end(
        evaluation(trainer.masked.model, trainer.train)
    )  # hardly moves at such a rate
    points = [p for p in finish(trainer) if p.split == "train"]
    assert np.mean([p.loss for p in points]) == pytest.approx(loss, rel=1e-4)
    assert np.mean([p.accuracy for p in points]) == pytest.approx(accuracy)


def test_evaluation_is_over_all_images_in_evaluation_mode():
    trainer, _ = make_trainer(SHORT, norm=True)
    images = make_images(2_301, 5)  # more than two batches, and a remainder
    model = trainer.masked.model.train()
    state = {k: v.clone() for k, v in model.state_dict().items()}
    loss, accuracy = run_to_end(evaluation(model, images))
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    inputs, labels = images.batch(slice(None))
    with torch.no_grad():
        scores = model.eval()(inputs)
    assert loss == pytest.approx(functional.cross_entropy(scores, labels).item(), rel=1e-5)
    assert accuracy == pytest.approx((scores.argmax(1) == labels).double().mean().item())


def test_seconds_and_epochs_never_go_back():
    points = finish(make_trainer(SHORT)[0])
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(points))
    assert all(a.epoch <= b.epoch for a, b in itertools.pairwise(points))


def test_divergence_is_noticed_and_every_point_before_was_finite():
    trainer, _ = make_trainer(Training(epochs=50, batch_size=10, learning_rate=100))
    points = []
    with pytest.raises(DivergedError) as caught:
        points.extend(itertools.chain.from_iterable(trainer.run()))
    assert caught.value.field == "training.learning_rate"
    assert "learning rate" in caught.value.hint
    assert caught.value.proposal == 20
    assert points
    assert all(p.is_finite for p in points)


def overflowing_at(trainer, number, factor):
    """Lets the step of that number, counted from 1, multiply all weights by a factor."""
    step = trainer.optimizer.step

    def overflow():
        step()
        if trainer.step + 1 == number:
            with torch.no_grad():
                for parameter in trainer.masked.model.parameters():
                    parameter.mul_(factor)

    trainer.optimizer.step = overflow


def until_divergence(trainer):
    """The points before divergence; at each of them every weight was a finite number."""
    points = []

    def train():
        for fresh in trainer.run():
            points.extend(fresh)
            if fresh:  # when a checkpoint may be written
                assert all(bool(p.isfinite().all()) for p in trainer.masked.model.parameters())

    with pytest.raises(DivergedError):
        train()
    assert all(p.is_finite for p in points)
    return points


def test_weights_that_overflow_are_noticed_though_the_loss_before_was_finite():
    trainer, _ = make_trainer(Training(epochs=2, batch_size=10, learning_rate=0.01))
    overflowing_at(trainer, 3, float("inf"))
    points = until_divergence(trainer)
    assert max(p.step for p in points) == 2


@pytest.mark.parametrize("epochs", [1, 2])
def test_an_evaluation_that_overflows_is_noticed_though_every_weight_is_finite(epochs):
    # In the last step of all too, after which no training loss would tell.
    trainer, _ = make_trainer(Training(epochs=epochs, batch_size=53, learning_rate=0.01))
    overflowing_at(trainer, epochs, 1e30)
    points = until_divergence(trainer)
    assert max(p.step for p in points if p.split == "test") == epochs - 1


def test_an_evaluation_can_be_interrupted_and_is_made_up_for(monkeypatch):
    monkeypatch.setattr(measuring, "_BATCH", 4)
    whole, _ = make_trainer(SHORT)
    expected = finish(whole)
    first, _ = make_trainer(SHORT)
    points, at_the_end = [], 0
    for fresh in first.run():
        points += fresh
        if first.step == first.num_steps:
            at_the_end += 1
            if at_the_end == 3:  # between two batches of the last evaluation
                break
    assert not first.is_done
    second, _ = make_trainer(SHORT)
    second.masked.model.load_state_dict(first.masked.model.state_dict())
    second.step = first.step
    second.evaluated_at = first.evaluated_at
    points += finish(second)
    assert second.is_done
    assert [(p.step, p.split, p.loss) for p in points] == [
        (p.step, p.split, p.loss) for p in expected
    ]


# A batch of one image


def batch_sizes(trainer):
    """The sizes of the batches of one epoch, as the steps see them."""
    order_N = torch.arange(len(trainer.train))
    return [len(labels_B) for _, labels_B in trainer._batches(0, order_N, 0)]


def test_a_last_image_joins_the_batch_before_if_batch_norm_refuses_it_alone():
    trainer, _ = make_trainer(SHORT, norm=True, train_images=51)
    assert trainer.steps_per_epoch == 5
    assert batch_sizes(trainer) == [10, 10, 10, 10, 11]
    finish(trainer)
    assert trainer.step == trainer.num_steps == 15


def test_a_last_image_stays_a_batch_of_its_own_where_it_can_be_trained_on():
    trainer, _ = make_trainer(SHORT, train_images=51)
    assert batch_sizes(trainer) == [10, 10, 10, 10, 10, 1]
    finish(trainer)
    assert trainer.step == trainer.num_steps == 18


@pytest.mark.parametrize("at", [3, 5, 7])
def test_a_training_with_a_joined_image_resumes_between_any_two_steps(at):
    whole, _ = make_trainer(SHORT, norm=True, train_images=51)
    finish(whole)
    parted, _ = make_trainer(SHORT, norm=True, train_images=51)
    for _ in parted.run():
        if parted.step == at:
            break
    finish(parted)
    for name, value in whole.masked.model.state_dict().items():
        assert torch.equal(parted.masked.model.state_dict()[name], value)


def test_batches_of_one_image_are_refused_in_words_if_batch_norm_refuses_them():
    with pytest.raises(UserError, match="single image") as caught:
        make_trainer(Training(epochs=1, batch_size=1), norm=True, train_images=5)
    assert (caught.value.field, caught.value.proposal) == ("training.batch_size", 2)
    with pytest.raises(UserError, match="single image") as caught:
        make_trainer(SHORT, norm=True, train_images=1)
    assert caught.value.field == "data.name"
