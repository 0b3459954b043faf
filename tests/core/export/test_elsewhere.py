"""Files of every format, opened in a fresh process that does not have this program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine.processes import host_id
from snip_gui.core.execution.run import run
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.events import ExportDone
from snip_gui.core.export.export import export_all
from snip_gui.core.export.package import package_run
from snip_gui.core.export.proof import compute_scores
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe, Training

pytestmark = pytest.mark.slow

NETWORKS = {
    "lenet-300-100": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 300), nn.Linear(300, 100), nn.Linear(100, 10)
    def forward(self, x):
        return self.fc3(self.fc2(self.fc1(x.flatten(1)).relu()).relu())
""",
    "lenet-5-caffe": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 20, 5), nn.Conv2d(20, 50, 5)
        self.fc1, self.fc2 = nn.Linear(800, 500), nn.Linear(500, 10)
    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv1(x), 2)
        x = nn.functional.max_pool2d(self.conv2(x), 2)
        return self.fc2(self.fc1(x.flatten(1)).relu())
""",
    "gru-s": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.projection = nn.Linear(28, 128)
        self.cell = nn.GRU(128, 128, batch_first=True)
        self.fc = nn.Linear(128, 10)
    def forward(self, x):
        return self.fc(self.cell(self.projection(x.transpose(1, 2).flatten(2)))[0][:, -1])
""",
}

# What a stranger types, once the images are `x`; the scores are `y`.
READING = {
    "safetensors": """
from safetensors.torch import load_file
t = load_file(PATH)
net = Net(); net.load_state_dict({n: v for n, v in t.items() if not n.endswith("_mask")})
assert all(bool((t[n][t[n + "_mask"] == 0] == 0).all()) for n in t if n + "_mask" in t)
y = net.eval()(x)
""",
    "safetensors-fp16": """
from safetensors.torch import load_file
t = load_file(PATH)
net = Net(); net.load_state_dict({n: v for n, v in t.items() if not n.endswith("_mask")})
assert t["fc.weight" if "fc.weight" in t else "fc1.weight"].dtype == torch.float16
y = net.eval()(x)
""",
    "pt": """
net = Net(); net.load_state_dict(torch.load(PATH, weights_only=True), strict=True)
y = net.eval()(x)
""",
    "prune": """
import runpy
y = runpy.run_path(PATH + ".load.py")["load_pruned"](Net(), PATH).eval()(x)
""",
    "packed": """
import runpy
arrays, _ = runpy.run_path(PATH + ".load.py")["read_packed"](PATH)
net = Net(); net.load_state_dict({n: torch.from_numpy(a) for n, a in arrays.items()})
y = net.eval()(x)
""",
    "csr": """
import runpy
matrices, whole = runpy.run_path(PATH + ".load.py")["load_rows"](PATH)
net = Net()
state = {n: whole.get(n, v) for n, v in net.state_dict().items()}
for n, m in matrices.items():
    state[n] = m.to_dense().reshape(state[n].shape)
net.load_state_dict(state)
y = net.eval()(x)
""",
    "onnx": """
import onnx, onnxruntime
onnx.checker.check_model(PATH, full_check=True)
s = onnxruntime.InferenceSession(PATH, providers=["CPUExecutionProvider"])
y = torch.from_numpy(s.run(None, {"images": x.numpy()})[0])
""",
    "shrunk": """
import runpy
y = runpy.run_path(PATH + ".load.py")["load"](PATH)(x)
""",
}
READING |= dict.fromkeys(("shrunk-onnx", "int8-onnx", "shrunk-int8-onnx"), READING["onnx"])
READING["safetensors-int8"] = """
from safetensors.torch import load_file
t = load_file(PATH)
net = Net()
for name in list(t):
    if name + "_scale" in t:
        codes = t[name].float()
        t[name] = codes * t.pop(name + "_scale").reshape(-1, *[1] * (codes.dim() - 1))
net.load_state_dict({n: v for n, v in t.items() if not n.endswith("_mask")})
y = net.eval()(x)
"""

STRANGER = """
import json, sys
import torch
from torch import nn
network, readings, paths, images = json.loads(sys.stdin.read())
found = {}
for name, reading in readings.items():
    space = {"torch": torch, "nn": nn, "PATH": paths[name]}
    space["x"] = torch.load(images, weights_only=True)
    exec(network, space)
    with torch.no_grad():
        exec(reading, space)
    found[name] = space["y"].tolist()
assert not any(m.partition(".")[0] == "snip_gui" for m in sys.modules)
print(json.dumps(found))
"""


@pytest.fixture(scope="module", params=list(NETWORKS))
def trained(request, tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp(request.param) / "run"
    recipe = Recipe(
        model=ModelChoice(name=request.param),
        minibatch=Draw(size=30),
        pruning=Snip(sparsity=0.97, prunable="weights"),  # biases train, so dead units say them
        training=Training(epochs=1, batch_size=200, learning_rate=0.01),
    )
    run(recipe, folder, environment, lambda _event: None, CancelToken())
    return folder


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    # A name in several scripts, with a space.
    place = tmp_path_factory.mktemp("out") / "Netz né 網 сеть"
    wanted = [(f.name, place / f"gestutzt 剪{f.suffix}") for f in FORMATS]
    done = [
        event
        for event in export_all(trained, wanted, CancelToken(), allow_changes=True)
        if isinstance(event, ExportDone)
    ]
    assert [(event.format_name, event.path) for event in done] == wanted
    return {event.format_name: event for event in done}


def test_every_format_computes_the_same_elsewhere(trained, exported, tmp_path):
    package = package_run(trained)
    torch.save(package.images_BCHW, tmp_path / "images.pt")
    paths = {name: str(event.path) for name, event in exported.items()}
    assert paths.keys() == READING.keys()
    given = [NETWORKS[trained.parent.name[:-1]], READING, paths, "images.pt"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STRANGER], input=json.dumps(given),
        cwd=tmp_path, capture_output=True, text=True, env=_without_this_program(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = compute_scores(package.network, package.images_BCHW).numpy()
    largest = max(1.0, float(np.abs(expected).max()))
    for name, scores in json.loads(done.stdout).items():
        rough = {"float32": 1e-5, "float16": 5e-3, "int8": 0.1}[FORMATS[name].precision]
        np.testing.assert_allclose(scores, expected, rtol=0, atol=rough * largest, err_msg=name)


def _without_this_program():
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def test_the_files_are_as_small_as_they_should_be(trained, exported):
    sizes = {name: event.size_bytes for name, event in exported.items()}
    dense = sum(t.numel() * t.element_size() for t in package_run(trained).state.values())
    assert sizes["pt"] >= dense
    assert sizes["packed"] < 0.1 * dense
    assert sizes["safetensors-fp16"] < 0.7 * sizes["safetensors"]
    part = 0.95 if trained.parent.name[:-1] == "gru-s" else 0.5
    assert sizes["shrunk"] < part * dense
    assert sizes["shrunk-onnx"] < part * sizes["onnx"]


def test_onnx_says_nothing_of_this_machine(exported):
    for name in ("onnx", "shrunk-onnx", "int8-onnx", "shrunk-int8-onnx"):
        data = exported[name].path.read_bytes()
        assert b"/site-packages" not in data
        assert b"snip_gui/core" not in data
        model = onnx.load_model_from_string(data)
        (entry,) = model.metadata_props
        assert json.loads(entry.value)["recipe"]["format"] == 1
        assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param


def test_a_card_goes_with_each_file(trained, exported):
    for name, event in exported.items():
        card = event.path.with_name(event.path.name + ".md").read_text()
        _, front, body = card.split("---\n", 2)
        assert "pipeline_tag: image-classification" in front
        assert "type: accuracy" in front
        assert event.digest in body
        assert f"{event.size_bytes:,} bytes" in body
        assert "| fc" in body
        assert FORMATS[name].title in body
        assert "0.97" in body
        picture = event.path.with_name(event.path.name + ".png")
        assert picture.read_bytes()[:4] == b"\x89PNG"
        assert picture.name.replace(" ", "%20") in body


def test_half_precision_is_measured_before_it_is_written(exported):
    from safetensors import safe_open

    with safe_open(exported["safetensors-fp16"].path, framework="pt") as file:
        manifest = json.loads(file.metadata()["snip_gui"])
    half = manifest["errors"]["half_precision"]
    assert half["num_test_images"] == 400  # all test images of the digits
    assert half["single"] == pytest.approx(manifest["errors"]["test"])
    assert abs(half["half"] - half["single"]) < 0.02
    weights = load_file(exported["safetensors-fp16"].path)
    assert {str(t.dtype) for t in weights.values()} == {"torch.float16", "torch.uint8"}


KILLED = """
import sys, time
from pathlib import Path
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.export import export as exporting
def hang(part, data):
    part.write_bytes(data[:1000])
    print("writing", flush=True)
    time.sleep(60)
exporting._write = hang
wanted = Path(sys.argv[1]), "pt", Path(sys.argv[2])
for _ in exporting.export_run(*wanted, CancelToken(), overwrite=True):
    pass
"""


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="no files without names on this system")
def test_a_killed_export_leaves_the_old_file_and_no_part(trained, tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(b"the old one")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(trained), str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.read_bytes() == b"the old one"
    assert [item.name for item in tmp_path.iterdir()] == ["net.pt"]


def test_what_a_killed_process_has_left_elsewhere_goes_with_the_next(trained, tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    left = tmp_path / f".net.pt.{host_id()}-{process.pid}-abc.part"
    mine = tmp_path / f".net.pt.{host_id()}-{os.getpid()}-abc.part"
    left.touch()
    mine.touch()
    list(export_all(trained, [("pt", tmp_path / "net.pt")], CancelToken()))
    assert not left.exists()
    assert mine.exists()  # may still be being written


def test_a_folder_that_may_not_be_written_to_is_named(trained, tmp_path, monkeypatch):
    folder = tmp_path / "shut"
    folder.mkdir()

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("snip_gui.core.base.files._open_nameless", lambda _folder: -1)
    monkeypatch.setattr("snip_gui.core.base.files.tempfile.mkstemp", refuse)
    with pytest.raises(UserError, match="Permission denied") as caught:
        list(export_all(trained, [("pt", folder / "net.pt")], CancelToken()))
    assert str(folder / "net.pt") in caught.value.message


def test_without_its_packages_onnx_is_refused_with_the_remedy(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "snip_gui.core.export.catalogue.importlib.util.find_spec", lambda _name: None
    )
    with pytest.raises(UserError, match="not installed") as caught:
        list(export_all(trained, [("onnx", tmp_path / "net.onnx")], CancelToken()))
    assert "snip-gui[onnx]" in caught.value.hint
    assert not any(tmp_path.iterdir())


def test_the_extra_costs_no_import_time():
    code = (
        "import sys\nimport snip_gui.core.export.export, snip_gui.core.export.catalogue\n"
        "print([m for m in sys.modules if m.partition('.')[0].startswith('onnx')])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
