from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.models.uses import weight_uses
from snip_gui.core.pruning.parameters import prunable_parameters


@pytest.mark.parametrize(
    "name", ["lenet-300-100", "lenet-5-caffe", "alexnet-s", "vgg-like", "wrn-16-8"]
)
def test_multiply_accumulates_agree_with_torchs_counter(name):
    info = MODELS[name]
    shape, classes = info.reference
    model = info.build(shape, classes)
    layout = prunable_parameters(model).layout
    uses = weight_uses(model, shape)
    ours = sum(tensor.size * uses[tensor.layer] for tensor in layout.weights)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, *shape))
    assert 2 * ours == counter.get_total_flops()


def test_recurrent_weights_are_used_at_every_row():
    info = MODELS["gru-s"]
    assert weight_uses(info.build(*info.reference), (1, 28, 28)) == {
        "projection": 28,
        "cell": 28,
        "fc": 1,
    }


def test_the_network_is_left_as_it_was():
    model = MODELS["alexnet-s"].build((3, 32, 32), 10).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    weight_uses(model, (3, 32, 32))
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
