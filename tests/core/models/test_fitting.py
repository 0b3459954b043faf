"""Which of a file's weights belong to a network: by names, among several sets, shared or not."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.models.fitting import read_fitting, shared_names
from snip_gui.core.models.weights import load_weights


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)


class Tied(Plain):
    def __init__(self):
        super().__init__()
        self.b.weight = self.a.weight
        self.register_buffer("table", torch.rand(2, 2))
        self.other = nn.Module()
        self.other.register_buffer("table", self.table)


def equal(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_weights_are_looked_for_in_the_whole_file_and_their_place_is_said(tmp_path):
    net, fresh, path = Plain(), Plain(), tmp_path / "net.pt"
    other = {"conv.weight": torch.zeros(3, 3, 3, 3)}
    torch.save({"generator": {"net": net.state_dict()}, "discriminator": other}, path)
    notes = load_weights(fresh, path)
    assert equal(net, fresh)
    assert notes == ["The weights are those under “generator.net” in “net.pt”."]


def test_among_several_that_fit_one_has_to_be_chosen(tmp_path):
    net, average, path = Plain(), Plain(), tmp_path / "net.pt"
    torch.save({"model": net.state_dict(), "ema": average.state_dict(), "epoch": 3}, path)
    with pytest.raises(UserError, match="holds several sets of weights: “model” and “ema”"):
        load_weights(Plain(), path)
    fresh = Plain()
    load_weights(fresh, path, "ema")
    assert equal(fresh, average)
    assert not equal(fresh, net)


def test_if_none_of_several_fits_it_is_said(tmp_path):
    path = tmp_path / "net.pt"
    torch.save({"one": {"x.weight": torch.zeros(2, 2)}, "two": Plain().a.state_dict()}, path)
    with pytest.raises(UserError, match="None of its 2 sets of weights fits"):
        load_weights(Plain(), path)


def test_names_of_another_network_are_listed_with_what_they_begin_with(tmp_path):
    path = tmp_path / "net.pt"
    state = {f"student.encoder.{n}": torch.zeros(4, 4) for n in ("fc.weight", "fc.bias", "x", "y")}
    torch.save(state, path)
    with pytest.raises(UserError) as caught:
        load_weights(Plain(), path)
    assert "“student.encoder.fc.weight”" in caught.value.message
    assert "all beginning with “student.encoder.”" in caught.value.message
    assert "the network's are “a.weight”, “a.bias”" in caught.value.message


def test_a_shared_tensor_has_several_names():
    assert shared_names(Plain()) == []
    assert shared_names(Tied()) == [["a.weight", "b.weight"], ["table", "other.table"]]


def write_noted(net, path):
    save_model(net, path)


def write_aliases(net, path):
    torch.save(net.state_dict(), path)


def write_once(net, path):
    state = net.state_dict()
    del state["a.weight"], state["other.table"]
    torch.save(state, path)


def write_copies(net, path):
    save_file({name: tensor.clone() for name, tensor in net.state_dict().items()}, path)


@pytest.mark.parametrize("write", [write_noted, write_aliases, write_once, write_copies])
def test_shared_weights_load_however_they_were_saved(tmp_path, write):
    net, fresh = Tied(), Tied()
    write(net, tmp_path / "net")
    assert load_weights(fresh, tmp_path / "net") == []
    assert equal(net, fresh)
    assert fresh.b.weight is fresh.a.weight


def test_names_that_safetensors_notes_load_into_a_network_that_shares_nothing(tmp_path):
    class Apart(Tied):
        def __init__(self):
            super().__init__()
            self.b.weight = nn.Parameter(torch.zeros(4, 4))

    net, fresh = Tied(), Apart()
    save_model(net, tmp_path / "net.safetensors")
    load_weights(fresh, tmp_path / "net.safetensors")
    assert torch.equal(fresh.b.weight, net.a.weight)


def test_a_missing_tensor_is_named_though_others_are_shared(tmp_path):
    state = Tied().state_dict()
    del state["a.bias"]
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(UserError, match=r"“a\.bias” is missing"):
        load_weights(Tied(), tmp_path / "net.pt")
    state = Tied().state_dict()
    del state["a.weight"], state["b.weight"]
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(UserError, match=r"“a\.weight” is missing; “b\.weight” is missing"):
        load_weights(Tied(), tmp_path / "net.pt")


def test_values_that_differ_are_not_loaded_into_one_tensor(tmp_path):
    state = {name: tensor.clone() for name, tensor in Tied().state_dict().items()}
    state["b.weight"][0, 0] += 1
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(UserError, match=r"“a\.weight” and “b\.weight” are one tensor"):
        load_weights(Tied(), tmp_path / "net.pt")


def test_masks_of_a_shared_weight_are_found_under_each_name(tmp_path):
    net = Tied()
    state = net.state_dict()
    mask = torch.rand(4, 4) < 0.5
    weight = state["b.weight"].masked_fill(~mask, 0)
    del state["a.weight"], state["b.weight"]
    state |= {"b.weight_orig": weight, "b.weight_mask": mask.float()}
    torch.save(state, tmp_path / "net.pt")
    found = read_fitting(net, tmp_path / "net.pt")
    assert torch.equal(found.masks["a.weight"], mask)
    assert torch.equal(found.masks["b.weight"], mask)
