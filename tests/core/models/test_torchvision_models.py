from __future__ import annotations

import pytest
import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.models import torchvision_models
from snip_gui.core.models.networks import SUGGESTED, TORCHVISION, find_input_shape, make_network
from snip_gui.core.models.networks import measure as measure_network
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.sensitivity import connection_sensitivity
from snip_gui.core.recipe.recipe import ModelChoice

pytestmark = pytest.mark.slow

# torchvision's own documentation, of its networks for 224x224 images and a thousand classes.
DOCUMENTED = {
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "vgg16_bn": 138_365_992,
    "mobilenet_v2": 3_504_872,
    "densenet121": 7_978_856,
    "vit_b_16": 86_567_656,
}


def choice(name, **changes):
    return ModelChoice(name=f"{TORCHVISION}{name}", init="he", **changes)


def measure(name, shape=(3, 32, 32), classes=10, **changes):
    return measure_network(choice(name, **changes), shape, classes)


def test_the_networks_offered_first_are_those_that_are_tested():
    assert set(SUGGESTED) == set(DOCUMENTED)
    assert set(SUGGESTED) < set(torchvision_models.names())


@pytest.mark.parametrize("name", DOCUMENTED)
def test_parameters_are_those_that_torchvision_documents(name):
    found = measure(name, classes=1000, input_size=224)
    assert found.input_shape == (3, 224, 224)
    assert found.num_parameters == DOCUMENTED[name]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_weight_is_used(name):
    found = measure(name)
    assert all(layer.uses for layer in found.layers if layer.is_prunable)
    # What is left are products of activations, in attention alone.
    rest = found.multiply_accumulates - sum(layer.multiply_accumulates for layer in found.layers)
    assert (rest > 0) == (name == "vit_b_16")


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("resnet18", (1, 28, 28), (1, 28, 28)),
        ("resnet18", (3, 40, 32), (3, 40, 32)),
        ("vgg16_bn", (1, 28, 28), (1, 32, 32)),
        ("densenet121", (3, 28, 28), (3, 32, 32)),
        ("vit_b_16", (3, 64, 64), (3, 64, 64)),
        ("vit_b_16", (3, 64, 48), (3, 64, 64)),
        ("vit_b_16", (3, 70, 70), (3, 96, 96)),
        ("inception_v3", (3, 32, 32), (3, 96, 96)),
    ],
)
def test_images_that_do_not_fit_become_the_smallest_that_do(name, shape, expected):
    assert find_input_shape(choice(name), shape, 10) == expected
    told = measure(name, shape).resized
    assert (f"{expected[1]}x{expected[2]}" in told) == (shape != expected)


def test_every_other_network_of_torchvision_takes_small_images():
    sizes = {}
    for name in torchvision_models.names():
        if not name.startswith(("regnet_y_128", "regnet_y_32", "regnet_x_32", "regnet_y_16")):
            sizes[name] = find_input_shape(choice(name), (3, 32, 32), 10)[1]
    assert len(sizes) > 70
    assert max(sizes.values()) <= 224
    assert {name for name, size in sizes.items() if size > 96} == {"maxvit_t", "vit_h_14"}


def test_an_unknown_network_is_named():
    with pytest.raises(UserError, match="resnet19") as caught:
        find_input_shape(choice("resnet19"), (3, 32, 32), 10)
    assert caught.value.field == "model.name"


def test_a_network_whose_sizes_all_fail_says_why():
    with pytest.raises(UserError, match="5000x5000"):
        find_input_shape(choice("vit_b_16"), (3, 5000, 5000), 10)


def test_grey_images_make_a_network_of_one_channel():
    model = make_network(choice("resnet18"), (1, 32, 32), 10, seed=0).module
    assert model.conv1.weight.shape == (64, 1, 7, 7)
    assert model.conv1.stride == (2, 2)


@pytest.mark.parametrize("name", ["mobilenet_v2", "vit_b_16"])
def test_the_seed_decides_all_weights(name):
    def state(seed, init="own"):
        same = ModelChoice(name=f"{TORCHVISION}{name}", init=init)
        return make_network(same, (3, 32, 32), 10, seed=seed).module.state_dict()

    before = torch.get_rng_state()
    one, again, other = state(1), state(1), state(2)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, again[key]) for key, value in one.items())
    key = next(key for key in one if key.endswith("weight") and one[key].dim() > 1)
    assert not torch.equal(one[key], other[key])
    assert not torch.equal(one[key], state(1, "he")[key])


def explicit(model, prunable, inputs, labels):
    """The sensitivity by the definition: the derivative for a mask on every weight, at one."""
    masks = {n: torch.ones_like(p, requires_grad=True) for n, p in prunable.items()}
    rest = dict(model.named_parameters())
    masked = {n: mask * rest[n].detach() for n, mask in masks.items()}
    scores = torch.func.functional_call(model, rest | masked, (inputs,))
    nn.functional.cross_entropy(scores, labels).backward()
    magnitude = torch.cat([masks[n].grad.abs().flatten() for n in masks])
    return (magnitude / magnitude.sum()).numpy()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_family_scores_prunes_exactly_and_trains_a_step(name):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(3, 3, 32, 32, generator=generator)
    labels = torch.tensor([0, 1, 2])
    model = make_network(choice(name), (3, 32, 32), 3, seed=0).module
    # VGG's two great layers alone take half a minute to rank.
    exclude = ("classifier.0", "classifier.3") if name == "vgg16_bn" else ()
    prunable = prunable_parameters(model, biases=False, exclude=exclude)
    found = connection_sensitivity(model, prunable, inputs, labels)
    torch.testing.assert_close(
        torch.from_numpy(found.sensitivity_M),
        torch.from_numpy(explicit(model.eval(), prunable, inputs, labels)),
        rtol=2e-3,
        atol=1e-9,
    )
    ranking = rank_scores(found.sensitivity_M, prunable.layout)
    num_kept = num_kept_at(0.9, prunable.layout.num_parameters)
    masked = MaskedModel(model, prunable, ranking.mask_at(num_kept))
    assert masked.num_nonzero() == num_kept
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    nn.functional.cross_entropy(model(inputs), labels).backward()
    masked.mask_gradients()
    optimizer.step()
    assert masked.num_nonzero() <= num_kept
    assert masked.num_nonzero() > 0.99 * num_kept


def test_projections_of_attention_and_grouped_convolutions_are_pruned():
    vit = make_network(choice("vit_b_16"), (3, 32, 32), 10, seed=0).module
    layout = prunable_parameters(vit).layout
    block = "encoder.layers.encoder_layer_0.self_attention"
    names = {tensor.name for tensor in layout.tensors}
    assert {f"{block}.in_proj_weight", f"{block}.in_proj_bias", f"{block}.out_proj.weight"} <= names
    assert layout[f"{block}.in_proj_weight"].kind == "attention"
    assert not {"class_token", "encoder.pos_embedding"} & names
    mobile = make_network(choice("mobilenet_v2"), (3, 32, 32), 10, seed=0).module
    depthwise = prunable_parameters(mobile).layout["features.2.conv.1.0.weight"]
    assert depthwise.shape == (96, 1, 3, 3)
