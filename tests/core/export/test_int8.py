"""8-bit integers: zeros stay zeros, classes agree elsewhere, and what disagrees is refused."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import load_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.data.minibatch.curation import split_training
from snip_gui.core.execution.run import run
from snip_gui.core.export import quantization
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.export import export_all
from snip_gui.core.export.formats import int8_format, int8_onnx_format
from snip_gui.core.export.formats.onnx_format import encode_network, runner
from snip_gui.core.export.measuring import measure_costs
from snip_gui.core.export.package import package_run
from snip_gui.core.export.precision import LEAST_SAME, ChangedError, refuse_changed
from snip_gui.core.export.quantization import quantize, read_codes, refuse_other_codes
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe, Training
from snip_gui.core.weight_files.reading import read_checkpoint

INT8 = tuple(one.name for one in FORMATS if one.precision == "int8")
FAMILIES = ("lenet-300-100", "lenet-5-caffe", "vgg-like")


def train(folder, environment, model="lenet-300-100", **training):
    recipe = Recipe(
        model=ModelChoice(name=model),
        minibatch=Draw(classes=(8,), size=20),  # of a single class
        pruning=Snip(sparsity=0.9),
        training=Training(**{"epochs": 4, "batch_size": 100, "learning_rate": 0.02} | training),
    )
    run(recipe, folder, environment, lambda _event: None, CancelToken())
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory, environment):
    return train(tmp_path_factory.mktemp("int8") / "run", environment)


@pytest.fixture(scope="module")
def package(folder, digits):
    return package_run(folder, images=digits)


def export(folder, name, path, **options):
    return list(export_all(folder, [(name, path)], CancelToken(), **options))


STRANGER = """
import json, os, sys
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy as np
import onnxruntime
path, images = sys.argv[1:]
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
print(json.dumps(session.run(None, {"images": np.load(images)})[0].argmax(1).tolist()))
assert not {m.partition(".")[0] for m in sys.modules} & {"snip_gui", "torch"}
"""


def classes_elsewhere(path, images_BCHW, tmp_path):
    """The classes that a fresh process with onnxruntime alone gives."""
    np.save(tmp_path / "images.npy", images_BCHW.numpy())
    command = [sys.executable, "-W", "ignore", "-c", STRANGER, str(path), "images.npy"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_test(package):
    images = package.images
    every_N = np.arange(len(images.test_labels_N))
    return package.read_images(images.test_images, images.test_labels_N, every_N)[0]


def check_elsewhere(package, path, tmp_path):
    """Compare the classes of all test images, and what the file says of them."""
    test_BCHW = read_test(package)
    elsewhere = classes_elsewhere(path, test_BCHW, tmp_path)
    with torch.no_grad():
        expected = package.network(test_BCHW).argmax(1).numpy()
    (entry,) = onnx.load(path).metadata_props
    said = json.loads(entry.value)["errors"]["int8"]
    assert np.mean(np.array(elsewhere) == expected) == pytest.approx(said["same_class"])
    assert said["num_test_images"] == len(expected)
    return said


@pytest.mark.parametrize("name", ["int8-onnx", "shrunk-int8-onnx"])
def test_the_classes_are_the_same_with_onnxruntime_alone(folder, package, tmp_path, name):
    path = tmp_path / f"net{FORMATS[name].suffix}"
    export(folder, name, path)
    said = check_elsewhere(package, path, tmp_path)
    assert said["same_class"] >= LEAST_SAME
    card = (tmp_path / f"{path.name}.md").read_text()
    assert f"test error in 8-bit integers | {said['int8']:.2%}" in card
    assert "zeros are zeros" in card


@pytest.mark.slow
@pytest.mark.parametrize("model", FAMILIES)
def test_other_families_are_read_with_onnxruntime_alone(model, tmp_path, environment, digits):
    options = {"epochs": 1, "learning_rate": 0.01}
    folder = train(tmp_path / "run", environment, model, **options)
    package = package_run(folder, images=digits)
    for name in ("int8-onnx", "shrunk-int8-onnx"):
        path = tmp_path / f"net{FORMATS[name].suffix}"
        export(folder, name, path, allow_changes=True)
        check_elsewhere(package, path, tmp_path)


@pytest.mark.parametrize("name", ["int8-onnx", "safetensors-int8"])
def test_removed_weights_stay_zero(folder, package, tmp_path, name):
    path = tmp_path / f"net{FORMATS[name].suffix}"
    export(folder, name, path)
    if name == "safetensors-int8":
        codes = load_file(path)
    else:
        arrays = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
        codes = {
            key.removesuffix("_quantized"): torch.tensor(array)
            for key, array in arrays.items()
            if array.dtype == np.int8
        }
    for layer in ("fc1", "fc2", "fc3"):
        key = f"{layer}.weight"
        assert codes[key].dtype == torch.int8
        assert not codes[key][package.masks[key] == 0].any()
        assert codes[key].any()


def test_the_files_are_a_quarter_of_the_dense_ones(folder, tmp_path):
    sizes = {}
    for name in ("onnx", "int8-onnx"):
        path = tmp_path / f"net{FORMATS[name].suffix}"
        export(folder, name, path)
        sizes[name] = path.stat().st_size
    assert sizes["int8-onnx"] < 0.3 * sizes["onnx"]


def test_calibration_draws_training_images_and_no_others(package, digits, folder):
    drawn_BCHW = package.calibration()
    assert torch.equal(drawn_BCHW, package_run(folder, images=digits).calibration())
    split = split_training(digits.train_labels_N, 0.1, 0)
    store, labels_N = digits.train_images, digits.train_labels_N

    def read(indices_N):
        images_BCHW = package.read_images(store, labels_N, indices_N)[0]
        return {image_CHW.numpy().tobytes() for image_CHW in images_BCHW}

    training = read(split.train_indices)
    drawn = {image_CHW.numpy().tobytes() for image_CHW in drawn_BCHW}
    assert drawn <= training
    assert len(drawn) > 200


def test_without_the_data_set_calibration_says_what_is_missing(folder):
    with pytest.raises(UserError, match="calibrated on training images") as caught:
        FORMATS["int8-onnx"].encode(package_run(folder))
    assert "--data-dir" in caught.value.hint


def test_calibration_images_that_are_all_the_same_are_refused(package):
    constant_BCHW = torch.full((40, 1, 28, 28), 0.3)
    with pytest.raises(UserError, match="all the same"):
        quantize(package.network, package.images_BCHW, constant_BCHW)


def test_grouped_transposed_convolutions_stay_in_single_precision():
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, stride=2),
        torch.nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2),
        torch.nn.Flatten(),
        torch.nn.Linear(6 * 9 * 9, 3),
    ).eval()
    images_BCHW = torch.rand(8, 1, 9, 9)
    quantized = quantize(network, images_BCHW, images_BCHW)
    assert quantized.weights.keys() == {"0.weight", "3.weight"}
    with torch.no_grad():
        single_BK = network(images_BCHW)
    difference_BK = runner(quantized.data)(images_BCHW) - single_BK
    assert difference_BK.abs().max() < 0.05 * (single_BK.max() - single_BK.min())


def test_a_graph_that_onnxruntime_runs_otherwise_is_not_quantized(monkeypatch):
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 3)).eval()
    images_BCHW = torch.rand(4, 1, 3, 3)
    other = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 3)).eval()
    data = encode_network(other, images_BCHW, {})
    monkeypatch.setattr(quantization, "encode_network", lambda *_arguments: data)
    with pytest.raises(UserError, match="onnxruntime"):
        quantize(network, images_BCHW, images_BCHW)


def test_one_image_of_a_class_is_enough_to_calibrate(package):
    images_BCHW = package.calibration()[:2]
    codes = read_codes(quantize(package.network, package.images_BCHW, images_BCHW).model)
    assert codes.keys() == {"fc1.weight", "fc2.weight", "fc3.weight"}


@pytest.mark.parametrize("version", ["1.9.2", "1.19", "0.5.0rc1"])
def test_an_onnxruntime_that_is_too_old_is_named(package, monkeypatch, version):
    monkeypatch.setattr(importlib.metadata, "version", lambda _package: version)
    with pytest.raises(UserError, match=f"1.20 or newer; {version} is installed") as caught:
        quantize(package.network, package.images_BCHW, package.images_BCHW)
    assert "--upgrade onnxruntime" in caught.value.hint


def test_a_network_that_does_not_fit_in_memory_is_refused_with_both_numbers(package, monkeypatch):
    monkeypatch.setattr(quantization, "available_memory", lambda: 1_000_000)
    monkeypatch.setattr(quantization, "encode_network", None)  # nothing is allocated
    with pytest.raises(UserError, match=r"about 8.53 MB of memory, and 1 MB are free"):
        quantize(package.network, package.images_BCHW, package.images_BCHW)


def disagree(monkeypatch, module):
    """Let a format shift every class by one."""
    scorer = module.scorer

    def shifted(package):
        score = scorer(package)
        return lambda images_BCHW: score(images_BCHW).roll(1, dims=1)

    monkeypatch.setattr(module, "scorer", shifted)


@pytest.mark.parametrize(
    ("name", "module"), [("int8-onnx", int8_onnx_format), ("safetensors-int8", int8_format)]
)
def test_a_network_that_disagrees_is_refused_unless_that_is_allowed(
    folder, tmp_path, monkeypatch, name, module
):
    disagree(monkeypatch, module)
    path = tmp_path / f"net{FORMATS[name].suffix}"
    with pytest.raises(UserError, match="of 400 test images the same class") as caught:
        export(folder, name, path)
    assert "--allow-changes" in caught.value.hint
    assert not list(tmp_path.iterdir())
    notes = [e.text for e in export(folder, name, path, allow_changes=True) if isinstance(e, Note)]
    assert path.exists()
    assert any("Test error in 8-bit integers" in note for note in notes)


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        (ChangedError(0.1, 0.1, LEAST_SAME, 100), False),
        (ChangedError(0.1, 0.1, LEAST_SAME - 1e-6, 100), True),
        (ChangedError(0.1, 0.1101, 0.99, 100), True),
        (ChangedError(0.1, 0.05, 0.99, 100), False),
        (None, True),
    ],
)
def test_the_bounds_are_of_classes_and_of_the_error(package, changed, refused):
    errors = {} if changed is None else {"int8-onnx": changed}
    other = dataclasses.replace(package, changed_errors=errors)
    refuse_changed(other, FORMATS["safetensors-fp16"])
    if refused:
        with pytest.raises(UserError):
            refuse_changed(other, FORMATS["int8-onnx"])
    else:
        refuse_changed(other, FORMATS["int8-onnx"])


@pytest.mark.parametrize("change", ["removed", "kept", "offset"])
def test_a_file_with_other_weights_is_refused(package, change):
    model = onnx.ModelProto()
    model.CopyFrom(package.quantized.model)
    removed = (package.masks["fc2.weight"] == 0).numpy()
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor).copy()
        if change == "offset" and tensor.name == "fc2.weight_zero_point":
            array += 1
        elif change != "offset" and tensor.name == "fc2.weight_quantized":
            place = np.argwhere(removed if change == "removed" else ~removed)[0]
            array[tuple(place)] += -3 if array[tuple(place)] > 0 else 3
        else:
            continue
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    refuse_other_codes(package.quantized, package.quantized.model)
    with pytest.raises(UserError, match=r"fc2\.weight"):
        refuse_other_codes(package.quantized, model)


def test_an_open_int8_checkpoint_is_the_rounded_network(folder, package, tmp_path):
    path = tmp_path / "net.int8.safetensors"
    export(folder, "safetensors-int8", path)
    found = read_checkpoint(path)
    assert "8-bit" in found.title
    weight = package.state["fc1.weight"]
    step = weight.abs().amax(1, keepdim=True) / 127
    assert bool(((found.state["fc1.weight"] - weight).abs() <= 0.501 * step).all())
    assert torch.equal(found.masks["fc1.weight"], package.masks["fc1.weight"].bool())
    assert found.state.keys() == package.state.keys()


def test_int8_for_onnxruntime_is_not_opened_as_weights(folder, tmp_path):
    export(folder, "int8-onnx", tmp_path / "net.int8.onnx")
    with pytest.raises(UserError, match="8-bit integers for onnxruntime"):
        read_checkpoint(tmp_path / "net.int8.onnx")


def test_the_card_compares_the_cost_with_the_network_before_pruning(folder, tmp_path, environment):
    costs = measure_costs(folder, environment, CancelToken(), lambda _event: None)
    assert all(costs.formats[name].test_error is not None for name in FORMATS.names)
    export(folder, "shrunk-int8-onnx", tmp_path / "net.onnx", costs=costs)
    card = (tmp_path / "net.onnx.md").read_text()
    size = (tmp_path / "net.onnx").stat().st_size
    assert f"| bytes | {costs.formats['pt'].size_bytes:,} | {size:,} |" in card
    for row in ("values stored", "MACs per image | 266,200", "1 image, ms", "64 images, ms"):
        assert f"| {row} |" in card
    assert "1 thread" in card
