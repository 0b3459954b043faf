"""Networks with values that are not finite: every format refuses them, or says so."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from safetensors.torch import load_file, save_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.execution.run import run
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.export import export_run
from snip_gui.core.models.own.source import digest_file
from snip_gui.core.recipe.methods import RandomMask, Snip
from snip_gui.core.recipe.recipe import ModelChoice, Recipe, Training
from snip_gui.core.runs import folder as files

# Besides weights, it has BatchNorm, and a buffer that is infinite by design.
NETWORK = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.a, self.b = nn.Linear(784, 20), nn.Linear(20, num_classes)
        self.norm = nn.BatchNorm1d(20)
        self.register_buffer("hidden", torch.full((20,), -torch.inf))

    def forward(self, images):
        scores = torch.maximum(self.norm(self.a(images.flatten(1))), self.hidden)
        return self.b(torch.relu(scores))
"""


@pytest.fixture(scope="module")
def agreed(tmp_path_factory, environment):
    """The path of a network, and an environment in which its code may run."""
    path = tmp_path_factory.mktemp("own") / "net.py"
    path.write_text(NETWORK)
    return path, dataclasses.replace(environment, trusted_code=frozenset({digest_file(path)}))


@pytest.fixture
def trained(tmp_path, agreed):
    return make(tmp_path / "run", agreed, Snip(sparsity=0.9))


def make(folder, agreed, pruning):
    path, environment = agreed
    model = ModelChoice(name="own", file=str(path), symbol="Net", file_digest=digest_file(path))
    recipe = Recipe(model=model, training=Training(epochs=1), pruning=pruning)
    run(recipe, folder, environment, lambda _event: None, CancelToken())
    return folder


def spoil(folder, name, value):
    """Make one value of the checkpoint that is kept infinite or NaN."""
    path = folder / files.CHECKPOINT
    tensors = load_file(path)
    kept = load_file(folder / files.MASKS).get(name.removeprefix("model."), torch.ones(1))
    tensors[name].view(-1)[int(kept.view(-1).nonzero()[0])] = value
    metadata = {"snip_gui": '{"step": 12, "seconds": 1}'}
    save_file(tensors, path, metadata)


@pytest.mark.parametrize("name", FORMATS.names)
@pytest.mark.parametrize(
    ("tensor", "value"),
    [("a.weight", torch.nan), ("b.weight", torch.inf), ("norm.weight", torch.nan)],
)
def test_weights_that_are_not_finite_are_exported_in_no_format(
    trained, agreed, tmp_path, name, tensor, value
):
    spoil(trained, f"model.{tensor}", value)
    with pytest.raises(UserError, match=f"“{tensor}” of “run” holds values that are not finite"):
        list(export_run(trained, name, tmp_path / "net", CancelToken(), agreed[1]))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_buffer_that_is_infinite_by_design_is_exported(trained, agreed, tmp_path):
    list(export_run(trained, "pt", tmp_path / "net.pt", CancelToken(), agreed[1]))
    state = torch.load(tmp_path / "net.pt", weights_only=True)
    assert bool((state["hidden"] == -torch.inf).all())


@pytest.mark.parametrize("name", FORMATS.names)
def test_outputs_that_overflow_are_not_called_equal(agreed, tmp_path, name):
    folder = make(tmp_path / "run", agreed, RandomMask(sparsity=0.5))
    spoil(folder, "model.norm.weight", 3e38)
    path = tmp_path / "net"
    try:
        texts = [e.text for e in export_run(folder, name, path, CancelToken(), agreed[1])
                 if isinstance(e, Note)]  # fmt: skip
    except UserError as error:
        assert not path.exists()
        texts = [error.message]
    assert any("not finite" in text or "too large for half" in text for text in texts), texts
