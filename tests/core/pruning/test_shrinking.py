from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.export.shrinking.shrunk_export import make_shrunk_export
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.models.init import initialise
from snip_gui.core.models.paper.lenet import LeNet5Caffe, LeNet300100
from snip_gui.core.models.paper.recurrent import RowReader
from snip_gui.core.models.paper.wide_resnet import WideResNet
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.sensitivity import connection_sensitivity
from snip_gui.core.pruning.shrinking import ShrunkModel, num_off_path, shrink
from snip_gui.core.recipe.recipe import Training
from snip_gui.core.training.descent import make_optimizer


class SmallVGG(nn.Module):
    """Convolution, BatchNorm, ReLU, pooling; a linear layer with BatchNorm of units."""

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.norm2 = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.fc1, self.fc_norm1 = nn.Linear(32 * 4, 40), nn.BatchNorm1d(40)
        self.fc2 = nn.Linear(40, 10)

    def forward(self, images):
        maps = functional.max_pool2d(functional.relu(self.norm1(self.conv1(images))), 2)
        maps = functional.avg_pool2d(functional.relu(self.norm2(self.conv2(maps))), 2)
        units = functional.relu(self.fc_norm1(self.fc1(maps.flatten(1))))
        return self.fc2(units)


NETWORKS = {
    "lenet-300-100": lambda: (LeNet300100((1, 28, 28), 10), (1, 28, 28)),
    "lenet-5-caffe": lambda: (LeNet5Caffe((1, 16, 16), 10), (1, 16, 16)),
    "small-vgg": lambda: (SmallVGG(), (3, 8, 8)),
    "small-wrn": lambda: (WideResNet((3, 8, 8), 10, depth=10, width=2), (3, 8, 8)),
}


def make_images(shape, number=24):
    """Images with blank borders, and their classes."""
    torch.manual_seed(3)
    images = torch.randn(number, *shape, dtype=torch.float64)
    images[..., :2, :] = images[..., :2] = 0
    return images, torch.arange(number) % 10


def snip(model, shape, sparsity):
    """A network in float64 under its own SNIP mask."""
    initialise(model, "variance-scaling", 0)
    prunable = prunable_parameters(model.double())
    found = connection_sensitivity(model, prunable, *make_images(shape))
    ranking = rank_scores(found.sensitivity_M, prunable.layout)
    num_kept = round(prunable.layout.num_parameters * (1 - sparsity))
    return MaskedModel(model, prunable, ranking.mask_at(num_kept))


def with_masks(model, **masks):
    """A network in float64 under masks by name with dots as double underscores; else all kept."""
    prunable = prunable_parameters(model.double())
    whole = {t.name: np.ones(t.shape, bool) for t in prunable.layout.tensors}
    given = {name.replace("__", "."): mask for name, mask in masks.items()}
    return MaskedModel(model, prunable, whole | given)


def descend(masked, images, labels, num_steps=200, batch_size=8):
    """The project's own descent, without its evaluation and data."""
    training = Training(learning_rate=0.05, momentum=0.9, weight_decay=5e-4)
    optimizer = make_optimizer(masked, training)
    for step in range(num_steps):
        chosen = torch.arange(step * batch_size, (step + 1) * batch_size) % len(images)
        masked.model.train()
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(masked.model(images[chosen]), labels[chosen])
        loss.backward()
        masked.mask_gradients()
        optimizer.step()


def seen(shrunk, images):
    return images if shrunk.pixels is None else shrunk.pixels(images)


def num_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def assert_trains_alike(masked, images, labels, num_steps=200):
    """Train both; what is in the small network must have moved alike. Returns the shrunk one."""
    shrunk = shrink(masked, images)
    assert isinstance(shrunk, ShrunkModel), shrunk
    before = copy.deepcopy(masked.model.state_dict())
    descend(shrunk.small, seen(shrunk, images), labels, num_steps)
    descend(masked, images, labels, num_steps)
    trained = copy.deepcopy(masked.model)
    expected = trained.state_dict()
    for name, values in shrunk.small.model.state_dict().items():
        torch.testing.assert_close(
            values, shrunk.narrow(name, expected[name]), rtol=0, atol=1e-10, msg=name
        )
    masked.model.load_state_dict(before)
    shrunk.put_back()
    for mode in (False, True):
        outputs = [copy.deepcopy(m).train(mode)(images) for m in (trained, masked.model)]
        torch.testing.assert_close(*outputs, rtol=0, atol=1e-9)
    for name, values in masked.model.state_dict().items():
        outside = torch.ones_like(values, dtype=torch.bool)
        if name in shrunk.places:
            outside[torch.meshgrid(*shrunk.places[name], indexing="ij")] = False
            assert torch.equal(values[outside], before[name][outside]), name
    return shrunk


@pytest.mark.parametrize("sparsity", [0.9, 0.98, 0.99])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_shrunk_network_trains_as_it_would_in_the_masked_network(name, sparsity):
    model, shape = NETWORKS[name]()
    shrunk = assert_trains_alike(snip(model, shape, sparsity), *make_images(shape))
    share = num_parameters(shrunk.small.model) / num_parameters(model)
    assert share < {0.9: 1, 0.98: 0.7, 0.99: 0.5}[sparsity]
    kept = sum(int(mask.sum()) for mask in shrunk.full.masks().values())
    trained = sum(int(mask.sum()) for mask in shrunk.small.masks().values())
    assert shrunk.num_off_path == kept - trained
    assert num_off_path(shrunk.full, make_images(shape)[0]) == kept - trained


def test_shrinking_leaves_network_mode_and_random_numbers_as_they_were():
    model, shape = NETWORKS["small-wrn"]()
    masked = snip(model, shape, 0.98)
    before, rng = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    assert isinstance(shrink(masked, make_images(shape)[0]), ShrunkModel)
    assert torch.equal(torch.get_rng_state(), rng)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert model.training


def test_taking_up_and_putting_back_are_inverse():
    model, shape = NETWORKS["small-vgg"]()
    shrunk = shrink(snip(model, shape, 0.98), make_images(shape)[0])
    with torch.no_grad():
        for values in shrunk.small.model.state_dict().values():
            values.add_(1)
    put = copy.deepcopy(shrunk.small.model.state_dict())
    shrunk.put_back()
    with torch.no_grad():
        for values in shrunk.small.model.state_dict().values():
            values.zero_()
    shrunk.load_from_full()
    assert all(torch.equal(v, put[k]) for k, v in shrunk.small.model.state_dict().items())


def two_layers():
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 10))


def test_a_unit_with_a_kept_bias_alone_stays_if_it_reaches_the_output():
    weight, bias = np.ones((6, 16), bool), np.zeros(6, bool)
    weight[2:5] = False  # units 2 to 4 see nothing; 2 and 3 have a bias
    bias[2:4] = True
    last = np.ones((10, 6), bool)
    last[:, 3] = False  # unit 3 reaches nothing
    masked = with_masks(two_layers(), **{"1__weight": weight, "1__bias": bias, "3__weight": last})
    shrunk = assert_trains_alike(masked, *make_images((1, 4, 4)))
    assert shrunk.places["1.weight"][0].tolist() == [0, 1, 2, 5]
    assert shrunk.num_off_path == 1 + 10  # the bias of 3, the weights from 4


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", range(3))
def test_biases_that_reach_the_output_are_kept_whatever_their_values(name, seed):
    torch.manual_seed(seed)
    model, shape = NETWORKS[name]()
    prunable = prunable_parameters(model.double().eval())
    for parameter in prunable.parameters:
        if parameter.dim() == 1:
            nn.init.normal_(parameter)
    masks = {  # some units see nothing but have a bias
        t.name: (torch.rand(t.shape) < (0.02 if t.is_weight else 0.5)).numpy()
        for t in prunable.layout.tensors
    }
    masked = MaskedModel(model, prunable, masks)
    images = make_images(shape)[0]
    shrunk = shrink(masked, images)
    assert isinstance(shrunk, ShrunkModel), shrunk
    expected = model.eval()(images)
    torch.testing.assert_close(shrunk.small.model.eval()(seen(shrunk, images)), expected)
    smaller = make_shrunk_export(model.float(), images.float())
    torch.testing.assert_close(
        smaller.network(images.float()), expected.float(), rtol=1e-4, atol=1e-4
    )


def test_pixels_that_nothing_reads_are_not_given():
    weight = np.zeros((6, 16), bool)
    weight[:3, [5, 7]] = True
    bias = np.zeros(6, bool)
    masked = with_masks(two_layers(), **{"1__weight": weight, "1__bias": bias})
    images, labels = make_images((1, 4, 4))
    shrunk = assert_trains_alike(masked, images, labels)
    assert shrunk.pixels.indices_P.tolist() == [5, 7]
    assert seen(shrunk, images).shape == (24, 2, 1, 1)
    assert shrunk.small.model[1].weight.shape == (3, 2)
    assert "2 of 16 pixels and 3 of 6 units" in shrunk.description


def normed(activation, **masks):
    """A convolution of which channel 1 sees nothing, BatchNorm, an activation, and a classifier."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), activation, nn.Flatten(), nn.Linear(16, 10)
    )
    weight, bias = np.ones((4, 3, 3, 3), bool), np.ones(4, bool)
    weight[1], bias[1] = False, False
    return with_masks(model, **{"0__weight": weight, "0__bias": bias})


def test_a_dead_channel_goes_through_batchnorm_where_its_shift_cannot_train():
    shrunk = assert_trains_alike(normed(nn.ReLU()), *make_images((3, 4, 4)))
    assert shrunk.places["1.bias"][0].tolist() == [0, 2, 3]
    assert len(shrunk.small.model[1].running_mean) == 3


def test_a_dead_channel_stays_where_its_shift_trains_or_is_not_zero():
    images, _ = make_images((3, 4, 4))
    assert "The network is not shrunk" in shrink(normed(nn.Tanh()), images)
    for name in ("bias", "running_mean"):
        masked = normed(nn.ReLU())
        with torch.no_grad():
            getattr(masked.model[1], name)[1] = 0.3
        assert "The network is not shrunk" in shrink(masked, images)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.branch = nn.Conv2d(3, 5, 1), nn.Conv2d(5, 5, 3, padding=1)
        self.fc = nn.Linear(5, 10)

    def forward(self, images):
        maps = functional.relu(self.stem(images))
        total = self.branch(maps)
        total += maps
        return self.fc(functional.adaptive_avg_pool2d(functional.relu(total), 1).flatten(1))


def test_the_terms_of_a_sum_keep_the_same_channels():
    stem, branch = np.ones((5, 3, 1, 1), bool), np.ones((5, 5, 3, 3), bool)
    stem[[1, 2]] = branch[[2, 3]] = branch[:, 2] = False  # 2 is dead in both terms
    dead = {"stem__bias": np.arange(5) > 2, "branch__bias": np.array([1, 1, 0, 0, 1]) == 1}
    masked = with_masks(Residual(), stem__weight=stem, branch__weight=branch, **dead)
    shrunk = assert_trains_alike(masked, *make_images((3, 4, 4)))
    assert shrunk.places["branch.weight"][0].tolist() == [0, 1, 3, 4]
    assert shrunk.places["branch.weight"][1].tolist() == [0, 1, 3, 4]


def test_channels_of_the_image_that_nothing_reads_are_not_given():
    weight = np.ones((5, 3, 1, 1), bool)
    weight[:, 1] = False
    images, labels = make_images((3, 4, 4))
    shrunk = assert_trains_alike(with_masks(Residual(), stem__weight=weight), images, labels)
    assert torch.equal(seen(shrunk, images), images[:, [0, 2]])


class Separable(nn.Module):
    """A depthwise convolution, or one of two groups."""

    def __init__(self, groups):
        super().__init__()
        self.first, self.middle = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 3, groups=groups)
        self.fc = nn.Linear(6, 10)

    def forward(self, images):
        maps = functional.relu6(self.middle(functional.relu6(self.first(images))))
        return self.fc(maps.mean([2, 3]))


@pytest.mark.parametrize(("groups", "num_left"), [(6, 4), (2, 6)])
def test_depthwise_convolutions_are_cut_and_grouped_ones_left_whole(groups, num_left):
    first, last = np.ones((6, 3, 1, 1), bool), np.ones((10, 6), bool)
    first[1], last[:, 4] = False, False
    first[:, 2] = False  # so that something goes in either case
    masks = {"middle__bias": np.zeros(6, bool), "first__bias": np.zeros(6, bool)}
    masked = with_masks(Separable(groups), first__weight=first, fc__weight=last, **masks)
    shrunk = assert_trains_alike(masked, *make_images((3, 6, 6)))
    assert shrunk.small.model.middle.weight.shape[0] == num_left
    assert ("not shrunk: middle" in shrunk.description) == (groups == 2)


class Odd(nn.Module):
    """Two layers with something between that is known, or not."""

    def __init__(self, between):
        super().__init__()
        self.first, self.last, self.between = nn.Conv2d(3, 6, 1), nn.Linear(24, 10), between

    def forward(self, images):
        return self.last(self.between(self.first(images)))


def of_batch(maps):
    return maps.view(maps.size(0), -1)


ODD = {
    "view by the batch": (of_batch, 3),
    "reshape by the shape": (lambda maps: maps.reshape(maps.shape[0], -1), 3),
    "view by a number": (lambda maps: maps.view(-1, 24), 6),
    "one place": (lambda maps: of_batch(functional.pad(maps[..., :1, :1], (0, 1, 0, 1))), 6),
    "padded by ones": (lambda maps: of_batch(functional.pad(maps, (0, 0, 0, 0), value=1.0)), 6),
    "sum with one": (lambda maps: of_batch(maps + 1), 6),
    "twice": (lambda maps: of_batch(maps * 2), 3),
    "squared": (lambda maps: of_batch(maps * maps), 3),
    "halves joined": (lambda maps: of_batch(torch.cat([maps[:, :3], maps[:, 3:]], 1)), 6),
    "of all channels": (lambda maps: of_batch(maps * maps.shape[1]), 6),
    "softmax": (lambda maps: of_batch(maps.softmax(1)), 6),
    "norm of layer": (nn.Sequential(nn.LayerNorm((6, 2, 2)), nn.Flatten()), 6),
    "sigmoid": (nn.Sequential(nn.Sigmoid(), nn.Flatten()), 6),
    "turned": (lambda maps: maps.transpose(2, 3).flatten(1), 6),
}


@pytest.mark.parametrize("name", ODD)
def test_what_lies_between_is_followed_exactly_or_keeps_all(name):
    between, num_left = ODD[name]
    first, bias = np.ones((6, 3, 1, 1), bool), np.ones(6, bool)
    first[[0, 2, 3]], bias[[0, 2, 3]] = False, False
    first[:, 1] = False  # so that a channel of the image goes in any case
    masked = with_masks(Odd(between), first__weight=first, first__bias=bias)
    shrunk = assert_trains_alike(masked, *make_images((3, 2, 2)), num_steps=20)
    assert len(shrunk.small.model.first.weight) == num_left


class Shared(nn.Module):
    """A layer that is used twice."""

    def __init__(self):
        super().__init__()
        self.first, self.twice, self.last = nn.Linear(16, 8), nn.Linear(8, 8), nn.Linear(8, 10)

    def forward(self, images):
        units = functional.relu(self.first(images.flatten(1)))
        return self.last(functional.relu(self.twice(functional.relu(self.twice(units)))))


def test_nothing_is_off_the_path_of_a_network_that_is_left_whole():
    masked = with_masks(nn.Sequential(nn.Flatten(), nn.Linear(16, 10)))
    assert num_off_path(masked, make_images((1, 4, 4))[0]) == 0


def test_a_layer_that_is_used_twice_is_left_whole():
    first, twice = np.ones((8, 16), bool), np.ones((8, 8), bool)
    first[:, 3] = first[2] = twice[2] = False
    masked = with_masks(Shared(), first__weight=first, twice__weight=twice)
    shrunk = assert_trains_alike(masked, *make_images((1, 4, 4)))
    assert shrunk.small.model.twice.weight.shape == (8, 8)
    assert len(shrunk.pixels.indices_P) == 15


def test_dropout_does_not_matter():
    weight = np.ones((6, 16), bool)
    weight[:, 3] = False
    model = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 10))
    shrunk = shrink(with_masks(model, **{"2__weight": weight}), make_images((1, 4, 4))[0])
    assert len(shrunk.pixels.indices_P) == 15


def test_recurrent_cells_are_trained_as_they_are():
    images, _ = make_images((1, 8, 8))
    masked = snip(RowReader((1, 8, 8), 10, cell="LSTM", units=12), (1, 8, 8), 0.98)
    reason = shrink(masked, images)
    assert reason.startswith("The network is not shrunk: paths cannot be traced through")
    assert "cell" in reason


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 10)

    def forward(self, images):
        if images.sum() > 0:
            images = images * 2
        return self.fc(images.flatten(1))


class Counting(nn.Module):
    """Divides by the number of inputs of its layer, which a trace does not show."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(16, 8), nn.Linear(8, 10)

    def forward(self, images):
        return self.fc2(self.fc1(images.flatten(1)) * (1 / self.fc1.out_features))


@pytest.mark.parametrize(("kind", "reason"), [(Branching, "traced"), (Counting, "differ")])
def test_a_network_that_cannot_be_shrunk_is_trained_masked_and_the_reason_is_given(kind, reason):
    model = kind()
    masks = {t.name: np.ones(t.shape, bool) for t in prunable_parameters(model).layout.tensors}
    for name, mask in masks.items():
        if name != "fc2.bias":
            mask[0] = False
    masked = MaskedModel(model, prunable_parameters(model.double()), masks)
    found = shrink(masked, make_images((1, 4, 4))[0])
    assert isinstance(found, str)
    assert found.startswith("The whole network is trained under its mask instead: ")
    assert reason in found


class Keeping(nn.Module):
    """Keeps its activations, as one does to look at them."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(16, 8), nn.Linear(8, 10)
        self.seen = None

    def forward(self, images):
        self.seen = functional.relu(self.fc1(images.flatten(1)))
        return self.fc2(self.seen)


def test_a_network_that_keeps_its_activations_is_shrunk_unless_it_cannot_be_copied():
    images, _ = make_images((1, 4, 4))
    weight = np.ones((8, 16), bool)
    weight[:, 3] = False
    masked = with_masks(Keeping(), fc1__weight=weight)
    assert isinstance(shrink(masked, images), ShrunkModel)
    assert masked.model.seen is None
    masked.model(images)
    assert "it cannot be copied" in shrink(masked, images)
    assert isinstance(masked.model.seen, torch.Tensor)


@pytest.mark.parametrize("name", NETWORKS)
def test_even_one_kept_connection_leaves_a_network(name):
    model, shape = NETWORKS[name]()
    masked = snip(model, shape, 1 - 1 / 10**7)
    masked = with_masks(
        model,
        **{k.replace(".", "__"): np.zeros(v.shape, bool) for k, v in masked.masks().items()},
    )
    assert isinstance(shrink(masked, make_images(shape)[0]), ShrunkModel)


class Dense(nn.Module):
    """Layers that read all earlier maps, as in DenseNet."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.norm1, self.second = nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3, padding=1)
        self.norm2, self.third = nn.BatchNorm2d(10), nn.Conv2d(10, 4, 3, padding=1)
        self.norm3, self.fc = nn.BatchNorm2d(14), nn.Linear(14 * 4, 10)

    def forward(self, images):
        maps = [self.first(images)]
        maps.append(self.second(functional.relu(self.norm1(torch.cat(maps, 1)))))
        maps.append(self.third(functional.relu(self.norm2(torch.cat(maps, 1)))))
        joined = functional.relu(self.norm3(torch.cat(maps, 1)))
        return self.fc(functional.adaptive_avg_pool2d(joined, 2).flatten(1))


@pytest.mark.parametrize("sparsity", [0.95, 0.98])
def test_concatenated_channels_are_left_out_of_all_that_read_them(sparsity):
    torch.manual_seed(0)
    masked = snip(Dense(), (3, 8, 8), sparsity)
    shrunk = assert_trains_alike(masked, *make_images((3, 8, 8)))
    small = shrunk.small.model
    widths = [layer.out_channels for layer in (small.first, small.second, small.third)]
    assert sum(widths) < 14
    norms = [norm.num_features for norm in (small.norm1, small.norm2, small.norm3)]
    assert norms == [widths[0], sum(widths[:2]), sum(widths)]
    assert [layer.in_channels for layer in (small.second, small.third)] == norms[:2]
    assert small.fc.in_features == 4 * norms[2]


def test_concatenated_channels_without_connections_are_exactly_those_that_go():
    first, fc = np.ones((6, 3, 3, 3), bool), np.ones((10, 14 * 4), bool)
    second_in, third_in = np.ones((4, 6, 3, 3), bool), np.ones((4, 10, 3, 3), bool)
    # Nobody reads the third channel of the first layer, or the second of the second.
    second_in[:, 2] = third_in[:, 2] = third_in[:, 6 + 1] = False
    for channel in (2, 6 + 1):
        fc[:, 4 * channel : 4 * (channel + 1)] = False
    masked = with_masks(
        Dense(), first__weight=first, second__weight=second_in, third__weight=third_in,
        fc__weight=fc,
    )  # fmt: skip
    small = assert_trains_alike(masked, *make_images((3, 8, 8))).small.model
    assert [layer.out_channels for layer in (small.first, small.second, small.third)] == [5, 3, 4]


class Twice(nn.Module):
    """A tensor that is concatenated with itself, and then added to another such one."""

    def __init__(self):
        super().__init__()
        self.first, self.other = nn.Linear(16, 6), nn.Linear(16, 6)
        self.last = nn.Linear(12, 10)

    def forward(self, images):
        rows = images.flatten(1)
        one, two = functional.relu(self.first(rows)), functional.relu(self.other(rows))
        return self.last(torch.cat([one, one], 1) + torch.cat([two, two], dim=1))


def test_sums_of_concatenations_keep_the_same_channels():
    last = np.ones((10, 12), bool)
    last[:, [1, 7]] = False  # the second unit of both halves
    last[:, 3] = False  # the fourth of one half: the other half needs it
    shrunk = assert_trains_alike(with_masks(Twice(), last__weight=last), *make_images((1, 4, 4)))
    small = shrunk.small.model
    assert (small.first.out_features, small.other.out_features, small.last.in_features) == (
        5, 5, 10
    )  # fmt: skip


def test_a_shrunk_network_with_concatenations_is_exported_as_one():
    masked = snip(Dense(), (3, 8, 8), 0.98)
    images, _ = make_images((3, 8, 8))
    model = masked.model.float().eval()
    export = make_shrunk_export(model, images.float())
    assert num_parameters(export.network) < num_parameters(model) / 2
    found, expected = export.network(images.float()), model(images.float())
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
