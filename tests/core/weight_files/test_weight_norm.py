"""Files whose weights are stored in the two factors of ``weight_norm``."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm
from torch.nn.utils import weight_norm as older_weight_norm

from snip_gui.core.base.errors import UserError
from snip_gui.core.models.weights import load_weights
from snip_gui.core.weight_files.weight_norm import merge_factors


def make_network():
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(12, 5, bias=False))


def make_normed(weight_norm, **options):
    normed = make_network()
    for layer in (normed[0], normed[2]):
        weight_norm(layer, **options)
    for parameter in normed.parameters():
        nn.init.normal_(parameter)
    return normed


@pytest.mark.parametrize("dim", [0, 1, None])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize(
    "weight_norm", [older_weight_norm, parametrizations.weight_norm], ids=["hook", "parametrized"]
)
@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
def test_the_network_gets_the_weights_that_are_applied(tmp_path, weight_norm, prefix, dim):
    normed, network = make_normed(weight_norm, dim=dim), make_network()
    state = {f"{prefix}{name}": tensor for name, tensor in normed.state_dict().items()}
    torch.save(state, tmp_path / "net.pt")
    load_weights(network, tmp_path / "net.pt")
    images_BCHW = torch.randn(4, 1, 4, 4)
    assert torch.allclose(network(images_BCHW), normed(images_BCHW), atol=1e-5)


def test_tensors_of_the_network_itself_are_not_factors():
    tensors = {"gate_g": torch.ones(3, 1), "gate_v": torch.ones(3, 2)}
    assert merge_factors(tensors, ["gate", "gate_g", "gate_v"]).keys() == tensors.keys()
    assert merge_factors(tensors, ["other"]).keys() == tensors.keys()
    assert merge_factors(tensors, ["gate"]).keys() == {"gate"}


@pytest.mark.parametrize("norms", [(3, 2), (2, 1), (3,), (1, 1, 1)])
def test_tensors_of_other_shapes_are_not_factors(norms):
    tensors = {"gate_g": torch.ones(norms), "gate_v": torch.ones(3, 2)}
    assert merge_factors(tensors, ["gate"]).keys() == tensors.keys()


@pytest.mark.parametrize(
    "norm", [spectral_norm, parametrizations.spectral_norm], ids=["hook", "parametrized"]
)
@pytest.mark.filterwarnings("ignore:.*spectral_norm.* is deprecated")
def test_a_parametrization_that_cannot_be_computed_is_named(tmp_path, norm):
    torch.save(make_normed(norm).state_dict(), tmp_path / "net.pt")
    with pytest.raises(UserError, match=r"“0\.weight” is stored before its parametrization"):
        load_weights(make_network(), tmp_path / "net.pt")
