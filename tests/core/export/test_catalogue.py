"""Every format holds the same network, and its loader reads it where this program is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.execution.run import run
from snip_gui.core.export.catalogue import FORMATS, ExportFormat, find_format
from snip_gui.core.export.events import SpeedMeasured
from snip_gui.core.export.export import export_run
from snip_gui.core.export.measuring import measure_run
from snip_gui.core.export.package import package_run
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe, Training
from snip_gui.core.weight_files.packed_reader import read_packed
from tests.core.plugins import add_entry, add_module

NETWORK = """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 20, 5), nn.Conv2d(20, 50, 5)
        self.fc1, self.fc2 = nn.Linear(800, 500), nn.Linear(500, 10)
    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv1(x), 2)
        x = nn.functional.max_pool2d(self.conv2(x), 2)
        return self.fc2(nn.functional.relu(self.fc1(x.flatten(1))))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp("formats") / "run"
    recipe = Recipe(
        model=ModelChoice(name="lenet-5-caffe"),
        minibatch=Draw(size=20),
        pruning=Snip(sparsity=0.95),
        training=Training(epochs=1, batch_size=200),
    )
    run(recipe, folder, environment, lambda _event: None, CancelToken())
    return folder


def export(folder, name, path):
    *_, done, _ = export_run(folder, name, path, CancelToken())
    return done


MASKED = [f.name for f in FORMATS if f.network == "masked" and f.precision != "int8"]


@pytest.mark.parametrize("name", FORMATS.names)
def test_the_ending_of_a_file_says_its_format(name):
    assert find_format(Path(f"net{FORMATS[name].suffix}")).name == name


@pytest.mark.parametrize("name", MASKED)
def test_every_format_reads_back_bit_for_bit(folder, tmp_path, name):
    path = tmp_path / f"net{FORMATS[name].suffix}"
    export(folder, name, path)
    state = package_run(folder).state
    if name == "safetensors-fp16":
        state = {key: tensor.half() for key, tensor in state.items()}
    read = FORMATS[name].read_back(path)
    assert read.keys() == state.keys()
    for key, tensor in state.items():
        assert torch.equal(read[key], tensor), key
    companion = path.with_name(f"{path.name}.load.py")
    assert companion.exists() == bool(FORMATS[name].companion)


def test_packed_is_a_tenth_of_the_dense_file(folder, tmp_path):
    dense = export(folder, "pt", tmp_path / "a.pt").size_bytes
    assert export(folder, "packed", tmp_path / "a.snip").size_bytes < 0.1 * dense


def outside(tmp_path, code):
    """Run code in a fresh process, in a folder without this program."""
    code += "\nimport sys\nassert not any(m.startswith('snip_gui') for m in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def load_module(name):
    return (
        "import importlib.util as u\n"
        f"spec = u.spec_from_file_location('loader', {name!r})\n"
        "loader = u.module_from_spec(spec); spec.loader.exec_module(loader)\n"
    )


def expected_scores(folder):
    state = package_run(folder).state
    space: dict = {}
    exec(NETWORK, space)
    net = space["Net"]()
    net.load_state_dict(state)
    torch.manual_seed(0)
    return net.eval()(torch.randn(3, 1, 28, 28)).detach().numpy()


def test_the_prune_loader_gives_the_same_network_elsewhere(folder, tmp_path):
    export(folder, "prune", tmp_path / "net.prune.pt")
    out = outside(
        tmp_path,
        NETWORK
        + load_module("net.prune.pt.load.py")
        + "import torch, json\nnet = loader.load_pruned(Net(), 'net.prune.pt').eval()\n"
        "torch.manual_seed(0)\n"
        "assert hasattr(net.fc1, 'weight_orig')\n"
        "print(json.dumps(net(torch.randn(3, 1, 28, 28)).tolist()))",
    )
    np.testing.assert_allclose(json.loads(out), expected_scores(folder), rtol=1e-5, atol=1e-6)


def test_the_packed_reader_needs_numpy_alone(folder, tmp_path):
    export(folder, "packed", tmp_path / "net.snip")
    outside(
        tmp_path,
        load_module("net.snip.load.py") + "arrays, header = loader.read_packed('net.snip')\n"
        "assert header['manifest']['num_kept'] == 21554\n"
        "import sys\nassert 'torch' not in sys.modules\n"
        "assert arrays['conv2.weight'].shape == (50, 20, 5, 5)",
    )


def test_the_csr_loader_gives_sparse_matrices_elsewhere(folder, tmp_path):
    export(folder, "csr", tmp_path / "net.csr.safetensors")
    nonzero = {
        key: int(mask.sum()) for key, mask in package_run(folder).masks.items() if mask.dim() > 1
    }
    out = outside(
        tmp_path,
        load_module("net.csr.safetensors.load.py")
        + "import json\nmatrices, whole = loader.load_rows('net.csr.safetensors')\n"
        "assert tuple(matrices['conv2.weight'].shape) == (50, 500)\n"
        "assert 'fc1.bias' in whole\n"
        "print(json.dumps({k: m.values().numel() for k, m in matrices.items()}))",
    )
    assert json.loads(out) == nonzero


@pytest.mark.parametrize("change", ["magic", "cut", "long"])
def test_a_damaged_packed_file_is_refused(folder, tmp_path, change):
    path = tmp_path / "net.snip"
    export(folder, "packed", path)
    data = path.read_bytes()
    path.write_bytes({"magic": b"X" + data[1:], "cut": data[:-9], "long": data + b"x"}[change])
    with pytest.raises(ValueError):
        read_packed(path)


@pytest.mark.parametrize("name", ["packed_reader", "prune_loader", "csr_loader"])
def test_a_companion_is_short(name):
    from importlib import resources

    text = resources.files("snip_gui.core.weight_files").joinpath(f"{name}.py").read_text()
    code = [line for line in text.split('"""', 2)[2].splitlines() if line.strip()]
    assert len(code) < 40


def test_a_format_of_a_package_brings_its_precision_runner_and_values(
    monkeypatch, folder, tmp_path, environment
):
    def scorer(_package):
        return lambda images_BCHW: torch.eye(10)[torch.zeros(len(images_BCHW), dtype=torch.long)]

    add_module(
        monkeypatch,
        "power_zeros",
        encode=lambda _package: b"zeros",
        prove=lambda _package, path: f"{path.stat().st_size} bytes",
        scorer=scorer,
        runner=lambda data, _num_threads: lambda images_BCHW: data * len(images_BCHW),
        num_stored=lambda _package: 7,
    )
    own = ExportFormat(
        "zeros", "Zeros", "Class 0.", ".zeros", "power_zeros", "None",
        run_as="power", loading_code="load({path}, {loader})", precision="float16",
    )  # fmt: skip
    add_entry(monkeypatch, FORMATS, own)
    events = list(export_run(folder, "zeros", tmp_path / "net.zeros", CancelToken()))
    notes = [event.text for event in events if isinstance(event, Note)]
    assert any("Test error in half precision 90.00%" in note for note in notes)
    card = (tmp_path / "net.zeros.md").read_text()
    assert "| test error in half precision | 90.00%;" in card
    assert "load('net.zeros', 'net.zeros.load.py')" in card
    events = list(measure_run(folder, environment, CancelToken()))
    assert any(isinstance(e, SpeedMeasured) and e.run_as == "power" and e.one for e in events)
    *_, measured = [e for e in events if getattr(e, "format_name", "") == "zeros"]
    assert (measured.size_bytes, measured.num_stored, measured.test_error) == (5, 7, 0.9)


def test_a_format_that_rounds_must_say_how_it_scores(monkeypatch, folder, tmp_path):
    add_module(monkeypatch, "power_half", encode=lambda _package: b"half")
    own = ExportFormat("half", "Half", "Half.", ".half", "power_half", "None", precision="float16")
    add_entry(monkeypatch, FORMATS, own)
    with pytest.raises(UserError, match="has no function “scorer”"):
        list(export_run(folder, "half", tmp_path / "net.half", CancelToken()))


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ({"encode": lambda _package: "text"}, "encoded a value of type str, not bytes"),
        (
            {"encode": lambda _package: b"bytes", "prove": lambda _package, _path: None},
            "does not say what was compared",
        ),
    ],
)
def test_a_format_of_a_package_that_writes_or_proves_nothing_is_named(
    monkeypatch, folder, tmp_path, module, said
):
    add_module(monkeypatch, "power_npz", **module)
    add_entry(
        monkeypatch, FORMATS, ExportFormat("npz", "Npz", "Arrays.", ".npz", "power_npz", "NumPy")
    )
    with pytest.raises(UserError) as caught:
        for _ in export_run(folder, "npz", tmp_path / "net.npz", CancelToken()):
            pass
    assert "The export format “npz” of the package snip-power 1.2" in caught.value.message
    assert said in caught.value.message
    assert not list(tmp_path.iterdir())
