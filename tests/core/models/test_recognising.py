"""What was exported opens again, with its mask, and goes on."""

from __future__ import annotations

import dataclasses
import json
import os

import msgspec
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import prune

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.base.tensors import load_tensors
from snip_gui.core.execution.run import run
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.export import export_all
from snip_gui.core.export.package import package_run
from snip_gui.core.export.proof import compute_scores
from snip_gui.core.models.events import CheckpointFound
from snip_gui.core.models.networks import Images
from snip_gui.core.models.own.source import digest_file
from snip_gui.core.models.paper.lenet import LeNet5Caffe, LeNet300100
from snip_gui.core.models.recognising import inspect
from snip_gui.core.recipe.json import recipe_to_builtins
from snip_gui.core.recipe.methods import Magnitude, Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe, Training
from snip_gui.core.runs import folder as files
from snip_gui.core.weight_files.reading import read_checkpoint

RECIPE = Recipe(
    model=ModelChoice(name="lenet-5-caffe"),
    minibatch=Draw(size=30),
    pruning=Snip(sparsity=0.95, exclude=("fc2",)),
    training=Training(epochs=1, batch_size=200, learning_rate=0.01),
)
DIGITS = Images((1, 28, 28), 10)
OTHERS = ("shrunk", "shrunk-onnx", "int8-onnx", "shrunk-int8-onnx")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp("opening") / "run"
    run(RECIPE, folder, environment, lambda _event: None, CancelToken())
    return folder


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    place = tmp_path_factory.mktemp("exported")
    wanted = [(f.name, place / f"net{f.suffix}") for f in FORMATS]
    list(export_all(trained, wanted, CancelToken(), allow_changes=True))
    return dict(wanted)


def found_in(path, environment, recipe=None, images=DIGITS):
    # The network chosen in the window is another one.
    recipe = recipe or Recipe()
    *_, found = inspect(path, recipe, images, environment, CancelToken())
    assert isinstance(found, CheckpointFound)
    return found


def pruned_again(recipe, folder, environment):
    run(recipe, folder, environment, lambda _event: None, CancelToken(), stop_after="prune")
    return folder


@pytest.mark.parametrize("name", [name for name in FORMATS.names if name not in OTHERS])
def test_every_format_opens_with_the_same_weights_and_mask(
    trained, exported, environment, tmp_path, name
):
    found = found_in(exported[name], environment)
    recipe = found.recipes[0]
    assert recipe.model.name == "lenet-5-caffe"
    assert recipe.model.weights == str(exported[name])
    says = name not in ("pt", "prune")  # nothing but tensors is in those
    assert found.knows_recipe == says
    assert recipe.minibatch == (RECIPE.minibatch if says else Draw())
    if says:
        assert dict(found.errors)["test"] < 0.9
    again = package_run(pruned_again(recipe, tmp_path / "again", environment))
    state, masks = package_run(trained).state, package_run(trained).masks
    for key, tensor in again.state.items():
        rough = {"float32": 0, "float16": 1e-3, "int8": 5e-2}[FORMATS[name].precision]
        torch.testing.assert_close(tensor, state[key], rtol=rough, atol=rough)
    given = {key: mask for key, mask in again.masks.items() if key in masks}
    if name not in ("pt", "onnx"):  # those know zeros alone
        assert again.masks.keys() == masks.keys()
        assert all(torch.equal(mask, masks[key]) for key, mask in given.items())
    else:
        assert all(torch.equal(mask, (state[key] != 0).byte()) for key, mask in given.items())
    if says:
        assert again.masks.keys() == masks.keys()


def test_a_mask_that_keeps_zeros_is_taken_as_it_is(exported, trained, environment, tmp_path):
    masks, _ = load_tensors(trained / files.MASKS)
    state = package_run(trained).state
    kept = masks["fc1.weight"].nonzero()[0]
    state["fc1.weight"][tuple(kept)] = 0  # kept, and zero
    path = tmp_path / "zeros.safetensors"
    manifest = {"snip_gui": json.dumps({"masks": {k: f"{k}_mask" for k in masks}})}
    save_file(state | {f"{k}_mask": v for k, v in masks.items()}, path, manifest)
    recipe = found_in(path, environment).recipes[0]
    again = package_run(pruned_again(recipe, tmp_path / "again", environment))
    assert all(torch.equal(again.masks[k], masks[k]) for k in masks)


def test_it_trains_on_and_is_exported_again(exported, environment, tmp_path):
    recipe = found_in(exported["packed"], environment).recipes[0]
    summary = run(recipe, tmp_path / "on", environment, lambda _event: None, CancelToken())
    assert summary.state == "finished"
    before, _ = load_tensors(tmp_path / "on" / files.MASKS)
    list(export_all(tmp_path / "on", [("packed", tmp_path / "on.snip")], CancelToken()))
    after = read_checkpoint(tmp_path / "on.snip")
    assert all(torch.equal(after.masks[k], before[k].bool()) for k in before)
    assert all(bool((after.state[k][~after.masks[k]] == 0).all()) for k in before)


def test_a_shrunk_network_opens_as_its_own_code_once_that_is_agreed_to(
    trained, exported, environment, tmp_path
):
    path = exported["shrunk"]
    recipe = found_in(path, environment).recipes[0]
    assert (recipe.model.name, recipe.model.symbol) == ("own", "Network")
    with pytest.raises(UserError, match="not agreed to run"):
        pruned_again(recipe, tmp_path / "no", environment)
    digest = digest_file(path.with_name(path.name + ".load.py"))
    trusting = dataclasses.replace(environment, trusted_code=frozenset({digest}))
    again = package_run(pruned_again(recipe, tmp_path / "yes", trusting), trusting.trusted_code)
    package = package_run(trained)
    torch.testing.assert_close(
        compute_scores(again.network, package.images_BCHW),
        compute_scores(package.network, package.images_BCHW),
        rtol=1e-5, atol=1e-5,
    )  # fmt: skip


def test_a_shrunk_onnx_fits_no_network_and_says_so(exported, environment):
    with pytest.raises(UserError, match="fits only its own"):
        found_in(exported["shrunk-onnx"], environment)


def test_a_stranger_s_state_dict_is_recognised_among_the_known_networks(environment, tmp_path):
    from torchvision.models import resnet18

    model = resnet18(num_classes=10)
    prune.random_unstructured(model.fc, "weight", 0.5)
    prune.remove(model.fc, "weight")
    torch.save({"epoch": 3, "state_dict": model.state_dict()}, tmp_path / "net.pth")
    found = found_in(tmp_path / "net.pth", environment, images=Images((3, 32, 32), 10))
    recipe = found.recipes[0]
    assert recipe.model.name == "torchvision:resnet18"
    assert recipe.pruning.prunable == "weights"
    assert found.mask_from == "its zeros"
    weights = sum(p.numel() for n, p in model.named_parameters() if p.dim() > 1)
    assert recipe.pruning.sparsity == pytest.approx(2560 / weights, rel=0.01)


def test_torch_s_own_pruning_is_read_without_running_anything(environment, tmp_path):
    model = LeNet5Caffe((1, 28, 28), 10)
    for layer in (model.conv1, model.conv2, model.fc1, model.fc2):
        prune.l1_unstructured(layer, "weight", 0.9)
    torch.save(model.state_dict(), tmp_path / "net.pt")
    recipe = found_in(tmp_path / "net.pt", environment).recipes[0]
    assert recipe.model.name == "lenet-5-caffe"
    assert recipe.pruning == Magnitude(sparsity=recipe.pruning.sparsity, prunable="weights")
    assert recipe.pruning.sparsity == pytest.approx(0.9, abs=1e-5)


def test_the_network_that_is_chosen_is_tried_before_others(environment, tmp_path):
    model = LeNet5Caffe((1, 28, 28), 10)
    torch.save(model.state_dict(), tmp_path / "net.pt")
    chosen = msgspec.structs.replace(Recipe(), model=ModelChoice(name="lenet-5-caffe", init="he"))
    found = found_in(tmp_path / "net.pt", environment, chosen)
    assert found.recipes[0].model.init == "he"


def test_another_architecture_is_refused_with_what_does_not_fit(environment, tmp_path):
    torch.save(nn.Linear(3, 4).state_dict(), tmp_path / "net.pt")
    with pytest.raises(UserError, match=r"For LeNet-300-100, its names are “weight” and “bias”"):
        found_in(tmp_path / "net.pt", environment)


def test_numbers_that_are_none_are_named(environment, tmp_path):
    state = LeNet5Caffe((1, 28, 28), 10).state_dict()
    state["fc1.weight"][3, 3] = float("nan")
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(UserError, match=r"“fc1\.weight” in “net\.pt” holds values that"):
        found_in(tmp_path / "net.pt", environment)


def test_a_network_of_zeros_is_refused(environment, tmp_path):
    state = {k: torch.zeros_like(v) for k, v in LeNet5Caffe((1, 28, 28), 10).state_dict().items()}
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(UserError, match="Every weight"):
        found_in(tmp_path / "net.pt", environment)


def test_an_exported_run_that_was_never_trained_opens_too(environment, tmp_path):
    run(RECIPE, tmp_path / "run", environment, lambda _e: None, CancelToken(), stop_after="prune")
    list(export_all(tmp_path / "run", [("safetensors", tmp_path / "n.safetensors")], CancelToken()))
    found = found_in(tmp_path / "n.safetensors", environment)
    assert found.errors == ()
    assert found.recipes[0].pruning.sparsity == pytest.approx(0.95, abs=1e-4)


def describe(path, **changes):
    """Write a checkpoint of LeNet-300-100 with a description; changes are parts of its recipe."""
    recipe = recipe_to_builtins(Recipe())
    for part, values in changes.items():
        recipe[part] |= values
    manifest = {"producer": "snip-gui", "recipe": recipe}
    save_file(LeNet300100((1, 28, 28), 10).state_dict(), path, {"snip_gui": json.dumps(manifest)})


@pytest.mark.parametrize(
    "kind", ["device", "fifo", "folder", "missing", "relative", "null", "other"]
)
def test_a_network_file_that_a_description_names_is_used_only_if_it_is_the_one_meant(
    environment, tmp_path, monkeypatch, kind
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("class Net: pass")
    os.mkfifo(tmp_path / "fifo")
    names = {"device": "/dev/zero", "fifo": str(tmp_path / "fifo"), "folder": str(tmp_path),
             "missing": "/nowhere.py", "relative": "net.py", "null": "/a\0b",
             "other": str(tmp_path / "net.py")}  # fmt: skip
    model = {"name": "own", "file": names[kind], "symbol": "Net", "file_digest": "0" * 64}
    if kind == "relative":
        model["file_digest"] = digest_file(tmp_path / "net.py")
    describe(tmp_path / "net.safetensors", model=model)
    recipes = found_in(tmp_path / "net.safetensors", environment).recipes
    assert [recipe.model.name for recipe in recipes] == ["lenet-300-100"]


@pytest.mark.parametrize(
    "model", [{"name": "nonsense"}, {"name": "torchvision:nonsense"}, {"name": "own"}]
)
def test_an_unknown_network_in_a_description_is_ignored(environment, tmp_path, model):
    describe(tmp_path / "net.safetensors", model=model)
    assert found_in(tmp_path / "net.safetensors", environment).recipes[0].model.name == (
        "lenet-300-100"
    )


def test_an_unknown_data_set_in_a_description_is_replaced_by_the_current_one(environment, tmp_path):
    path = tmp_path / "net.safetensors"
    describe(path, data={"name": "nowhere"})
    events = list(inspect(path, Recipe(), DIGITS, environment, CancelToken(), datasets=["digits"]))
    assert events[-1].recipes[0].data.name == "digits"
    assert any("“nowhere”" in event.text for event in events if isinstance(event, Note))


@pytest.mark.parametrize(
    "code",
    [
        "(" * 5000,
        "-" * 200_000 + "1",
        "x = 1\nclass Network(" + "-" * 600 + "b): pass",
        "\0",
        "if:",
    ],
)
def test_a_loader_that_is_not_valid_python_is_ignored(environment, tmp_path, code):
    torch.save(LeNet300100((1, 28, 28), 10).state_dict(), tmp_path / "net.pt")
    (tmp_path / "net.pt.load.py").write_text(code)
    assert found_in(tmp_path / "net.pt", environment).recipes[0].model.name == "lenet-300-100"
