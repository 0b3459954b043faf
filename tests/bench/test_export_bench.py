"""Every format of the large networks, written, read in a fresh process and compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.execution.run import run
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.events import ExportDone, FormatMeasured, SpeedMeasured
from snip_gui.core.export.export import export_all
from snip_gui.core.export.measuring import measure_run
from snip_gui.core.export.package import package_run
from snip_gui.core.export.proof import compute_scores
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import DataChoice, Draw, ModelChoice, Recipe, Training
from tests.bench.test_core_bench import show

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1200)]

NETWORKS = {"vgg-d": 0.95, "wrn-16-8": 0.95, "torchvision:resnet18": 0.95}

# Tensors of every format by name, and outputs of those that bring their network along.
STRANGER = """
import json, runpy, sys
import torch
paths, images, expected = json.loads(sys.stdin.read())
x, (state, scores) = torch.load(images), torch.load(expected)
largest = max(1.0, float(scores.abs().max()))
told = {}
def weights(name, found, rough=0.0):
    found = {n: t for n, t in found.items() if not n.endswith("_mask")}
    for n, t in state.items():
        if n in found or not n.endswith("num_batches_tracked"):
            got = torch.as_tensor(found[n])
            assert got.shape == t.shape, (name, n)
            off = float((got.double() - t.double()).abs().max()) if t.numel() else 0.0
            assert off <= rough * max(1.0, float(t.abs().max())), (name, n, off)
    told[name] = "weights equal"
def outputs(name, found):
    off = float((found - scores).abs().max()) / largest
    assert off < 1e-5, (name, off)
    told[name] = f"outputs within {off:.0e}"
from safetensors.torch import load_file
weights("safetensors", load_file(paths["safetensors"]))
weights("safetensors-fp16", load_file(paths["safetensors-fp16"]), 1e-3)
weights("pt", torch.load(paths["pt"], weights_only=True))
torn = torch.load(paths["prune"], weights_only=True)
weights("prune", {n.removesuffix("_orig"): t for n, t in torn.items()})
weights("packed", runpy.run_path(paths["packed"] + ".load.py")["read_packed"](paths["packed"])[0])
rows, whole = runpy.run_path(paths["csr"] + ".load.py")["load_rows"](paths["csr"])
dense = {n: m.to_dense().reshape(state[n].shape) for n, m in rows.items()}
weights("csr", {n: t for n, t in whole.items() if not n.endswith(".shape")} | dense)
import onnx, onnxruntime
for name in ("onnx", "shrunk-onnx"):
    onnx.checker.check_model(paths[name], full_check=True)
    session = onnxruntime.InferenceSession(paths[name], providers=["CPUExecutionProvider"])
    outputs(name, torch.from_numpy(session.run(None, {"images": x.numpy()})[0]))
with torch.no_grad():
    outputs("shrunk", runpy.run_path(paths["shrunk"] + ".load.py")["load"](paths["shrunk"])(x))
assert not any(m.partition(".")[0] == "snip_gui" for m in sys.modules)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Some hundred small photographs if there are any, else noise."""
    path = tmp_path_factory.mktemp("images") / "images.npz"
    named = Path(os.environ.get("SNIP_GUI_DATA", "")) / "cifar10-images"
    if named.is_dir():
        from PIL import Image

        parts = {}
        for part, number in (("train", 40), ("test", 20)):
            files = [
                (file, label)
                for label, folder in enumerate(sorted((named / part).iterdir()))
                for file in sorted(folder.iterdir())[:number]
            ]
            parts[f"x_{part}"] = np.stack([np.asarray(Image.open(file)) for file, _ in files])
            parts[f"y_{part}"] = np.array([label for _, label in files])
    else:
        rng = np.random.default_rng(0)
        parts = {
            f"x_{p}": rng.integers(0, 256, (200, 32, 32, 3), np.uint8) for p in ("train", "test")
        }
        parts |= {f"y_{p}": np.arange(200) % 10 for p in ("train", "test")}
    np.savez(path, **parts)
    return path


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_format_of_a_large_network_is_the_same_elsewhere(
    name, images, tmp_path, record_property
):
    environment = Environment(device="cpu", num_threads=1, data_folder=images)
    recipe = Recipe(
        model=ModelChoice(name=name),
        data=DataChoice(name="arrays"),
        minibatch=Draw(size=20),
        pruning=Snip(sparsity=NETWORKS[name]),
        training=Training(epochs=1, batch_size=50, learning_rate=0.01),
    )
    summary = run(recipe, tmp_path / "run", environment, lambda _e: None, CancelToken())
    assert summary.step > 0
    wanted = [(f.name, tmp_path / "out" / f"net{f.suffix}") for f in FORMATS]
    events = list(export_all(tmp_path / "run", wanted, CancelToken(), environment))
    sizes = {e.format_name: e.size_bytes for e in events if isinstance(e, ExportDone)}
    package = package_run(tmp_path / "run")
    torch.save(package.images_BCHW, tmp_path / "images.pt")
    scores = compute_scores(package.network, package.images_BCHW)
    torch.save((package.state, scores), tmp_path / "expected.pt")
    given = [
        {name: str(path) for name, path in wanted},
        str(tmp_path / "images.pt"),
        str(tmp_path / "expected.pt"),
    ]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STRANGER], input=json.dumps(given),
        capture_output=True, text=True, cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.keys() == set(FORMATS.names)
    title = f"{name} at {summary.sparsity:.0%}"
    for one in FORMATS:
        what = {"bytes": f"{sizes[one.name]:,}", "elsewhere": told[one.name]}
        show(record_property, f"{title}, {one.name}", **what)
    found = list(measure_run(tmp_path / "run", environment, CancelToken()))
    for event in found:
        if isinstance(event, FormatMeasured):
            assert not event.refused
    speeds = {e.run_as: e for e in found if isinstance(e, SpeedMeasured)}
    for speed in speeds.values():
        medians = {"image_ms": speed.one.median_ms, "batch_ms": speed.batch.median_ms}
        times = {name: f"{median:.3g}" for name, median in medians.items()}
        macs = f"{speed.multiply_accumulates:,}"
        show(record_property, f"{title}, {speed.run_as}", MACs=macs, **times)
