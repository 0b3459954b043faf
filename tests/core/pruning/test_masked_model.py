from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.pruning.masked_model import MaskedModel
from tests.core.toys import conv_net_with_batch, smooth_conv_net


def random_masks(prunable, share=0.3, seed=0):
    rng = np.random.default_rng(seed)
    return {t.name: rng.random(t.shape) < share for t in prunable.layout.tensors}


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_removed_weights_stay_exactly_zero(momentum, decay):
    model, inputs, labels = conv_net_with_batch()
    prunable = prunable_parameters(model)
    masks = random_masks(prunable)
    start = {name: p.detach().clone() for name, p in prunable.items()}
    masked = MaskedModel(model, prunable, masks)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=momentum, weight_decay=decay)
    for _ in range(50):
        optimizer.zero_grad()
        functional.cross_entropy(model(inputs), labels).backward()
        masked.mask_gradients()
        optimizer.step()
    for name, parameter in prunable.items():
        removed = ~torch.from_numpy(masks[name])
        assert not parameter[removed].any(), name
        if parameter.dim() > 1:  # and what was kept did learn
            assert not torch.equal(parameter[~removed], start[name][~removed])


def test_only_removed_weights_are_set_to_zero():
    model = smooth_conv_net()
    prunable = prunable_parameters(model)
    masks = random_masks(prunable)
    before = {name: p.detach().clone() for name, p in prunable.items()}
    masked = MaskedModel(model, prunable, masks)
    for name, parameter in prunable.items():
        mask = torch.from_numpy(masks[name])
        assert torch.equal(parameter[mask], before[name][mask])
        assert not parameter[~mask].any()
    assert masked.num_nonzero() == sum(int(mask.sum()) for mask in masks.values())


def test_what_is_not_prunable_is_left_alone():
    model = smooth_conv_net()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    prunable = prunable_parameters(model, exclude=("0",))
    MaskedModel(model, prunable, random_masks(prunable, share=0.0))
    untouched = set(before) - {name for name, _ in prunable.items()}
    assert "0.weight" in untouched
    assert "1.weight" in untouched
    assert all(torch.equal(model.state_dict()[name], before[name]) for name in untouched)


def test_state_dict_keeps_its_names():
    model = smooth_conv_net()
    names = list(model.state_dict())
    prunable = prunable_parameters(model)
    MaskedModel(model, prunable, random_masks(prunable))
    assert list(model.state_dict()) == names


def test_a_removed_weight_that_is_not_finite_becomes_zero():
    model = nn.Sequential(nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        model[0].weight[0, 0] = float("nan")
    MaskedModel(
        model, prunable_parameters(model), {"0.weight": np.array([[False, True], [True, True]])}
    )
    assert model[0].weight[0, 0] == 0


def test_weights_that_were_loaded_are_masked_again():
    model = nn.Sequential(nn.Linear(2, 2, bias=False))
    mask = np.array([[False, True], [True, False]])
    masked = MaskedModel(model, prunable_parameters(model), {"0.weight": mask})
    model.load_state_dict({"0.weight": torch.ones(2, 2)})
    masked.zero_removed()
    assert model[0].weight.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("change", ["missing", "extra", "renamed"])
def test_masks_of_other_names_are_refused(change):
    model = smooth_conv_net()
    prunable = prunable_parameters(model)
    masks = random_masks(prunable)
    mask = masks["8.weight"]
    if change != "extra":
        del masks["8.weight"]
    if change != "missing":
        masks["9.weight"] = mask
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"8\.weight"):
        MaskedModel(model, prunable, masks)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_masks_of_another_shape_are_refused():
    model = smooth_conv_net()
    prunable = prunable_parameters(model)
    masks = random_masks(prunable)
    masks["8.weight"] = masks["8.weight"].T
    with pytest.raises(ValueError, match=r"8\.weight"):
        MaskedModel(model, prunable, masks)
