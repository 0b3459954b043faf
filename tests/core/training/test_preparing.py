from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note, Progress
from snip_gui.core.data.images.batches import ChosenPixels
from snip_gui.core.data.images.pixels import PixelChoice
from snip_gui.core.data.images.resident import ResidentImages
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.recipe.recipe import Training
from snip_gui.core.training import preparing
from snip_gui.core.training.checkpoint import load_checkpoint, save_checkpoint
from snip_gui.core.training.events import StepRates
from snip_gui.core.training.loop import Trainer

CPU = torch.device("cpu")
SHORT = Training(epochs=3, batch_size=10, learning_rate=0.05)
WHOLE = Training(epochs=3, batch_size=10, learning_rate=0.05, shrink=False)


def make_images(number, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (number, 1, 4, 4)).astype(np.uint8)
    return ResidentImages(images, rng.integers(0, 3, number), (0.3,), (0.2,), CPU)


def make_trainer(training, share=0.2, dropout=0.0):
    """A trainer of a small network with BatchNorm, dropout and a sparse mask."""
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Flatten(), nn.Linear(16, 12), nn.BatchNorm1d(12), nn.ReLU()),
        *(nn.Dropout(dropout), nn.Linear(12, 3)),
    )
    prunable = prunable_parameters(model)
    rng = np.random.default_rng(1)
    masks = {t.name: rng.random(t.shape) < share for t in prunable.layout.tensors}
    masks["1.weight"][:3], masks["1.bias"][:] = False, False
    masks["1.weight"][:, :5] = False
    held_out = {"test": make_images(30, 2)}
    masked = MaskedModel(model, prunable, masks)
    return Trainer(masked, make_images(53, 0), held_out, training, seed=0)


def prepare(trainer):
    """Drain the preparation; return what it found, and its notes."""
    steps, notes = preparing.prepare(trainer), []
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            return end.value, notes
        if isinstance(event, Note):
            notes.append(event.text)
        else:
            assert isinstance(event, Progress)


def finish(trainer):
    return list(itertools.chain.from_iterable(trainer.run()))


def test_the_shrunk_network_learns_what_the_masked_network_learns():
    shrunk, whole = make_trainer(SHORT), make_trainer(WHOLE)
    prepared, notes = prepare(shrunk)
    assert prepare(whole) == (preparing.Prepared(), [])
    assert (whole.shrunk, whole.trained) == (None, whole.masked)
    assert notes == [f"{prepared.text} {prepared.rates.text}."]
    assert "of 16 pixels and" in prepared.text
    assert len(shrunk.trained.model[1].weight) <= 9
    points = [finish(trainer) for trainer in (shrunk, whole)]
    for one, other in zip(*points, strict=True):
        assert (one.step, one.split, one.lr) == (other.step, other.split, other.lr)
        assert one.loss == pytest.approx(other.loss, abs=1e-5)
    states = [trainer.masked.model.state_dict() for trainer in (shrunk, whole)]
    kept = shrunk.shrunk.places["1.weight"][0]
    for name in ("1.weight", "2.running_var", "5.weight"):
        one, other = (state[name] for state in states)
        one, other = (one[:, kept], other[:, kept]) if "5" in name else (one[kept], other[kept])
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    masks = shrunk.masked.masks()
    assert not any(bool(states[0][name][mask == 0].any()) for name, mask in masks.items())


def test_preparing_changes_no_result_and_no_random_number():
    trainer = make_trainer(SHORT, dropout=0.5)
    before = {k: v.clone() for k, v in trainer.masked.model.state_dict().items()}
    rng = torch.get_rng_state()
    prepare(trainer)
    assert torch.equal(torch.get_rng_state(), rng)
    trainer.put_back()
    assert all(torch.equal(v, before[k]) for k, v in trainer.masked.model.state_dict().items())
    assert trainer.step == 0
    assert not any(bool(v["momentum_buffer"].any()) for v in trainer.optimizer.state.values())


@pytest.mark.parametrize("at", [1, 7])
def test_a_checkpoint_is_of_the_whole_network_and_resumes_bit_for_bit(tmp_path, at):
    expected = make_trainer(SHORT, dropout=0.3)
    prepare(expected)
    torch.manual_seed(5)
    points = finish(expected)

    first = make_trainer(SHORT, dropout=0.3)
    prepare(first)
    torch.manual_seed(5)
    for _ in first.run():
        if first.step == at:
            break
    save_checkpoint(tmp_path / "c", first)
    torch.manual_seed(99)
    second = make_trainer(SHORT, dropout=0.3)
    prepare(second)
    load_checkpoint(tmp_path / "c", second)
    rest = finish(second)
    states = [trainer.masked.model.state_dict() for trainer in (expected, second)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    test = [p.loss for p in points if p.split == "test" and p.step > at]
    assert [p.loss for p in rest if p.split == "test"] == test


@pytest.mark.parametrize(("before", "after"), [(WHOLE, SHORT), (SHORT, WHOLE)])
def test_a_run_resumes_with_more_or_less_kept_out(tmp_path, before, after):
    first, second, expected = make_trainer(before), make_trainer(after), make_trainer(WHOLE)
    prepare(first)
    for _ in first.run():
        if first.step == 7:
            break
    save_checkpoint(tmp_path / "c", first)
    prepare(second)
    load_checkpoint(tmp_path / "c", second)
    assert finish(second)[-1].loss == pytest.approx(finish(expected)[-1].loss, abs=1e-5)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    first, second = make_trainer(SHORT), make_trainer(SHORT)
    prepare(first)
    save_checkpoint(tmp_path / "c", first)
    second.masked.model[5] = nn.Linear(12, 4)
    with pytest.raises(UserError, match="does not fit"):
        load_checkpoint(tmp_path / "c", second)


def test_a_network_without_a_removed_unit_is_trained_whole():
    trainer = make_trainer(SHORT, share=1.1)
    masks = {name: np.ones(m.shape, bool) for name, m in trainer.masked.masks().items()}
    trainer.masked = MaskedModel(trainer.masked.model, trainer.masked.prunable, masks)
    prepared, notes = prepare(trainer)
    assert notes == [prepared.text]
    assert notes[0].startswith("The network is not shrunk")
    assert (trainer.shrunk, prepared.rates) == (None, None)


def test_measuring_is_bounded(monkeypatch):
    trainer = make_trainer(SHORT)
    calls = []
    descend = preparing.descend

    def counted(*arguments, **options):
        calls.append(arguments)
        return descend(*arguments, **options)

    monkeypatch.setattr(preparing, "descend", counted)
    prepare(trainer)
    assert 2 <= len(calls) <= 40
    monkeypatch.setattr(preparing, "_MOST_SECONDS", 1e-9)
    calls.clear()
    prepare(make_trainer(SHORT))
    assert len(calls) == 2  # one step of each


def test_rates_are_shown_with_two_digits_or_more():
    assert StepRates(312.4, 140.2).text == "312 steps/s, dense 140"
    assert StepRates(1234.5, 0.52).text == "1,234 steps/s, dense 0.5"


CHANNELS = PixelChoice(torch.arange(32, 96), (4, 4, 4))
SCATTERED = PixelChoice(torch.tensor([3, 20, 21, 95]), (4, 1, 1))


@pytest.mark.parametrize("choice", [CHANNELS, SCATTERED])
@pytest.mark.parametrize("input_shape", [None, (6, 4, 4), (6, 8, 8)])
def test_chosen_pixels_are_those_of_the_whole_images_bit_for_bit(choice, input_shape):
    images = np.random.default_rng(0).integers(0, 256, (9, 6, 4, 4)).astype(np.uint8)
    means = tuple(np.linspace(0.1, 0.6, 6))
    whole = ResidentImages(images, np.arange(9), means, means, CPU, input_shape)
    chosen = whole.with_pixels(choice)
    assert isinstance(chosen, ChosenPixels) == (input_shape == (6, 8, 8))
    assert (len(chosen), chosen.device) == (9, CPU)
    order = torch.tensor([4, 1, 8, 0, 2])
    expected, labels = whole.batch(order)
    inputs, found = chosen.batch(order)
    assert inputs.shape == (5, *choice.shape)
    assert torch.equal(inputs, choice(expected))
    assert torch.equal(found, labels)
    batches = list(chosen.batches(torch.arange(9), 4, 1))
    assert [len(labels) for _, labels in batches] == [4, 1]
    assert torch.equal(batches[1][0], choice(whole.batch(slice(8, 9))[0]))
    chosen.close()


class Convolutions(nn.Module):
    """Two convolutions, and a view of maps that needs them in the usual order, or not."""

    def __init__(self, view):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 8, 3)
        self.fc = nn.Linear(32, 3)
        self._view = view

    def forward(self, images):
        maps = torch.relu(self.conv2(torch.relu(self.conv1(images))))
        return self.fc(maps.view(len(maps), 32) if self._view else maps.flatten(1))


def convolving(training, *, view=False):
    torch.manual_seed(0)
    model = Convolutions(view)
    prunable = prunable_parameters(model)
    rng = np.random.default_rng(1)
    masks = {t.name: rng.random(t.shape) < 0.5 for t in prunable.layout.tensors}
    held_out = {"test": make_images(30, 2)}
    masked = MaskedModel(model, prunable, masks)
    return Trainer(masked, make_images(53, 0), held_out, training, seed=0)


def is_channels_last(trainer):
    weight = trainer.trained.model.conv2.weight
    return weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()


def test_narrow_convolutions_run_with_channels_last_and_learn_the_same(tmp_path, monkeypatch):
    changed, plain = convolving(WHOLE), convolving(WHOLE)
    prepare(changed)
    monkeypatch.setattr(preparing, "_NARROW_WEIGHTS", 0)
    prepare(plain)
    assert [is_channels_last(trainer) for trainer in (changed, plain)] == [True, False]
    for trainer in (changed, plain):
        finish(trainer)
        save_checkpoint(tmp_path / "c", trainer)
    for one, other in zip(
        changed.masked.model.state_dict().values(),
        plain.masked.model.state_dict().values(),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    masks = changed.masked.masks()
    assert not any(
        bool(p[masks[name] == 0].any()) for name, p in changed.masked.model.named_parameters()
    )


def test_a_checkpoint_resumes_bit_for_bit_with_channels_last(tmp_path):
    expected, first, second = convolving(SHORT), convolving(SHORT), convolving(SHORT)
    for trainer in (expected, first, second):
        prepare(trainer)
    finish(expected)
    for _ in first.run():
        if first.step == 7:
            break
    save_checkpoint(tmp_path / "c", first)
    load_checkpoint(tmp_path / "c", second)
    finish(second)
    states = [trainer.masked.model.state_dict() for trainer in (expected, second)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_network_that_needs_the_usual_order_keeps_it():
    trainer = convolving(WHOLE, view=True)
    prepare(trainer)
    assert not is_channels_last(trainer)
    finish(trainer)


def test_weights_with_gaps_in_memory_are_trained_as_any():
    trainers = [make_trainer(WHOLE), make_trainer(WHOLE)]
    layer = trainers[0].masked.model[1]
    apart = torch.zeros(12, 32)[:, ::2]
    with torch.no_grad():
        layer.weight.data = apart.copy_(layer.weight)
    trainers[0].__post_init__()
    states = []
    for trainer in trainers:
        finish(trainer)
        states.append(trainer.masked.model.state_dict())
    for name, values in states[0].items():
        torch.testing.assert_close(values, states[1][name], rtol=0, atol=1e-5)


class Late(nn.Module):
    """A layer that is used from some step on."""

    def __init__(self):
        super().__init__()
        self.fc, self.late, self.calls = nn.Linear(16, 3), nn.Linear(16, 3), 0

    def forward(self, images):
        self.calls += 1
        units = self.fc(images.flatten(1))
        return units + self.late(images.flatten(1)) if self.calls > 5 else units


def test_a_layer_that_gets_its_first_gradient_late_is_trained():
    model = Late()
    prunable = prunable_parameters(model)
    masks = {t.name: np.ones(t.shape, bool) for t in prunable.layout.tensors}
    before = model.late.weight.detach().clone()
    trainer = Trainer(MaskedModel(model, prunable, masks), make_images(53, 0), {}, WHOLE, seed=0)
    finish(trainer)
    assert not torch.equal(model.late.weight, before)


def test_a_tensor_of_which_nothing_is_kept_stays_zero_and_has_a_velocity_of_zero(tmp_path):
    trainer = make_trainer(SHORT)
    prepare(trainer)
    assert not trainer.trained.model[1].bias.requires_grad
    finish(trainer)
    save_checkpoint(tmp_path / "c", trainer)
    tensors = load_file(tmp_path / "c")
    assert not tensors["model.1.bias"].any()
    velocity = tensors["optimizer.1.bias.momentum_buffer"]
    assert velocity.shape == (12,)
    assert not velocity.any()
