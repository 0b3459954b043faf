"""Structured SNIP: whole units, against brute force on tiny networks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.graph.paths import UnitGroup, find_unit_groups
from snip_gui.core.methods.criteria.units import UnitMasks
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.pruning.shrinking import ShrunkModel, shrink
from snip_gui.core.recipe.methods import Snip
from tests.core.methods.benches import TOYS, pruned_with, slope_by_factors, toy_bench
from tests.core.toys import layout_of, toy_batches

# The hidden units of each toy, written down by hand: layers that have them as outputs, and as
# inputs, with the number of inputs of each unit.
GROUPS = {
    "linear": {(5, ("0",), (("2", 1),)), (4, ("2",), (("4", 1),))},
    "convolutional": {(3, ("0",), (("3", 1),)), (4, ("3",), (("8", 1),))},
    "residual": {
        (4, ("first", "outer"), (("inner", 1), ("last", 1))),
        (4, ("inner",), (("outer", 1),)),
    },
}


class Flattened(nn.Sequential):
    """Each channel becomes nine inputs of the linear layer; the second layer is depthwise."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(
            nn.Conv2d(2, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, groups=4),
            nn.MaxPool2d(2, 1),
            nn.Flatten(),
            nn.Linear(36, 3),
        )


def found_in(model, inputs):
    return {(g.size, g.outputs, g.inputs) for g in find_unit_groups(model.train(), inputs)}


@pytest.mark.parametrize("toy", TOYS)
def test_units_that_are_tied_together(toy):
    model, inputs, _ = toy_batches()[toy]
    assert found_in(model, inputs) == GROUPS[toy]


def test_flattening_and_depthwise_convolutions_follow_their_channels():
    inputs = torch.randn(2, 2, 8, 8)
    assert found_in(Flattened(), inputs) == {(4, ("0", "3"), (("6", 9),))}


def test_a_sum_with_the_images_and_an_unknown_reader_keep_their_units():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.to_images, self.free = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 3, 1)
            self.sorted = nn.Conv2d(3, 4, 1)
            self.last = nn.Linear(4, 3)

        def forward(self, images):
            hidden = self.sorted(self.free(images + self.to_images(images)))
            return self.last(hidden.sort(1)[0].mean((2, 3)))

    assert found_in(Odd(), torch.randn(2, 2, 4, 4)) == {(3, ("free",), (("sorted", 1),))}


def by_hand(bench, group, gather, with_outgoing):
    """The scores of a group, one connection after another."""
    layout = bench.prunable.layout
    slopes = slope_by_factors(bench, np.ones(layout.num_parameters))
    scores = []
    for unit in range(group[0]):
        values = []
        for tensor in layout.tensors:
            part = slopes[tensor.offset : tensor.end].reshape(tensor.shape)
            if tensor.layer in group[1]:
                values += part[unit].ravel().tolist()
            if with_outgoing and tensor.is_weight and tensor.layer in dict(group[2]):
                values += part[:, unit].ravel().tolist()
        if gather == "gate":
            scores.append(abs(sum(values)))
        else:
            scores.append(sum(map(abs, values)) / (len(values) if gather == "mean" else 1))
    return scores


@pytest.mark.parametrize("toy", TOYS)
@pytest.mark.parametrize("granularity", ["filter", "channel"])
@pytest.mark.parametrize("gather", ["sum", "mean", "gate"])
def test_the_lowest_units_are_removed_first(bench, toy, granularity, gather):
    toy_one = toy_bench(bench, toy, Snip(granularity=granularity, gather=gather))
    masks, layout = pruned_with(toy_one), toy_one.prunable.layout
    units = [
        (score, group, unit)
        for group in GROUPS[toy]
        for unit, score in enumerate(by_hand(toy_one, group, gather, granularity == "channel"))
    ]
    last = {group: max((s, u) for s, g, u in units if g == group)[1] for group in GROUPS[toy]}
    falling = [one for one in sorted(units, reverse=True) if last[one[1]] != one[2]]
    removed = set()
    num_kept = layout.num_parameters
    for _, group, unit in reversed(falling):
        removed.add((group, unit))
        expected = {t.name: np.ones(t.shape, bool) for t in layout.tensors}
        for (_, outputs, inputs), number in removed:
            for tensor in layout.tensors:
                if tensor.layer in outputs:
                    expected[tensor.name][number] = False
                if tensor.is_weight and tensor.layer in dict(inputs):
                    expected[tensor.name][:, number] = False
        num_kept = masks.nearest(sum(int(mask.sum()) for mask in expected.values()))
        found = masks.mask_at(num_kept)
        for name, mask in expected.items():
            np.testing.assert_array_equal(found[name], mask)
        assert masks.counts_at(num_kept) == {n: int(m.sum()) for n, m in expected.items()}
        assert f"{len(units) - len(removed)} of {len(units)} units" in masks.describe(num_kept)
    assert masks.nearest(0) == num_kept  # every group keeps one


@pytest.mark.parametrize("toy", TOYS)
def test_nothing_of_a_removed_unit_is_left(bench, toy):
    """The shrunk network is the small network itself: none of its connections is masked."""
    toy_one = toy_bench(bench, toy, Snip(granularity="channel"))
    masks = pruned_with(toy_one)
    num_kept = masks.nearest(round(masks.layout.num_parameters * 0.4))
    masked = MaskedModel(toy_one.model, toy_one.prunable, masks.mask_at(num_kept))
    shrunk = shrink(masked, toy_one.minibatch.inputs_KCHW)
    assert isinstance(shrunk, ShrunkModel)
    assert all(bool((mask != 0).all()) for mask in shrunk.small.masks().values())
    assert sum(shrunk.small.counts().values()) == num_kept
    assert shrunk.num_off_path == 0


def test_numbers_are_the_nearest_that_whole_units_have():
    group = UnitGroup(3, ("a",), (("b", 1),))
    layout = layout_of((3, 2), (2, 3))
    layout = type(layout)(
        tuple(
            type(t)(t.name, "ab"[i], t.kind, t.shape, t.offset)
            for i, t in enumerate(layout.tensors)
        )
    )
    masks = UnitMasks(layout, [group], [np.array([1.0, 3.0, 2.0])])
    assert [masks.nearest(number) for number in (0, 5, 7, 12)] == [4, 4, 8, 12]
    np.testing.assert_array_equal(masks.get_mask(layout.tensors[0], 8)[:, 0], [False, True, True])


def test_every_layer_keeps_the_minimum(bench):
    toy = toy_bench(bench, "residual", Snip(granularity="filter", floor=3))
    masks = pruned_with(toy)
    least = masks.mask_at(masks.nearest(0))
    assert least["inner.weight"].any((1, 2, 3)).sum() == 3


def test_a_network_without_such_units_is_refused(bench):
    toy = toy_bench(bench, "linear", Snip(granularity="filter"))
    single = nn.Sequential(nn.Linear(6, 3)).double()
    lone = dataclasses.replace(toy, model=single, prunable=prunable_parameters(single))
    lone.__dict__["minibatch"] = toy.minibatch
    lone.__dict__["minibatch_indices_K"] = toy.minibatch_indices_K
    with pytest.raises(UserError, match="None of this network's layers") as caught:
        pruned_with(lone)
    assert caught.value.field == "pruning.granularity"
