from __future__ import annotations

import fractions

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.models.networks import find_input_shape, make_network
from snip_gui.core.models.weights import load_weights
from snip_gui.core.recipe.recipe import ModelChoice

SHAPE = (1, 28, 28)


def make(name="lenet-300-100", seed=0, classes=10, shape=SHAPE, weights=""):
    choice = ModelChoice(name=name, weights=str(weights))
    return make_network(choice, shape, classes, seed=seed)


@pytest.fixture
def saved(tmp_path):
    """Weights of another seed, in each form that is read."""
    state = make(seed=9).module.state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "a.pt")
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "b.pth")
    masks = {f"{k}_mask": (v != 0).to(torch.uint8) for k, v in state.items()}
    manifest = {"snip_gui": '{"producer": "snip-gui"}'}  # as before they listed the masks
    save_file(state | masks, tmp_path / "exported.safetensors", manifest)
    save_file(state | masks, tmp_path / "stranger.safetensors")
    save_file({k: v.half() for k, v in state.items()}, tmp_path / "half.safetensors")
    return tmp_path, state


@pytest.mark.parametrize("name", ["a.safetensors", "a.pt", "b.pth", "exported.safetensors"])
def test_weights_come_from_the_file(saved, name):
    folder, state = saved
    network = make(weights=folder / name)
    found = network.module.state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())
    place = ("The weights are those under “state_dict” in “b.pth”.",)
    assert network.notes == (place if name == "b.pth" else ())


def test_only_a_file_of_this_program_has_masks_beside_weights(saved):
    folder, _ = saved
    with pytest.raises(UserError, match="_mask” is not in the network"):
        make(weights=folder / "stranger.safetensors")


def test_half_precision_becomes_single(saved):
    folder, state = saved
    weight = make(weights=folder / "half.safetensors").module.fc1.weight
    assert weight.dtype == torch.float32
    torch.testing.assert_close(weight, state["fc1.weight"], rtol=1e-3, atol=1e-6)


def test_a_last_layer_for_other_classes_is_drawn_and_said(saved):
    folder, state = saved
    network = make(classes=7, weights=folder / "a.pt")
    fresh = make(classes=7).module
    assert "fc3" in network.notes[0]
    assert torch.equal(network.module.fc1.weight, state["fc1.weight"])
    assert torch.equal(network.module.fc3.weight, fresh.fc3.weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("fc1.bias"), "“fc1.bias” is missing"),
        (lambda s: s.update(extra=torch.zeros(1)), "“extra” is not in the network"),
        (lambda s: s.update({"fc1.weight": torch.zeros(300, 9)}), r"is \(300, 9\), not"),
        (lambda s: s.clear() or s.update({f"x{i}": torch.zeros(1) for i in range(9)}), "more"),
    ],
)
def test_weights_of_another_network_are_refused_by_name(saved, change, message):
    folder, state = saved
    other = dict(state)
    change(other)
    torch.save(other, folder / "other.pt")
    with pytest.raises(UserError, match=message) as caught:
        make(weights=folder / "other.pt")
    assert caught.value.field == "model.weights"


def test_nothing_of_a_refused_file_is_taken(saved):
    folder, state = saved
    torch.save({k: v for k, v in state.items() if k != "fc2.bias"}, folder / "other.pt")
    model = make().module
    before = model.fc1.weight.clone()
    with pytest.raises(UserError):
        load_weights(model, folder / "other.pt")
    assert torch.equal(model.fc1.weight, before)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.safetensors", b"\x10\x00\x00\x00\x00\x00\x00\x00{"),
        ("empty.pt", b""),
        ("text.pt", b"no weights at all"),
        ("huge.safetensors", b"\xff" * 64),
    ],
)
def test_damaged_files_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError):
        make(weights=tmp_path / name)


def test_a_pickle_that_needs_more_is_not_opened(tmp_path):
    torch.save({"weights": torch.zeros(1), "ratio": fractions.Fraction(1, 2)}, tmp_path / "x.pt")
    with pytest.raises(UserError, match=r"\(fractions\.Fraction\).* could run code"):
        make(weights=tmp_path / "x.pt")


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}])
def test_a_file_without_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(UserError, match="holds no"):
        make(weights=tmp_path / "x.pt")


def test_a_missing_file_is_refused(tmp_path):
    for name in ("gone.pt", "gone.safetensors"):
        with pytest.raises(UserError, match="cannot be read"):
            make(weights=tmp_path / name)


def test_weights_for_colour_see_grey_images_thrice(tmp_path):
    model = make("torchvision:mobilenet_v2", shape=(3, 32, 32), classes=12).module
    torch.save(model.state_dict(), tmp_path / "m.pt")
    name = "torchvision:mobilenet_v2"
    assert find_input_shape(ModelChoice(name=name), SHAPE, 10)[0] == 1
    network = make(name, weights=tmp_path / "m.pt")
    assert network.input_shape[0] == 3
    found = network.module.state_dict()
    saved = model.state_dict()
    same = [key for key in saved if not key.startswith("classifier")]
    assert all(torch.equal(found[key], saved[key]) for key in same)


def test_every_network_of_the_paper_reads_its_own_weights(tmp_path):
    for name in ("vgg-like", "gru-s"):
        info = MODELS[name]
        shape, classes = info.reference
        state = make(name, seed=4, shape=shape, classes=classes).module.state_dict()
        torch.save(state, tmp_path / "w.pt")
        found = make(name, shape=shape, classes=classes, weights=tmp_path / "w.pt").module
        assert all(torch.equal(value, state[key]) for key, value in found.state_dict().items())


class WithTable(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.register_buffer("table", torch.zeros(2, 2, dtype=torch.int32))


@pytest.mark.parametrize("kind", [torch.int8, torch.uint8, torch.int32, torch.int64, torch.bool])
def test_codes_are_not_loaded_as_weights_but_whole_numbers_of_a_buffer_are(tmp_path, kind):
    net, path = WithTable(), tmp_path / "net.pt"
    torch.save(net.state_dict() | {"table": torch.ones(2, 2, dtype=torch.int32)}, path)
    load_weights(net, path)
    assert int(net.table.sum()) == 4
    torch.save(net.state_dict() | {"fc.weight": torch.ones(2, 3).to(kind)}, path)
    with pytest.raises(UserError, match=r"“fc\.weight” is stored as .* but is float32"):
        load_weights(net, path)


def test_complex_weights_are_not_loaded_into_a_real_network(tmp_path):
    net, path = WithTable(), tmp_path / "net.pt"
    torch.save(net.state_dict() | {"fc.bias": torch.ones(2, dtype=torch.complex64)}, path)
    with pytest.raises(UserError, match="complex64"):
        load_weights(net, path)
