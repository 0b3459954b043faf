"""What a trace does not show is refused: values that are read after they were overwritten."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.base.errors import UserError
from snip_gui.core.export.shrinking.shrunk_export import make_shrunk_export
from snip_gui.core.graph.tracing import CannotFollowError, trace

IMAGES = torch.randn(20, 1, 4, 4, generator=torch.Generator().manual_seed(1))


class Net(nn.Module):
    """Two layers, with something done to the images in between."""

    def __init__(self, change):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two = nn.Linear(16, 8), nn.Linear(8, 3)
        self.change = change

    def forward(self, images):
        return self.two(self.change(images.flatten(1), self.one))


def halves(values, layer):
    values.sub_(0.5)
    return layer(values).relu()


def halves_first(values, layer):
    hidden = layer(values.clone())
    hidden.mul_(2)
    return hidden


def rectifies_twice(values, layer):
    hidden = layer(values)
    return functional.relu(hidden, inplace=True) + hidden


def through_a_view(values, layer):
    values.view(-1, 16).add_(1)
    return layer(values)


def by_function(values, layer):
    torch.sub(values, 0.5, out=values)
    return layer(values)


@pytest.mark.parametrize(
    "change", [halves, halves_first, rectifies_twice, through_a_view, by_function]
)
def test_values_read_after_they_were_overwritten_are_refused(change):
    before = IMAGES.clone()
    with pytest.raises(CannotFollowError, match="in place"):
        trace(Net(change).eval(), IMAGES)
    with pytest.raises(UserError, match="in place"):
        make_shrunk_export(Net(change).eval(), IMAGES)
    torch.testing.assert_close(IMAGES, before, rtol=0, atol=0)


def test_where_only_the_result_is_read_in_place_is_the_same():
    def change(values, layer):
        return functional.relu(layer(values.sub_(0.5)), inplace=True)

    before = IMAGES.clone()
    net = Net(change).eval()
    made = make_shrunk_export(net, IMAGES).network
    other = torch.randn(9, 1, 4, 4)
    torch.testing.assert_close(made(other.clone()), net(other.clone()))
    torch.testing.assert_close(IMAGES, before, rtol=0, atol=0)
