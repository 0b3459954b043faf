"""A mask is computed again from its recipe, or from what the run folder holds."""

from __future__ import annotations

import json

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.errors import UserError
from snip_gui.core.models.own.source import digest_file
from snip_gui.core.recipe.methods import Grasp, Han, RandomMask, Shuffled
from snip_gui.core.recipe.recipe import ModelChoice
from snip_gui.core.runs import folder as files
from snip_gui.core.sharing.verifying import Verified, verify_run
from tests.core.sharing.conftest import RECIPE


def verify(folder, environment=None):
    steps = verify_run(folder, environment or Environment(), CancelToken())
    (found,) = (event for event in steps if isinstance(event, Verified))
    return found


def forget_data(folder):
    """Make the run one of a data set that is not available here."""
    path = folder / files.SUMMARY
    summary = json.loads(path.read_text())
    summary["data_digest"] = "of other images"
    path.write_text(json.dumps(summary))


def differences(found):
    return {one.subject: one.num_different for one in found.comparisons}


def change_one(path, name):
    """Change the first value of a tensor in a file."""
    tensors = load_file(path)
    values = tensors[name].reshape(-1)
    values[0] = 1 - values[0]
    save_file(tensors, path)


def test_everything_follows_from_the_recipe(whole):
    found = verify(whole)
    assert found.source == "recipe"
    assert differences(found) == {"initial weights": 0, "minibatch": 0, "mask": 0}
    assert found.comparisons[-1].num_values == 266_610
    assert found.is_equal
    assert not found.other_versions


@pytest.mark.parametrize("pruning", [RECIPE.pruning, RandomMask(), Shuffled(), Grasp()])
def test_the_mask_follows_from_what_the_folder_holds(make_run, pruning):
    folder = make_run(msgspec.structs.replace(RECIPE, pruning=pruning), stop_after="prune")
    forget_data(folder)
    found = verify(folder)
    assert found.source == "folder"
    assert differences(found) == {"mask": 0}


@pytest.mark.parametrize("is_available", [True, False])
def test_one_changed_connection_is_found(copied, is_available):
    if not is_available:
        forget_data(copied)
    change_one(copied / files.MASKS, "fc1.weight")
    found = verify(copied)
    assert differences(found)["mask"] == 1
    assert not found.is_equal


def test_other_weights_or_images_than_those_of_the_recipe_are_found(copied):
    change_one(copied / files.INIT, "fc1.weight")
    change_one(copied / files.BATCH, "inputs")
    found = verify(copied)
    assert differences(found) == {"initial weights": 1, "minibatch": 1, "mask": 0}


def test_images_that_were_exchanged_give_another_mask(copied):
    forget_data(copied)
    path = copied / files.BATCH
    batch = load_file(path)
    batch["inputs"] = torch.flip(batch["inputs"], dims=(3,)).contiguous()
    save_file(batch, path)
    assert differences(verify(copied))["mask"] > 0


def test_other_versions_are_named(copied):
    path = copied / files.SUMMARY
    summary = json.loads(path.read_text())
    summary["versions"]["torch"] = "1.0.0"
    path.write_text(json.dumps(summary))
    assert verify(copied).other_versions == {"torch": ("1.0.0", torch.__version__)}


OWN = """
from torch import nn


class Net(nn.Sequential):
    def __init__(self, image_shape, num_classes):
        super().__init__(nn.Flatten(), nn.Linear(784, 12), nn.ReLU(), nn.Linear(12, num_classes))
"""


@pytest.mark.parametrize("is_available", [True, False])
def test_a_users_network_is_verified_once_its_code_is_agreed_to(make_run, tmp_path, is_available):
    code = tmp_path / "net.py"
    code.write_text(OWN)
    digest = digest_file(code)
    trusting = Environment(device="cpu", num_threads=1, trusted_code=frozenset({digest}))
    choice = ModelChoice(name="own", file=str(code), symbol="Net")
    recipe = msgspec.structs.replace(RECIPE, model=choice)
    folder = make_run(recipe, environment=trusting, stop_after="prune")
    code.unlink()  # the folder has a copy
    if not is_available:
        forget_data(folder)
    with pytest.raises(UserError, match="agree"):
        verify(folder)
    assert verify(folder, trusting).is_equal


def test_what_cannot_be_verified_is_a_sentence(make_run, copied):
    recipe = msgspec.structs.replace(RECIPE, pruning=Han(rounds=1, retrain_epochs=1))
    with pytest.raises(UserError, match="found by training"):
        verify(make_run(recipe))
    (copied / files.MASKS).unlink()
    with pytest.raises(UserError, match="has no mask"):
        verify(copied)


@pytest.mark.parametrize("tensors", [{}, {"inputs": torch.zeros(2, 3)}, {
    "inputs": torch.zeros(2, 1, 28, 28), "labels": torch.zeros(3, dtype=torch.int64)}])  # fmt: skip
def test_a_damaged_minibatch_is_a_sentence(copied, tensors):
    forget_data(copied)
    save_file(tensors, copied / files.BATCH)
    with pytest.raises(UserError, match=r"holds no images|one label for each"):
        verify(copied)
