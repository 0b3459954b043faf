"""OpenVINO as a runtime beside ONNX Runtime: the real one if it is installed, else a stand-in."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.execution.run import run
from snip_gui.core.export import openvino
from snip_gui.core.export.card import Written, card_text
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.events import OPENVINO
from snip_gui.core.export.formats import onnx_format
from snip_gui.core.export.measuring import measure_costs
from snip_gui.core.export.package import package_run
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, Recipe

RECIPE = Recipe(minibatch=Draw(size=20), pruning=Snip(sparsity=0.9))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp("openvino") / "run"
    run(RECIPE, folder, environment, lambda _event: None, CancelToken(), stop_after="prune")
    return folder


@pytest.mark.skipif(not openvino.is_installed(), reason="openvino is not installed")
@pytest.mark.parametrize("name", ["onnx", "shrunk-onnx"])
def test_it_gives_the_scores_of_onnxruntime(folder, name):
    package = package_run(folder)
    data = FORMATS[name].encode(package)
    expected = onnx_format.runner(data, 1)(package.images_BCHW)
    run_file = openvino.runner(data, 1)
    found = run_file(package.images_BCHW)
    run_file(package.images_BCHW * 0)  # must not overwrite the result before
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not openvino.is_installed(), reason="openvino is not installed")
def test_what_it_rejects_is_reported():
    with pytest.raises(UserError, match="OpenVINO rejected"):
        openvino.runner(b"no model", 1)


@pytest.fixture
def stand_in(monkeypatch):
    """A module that runs every model as ten zeros."""

    class Request:
        def infer(self, inputs):
            return [np.zeros((len(inputs[0]), 10), np.float32)]

    compiled = types.SimpleNamespace(create_infer_request=Request)
    core = types.SimpleNamespace(
        read_model=lambda data, _weights: data, compile_model=lambda *_args: compiled
    )
    monkeypatch.setitem(sys.modules, "openvino", types.SimpleNamespace(Core=lambda: core))
    monkeypatch.setattr(openvino, "is_installed", lambda: True)


def test_its_times_stand_beside_those_of_onnxruntime(folder, environment, stand_in):
    costs = measure_costs(folder, environment, CancelToken(), lambda _event: None)
    for one in FORMATS:
        assert (one.run_as + OPENVINO in costs.speeds) == one.needs_onnx
    whole, other = costs.speeds["shrunk-onnx"], costs.speeds["shrunk-onnx" + OPENVINO]
    assert other.multiply_accumulates == whole.multiply_accumulates
    written = Written("net.onnx", 1000, "00", "proof", False)
    package = package_run(folder)
    assert "1 image in OpenVINO, ms" in card_text(package, FORMATS["onnx"], written, costs)
    assert "OpenVINO" not in card_text(package, FORMATS["pt"], written, costs)


def test_without_it_nothing_is_said_of_it(folder, environment, monkeypatch):
    monkeypatch.setattr(openvino, "is_installed", lambda: False)
    costs = measure_costs(folder, environment, CancelToken(), lambda _event: None)
    assert not any(name.endswith(OPENVINO) for name in costs.speeds)
