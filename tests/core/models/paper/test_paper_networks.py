"""Every network of the paper: its total, its shape, and that one criterion works on all of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.layers import ConvSame
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.models.init import initialise
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.sensitivity import connection_sensitivity

TOTALS = {  # weights and biases without BatchNorm, as the paper counts
    "lenet-300-100": 266_610,
    "lenet-5-caffe": 431_080,
    "alexnet-s": 5_070_218,
    "alexnet-b": 8_490_378,
    "vgg-c": 10_526_538,
    "vgg-d": 15_245_130,
    "vgg-like": 14_982_474,
    "wrn-16-8": 10_958_666,
    "wrn-16-10": 17_113_258,
    "wrn-22-8": 17_153_610,
    "lstm-s": 136_586,
    "lstm-b": 535_306,
    "gru-s": 103_690,
    "gru-b": 403_978,
}
TINY_IMAGENET_TOTALS = {  # 64x64 images of 200 classes
    "alexnet-s": 5_264_968,
    "alexnet-b": 8_879_688,
    "vgg-c": 10_624_008,
    "vgg-d": 15_342_600,
    "vgg-like": 15_079_944,
}
# One of each family, the smallest: the others differ in width or depth alone.
FAMILIES = (
    "lenet-300-100",
    "lenet-5-caffe",
    "alexnet-s",
    "vgg-like",
    "wrn-16-8",
    "lstm-s",
    "gru-s",
)


def built(name, seed=0):
    info = MODELS[name]
    model = info.build(*info.reference)
    initialise(model, "variance-scaling", seed)
    return model


def images_for(name, number=4):
    (channels, rows, columns), classes = MODELS[name].reference
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(number, channels, rows, columns, generator=generator)
    return inputs, torch.arange(number) % classes


def test_the_catalogue_has_all_of_them_and_no_other():
    assert {info.name: info.num_parameters for info in MODELS} == TOTALS


@pytest.mark.parametrize("name", TOTALS)
def test_the_total_is_the_papers(name):
    info = MODELS[name]
    layout = prunable_parameters(info.build(*info.reference)).layout
    assert layout.num_parameters == TOTALS[name]
    assert layout.layers == info.layers
    assert info.title
    assert info.description.endswith(".")


@pytest.mark.parametrize("name", TINY_IMAGENET_TOTALS)
def test_the_total_on_tiny_imagenet_is_the_papers(name):
    layout = prunable_parameters(MODELS[name].build((3, 64, 64), 200)).layout
    assert layout.num_parameters == TINY_IMAGENET_TOTALS[name]


@pytest.mark.parametrize(
    ("name", "sparsity", "num_kept"),
    [  # what the paper's tables print, rounded there
        ("alexnet-s", 0.9, 507_022), ("alexnet-b", 0.9, 849_038), ("vgg-c", 0.95, 526_327),
        ("vgg-d", 0.95, 762_257), ("vgg-like", 0.97, 449_474), ("wrn-16-8", 0.95, 547_933),
        ("wrn-16-10", 0.95, 855_663), ("wrn-22-8", 0.95, 857_680), ("lstm-s", 0.95, 6_829),
        ("lstm-b", 0.95, 26_765), ("gru-s", 0.95, 5_185), ("gru-b", 0.95, 20_199),
    ],
)  # fmt: skip
def test_the_papers_sparsity_keeps_the_papers_count(name, sparsity, num_kept):
    assert sparsity in MODELS[name].paper_sparsities
    kept = num_kept_at(sparsity, TOTALS[name])
    assert abs(kept - num_kept) <= 1


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_gives_class_scores(name):
    inputs, _ = images_for(name)
    assert built(name).eval()(inputs).shape == (4, 10)


@pytest.mark.parametrize("name", FAMILIES)
def test_sensitivity_agrees_with_explicit_masks(name):
    """Differentiate by masks that multiply the weights, on which nothing of ours depends."""
    model = built(name).eval()
    prunable = prunable_parameters(model)
    inputs, labels = images_for(name)
    masks = {key: torch.ones_like(p, requires_grad=True) for key, p in prunable.items()}
    masked = {key: p.detach() * masks[key] for key, p in prunable.items()}
    scores = torch.func.functional_call(model, masked, (inputs,))
    loss = nn.functional.cross_entropy(scores, labels)
    by_mask = torch.autograd.grad(loss, list(masks.values()))
    expected = torch.cat([g.abs().reshape(-1) for g in by_mask]).double()
    expected /= expected.sum()
    found = connection_sensitivity(model, prunable, inputs, labels).sensitivity_M
    np.testing.assert_allclose(found, expected.numpy(), rtol=2e-3, atol=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_pruned_exactly_and_takes_a_step(name):
    model = built(name)
    prunable = prunable_parameters(model)
    inputs, labels = images_for(name)
    before = {key: value.clone() for key, value in model.named_buffers()}
    scores = connection_sensitivity(model, prunable, inputs, labels).sensitivity_M
    for key, value in model.named_buffers():
        assert torch.equal(value, before[key]), key
    ranking = rank_scores(scores, prunable.layout)
    num_kept = num_kept_at(0.9, prunable.layout.num_parameters)
    masks = ranking.mask_at(num_kept)
    assert sum(int(mask.sum()) for mask in masks.values()) == num_kept
    masked = MaskedModel(model, prunable, masks)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model.train()(inputs), labels).backward()
        masked.mask_gradients()
        optimizer.step()
    for key, parameter in prunable.items():
        assert not parameter.detach()[torch.from_numpy(~masks[key])].any(), key


@pytest.mark.parametrize("name", ["vgg-c", "vgg-d", "vgg-like"])
def test_vgg_does_not_fit_small_images_and_says_so(name):
    with pytest.raises(UserError, match="28x28") as caught:
        MODELS[name].build((1, 28, 28), 10)
    assert caught.value.field == "model.name"


@pytest.mark.parametrize("name", ["alexnet-s", "wrn-16-8", "lstm-s"])
def test_others_adapt_to_size_channels_and_classes(name):
    model = MODELS[name].build((2, 28, 30), 7).eval()
    assert model(torch.zeros(3, 2, 28, 30)).shape == (3, 7)


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "before", "after"),
    [(32, 11, 2, 4, 5), (16, 5, 2, 1, 2), (8, 3, 2, 0, 1), (64, 11, 4, 3, 4)],
)
def test_same_padding_is_uneven_as_in_the_official_code(side, kernel, stride, before, after):
    """A kernel that sees ones counts how many of its places lie inside the image."""
    layer = ConvSame(1, 1, kernel, stride, bias=False)
    nn.init.ones_(layer.weight)
    counts = layer(torch.ones(1, 1, side, side))[0, 0]
    assert counts.shape == (side // stride, side // stride)
    middle = side // stride // 2
    assert counts[0, middle] == (kernel - before) * kernel
    assert counts[-1, middle] == (kernel - after) * kernel


def test_the_second_recurrent_bias_is_frozen_at_zero_and_not_counted():
    model = built("lstm-s")
    prunable = prunable_parameters(model)
    assert "cell.bias_hh_l0" not in dict(prunable.items())
    assert "cell.bias_ih_l0" in dict(prunable.items())
    assert not model.cell.bias_hh_l0.any()
    labels = [tensor.label for tensor in prunable.layout.weights]
    assert labels == ["projection", "cell weight_ih_l0", "cell weight_hh_l0", "fc"]
