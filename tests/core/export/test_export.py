from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, DivergedError, UserError
from snip_gui.core.base.events import Note
from snip_gui.core.base.tensors import load_tensors
from snip_gui.core.execution.run import run
from snip_gui.core.export import export as exporting
from snip_gui.core.export.catalogue import FORMATS, find_format
from snip_gui.core.export.events import ExportDone
from snip_gui.core.export.export import export_run
from snip_gui.core.export.formats import pt_format
from snip_gui.core.export.package import package_run
from snip_gui.core.models.own.source import digest_file
from snip_gui.core.models.paper.lenet import LeNet300100
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import ModelChoice, Recipe, Training
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_summary

RECIPE = Recipe(training=Training(epochs=2), pruning=Snip(sparsity=0.95))


@pytest.fixture(scope="module")
def make_run(tmp_path_factory, environment):
    torch.set_num_threads(1)

    def make(recipe=RECIPE, **more):
        folder = tmp_path_factory.mktemp("run") / "run"
        run(recipe, folder, environment, lambda _event: None, CancelToken(), **more)
        return folder

    return make


@pytest.fixture(scope="module")
def trained(make_run):
    return make_run()


def export(folder, name, path, cancel=None):
    return list(export_run(folder, name, path, cancel or CancelToken(), overwrite=True))


def expected_state(folder):
    """The checkpoint's weights, removed ones zero, by plain means."""
    tensors = load_file(folder / files.CHECKPOINT)
    state = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    for name, mask in load_file(folder / files.MASKS).items():
        state[name] = torch.where(mask.bool(), state[name], torch.zeros(()))
    return state


STRANGER = """
import json, sys
import torch
path, kind = sys.argv[1:]
if kind == "pt":
    state, metadata = torch.load(path, weights_only=True), {}
else:
    from safetensors import safe_open
    with safe_open(path, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}
        metadata = json.loads(file.metadata()["snip_gui"])
assert not any(name.partition(".")[0] == "snip_gui" for name in sys.modules)
sums = {name: [list(t.shape), str(t.dtype), float(t.double().abs().sum()), int((t != 0).sum())]
        for name, t in state.items()}
print(json.dumps([sums, metadata]))
"""


@pytest.mark.parametrize("name", ["safetensors", "pt"])
def test_a_stranger_can_read_the_file_without_this_program(trained, tmp_path, name):
    path = tmp_path / f"pruned.{name}"
    export(trained, name, path)
    output = subprocess.run(
        [sys.executable, "-c", STRANGER, str(path), name],
        cwd=tmp_path, check=True, capture_output=True, text=True, timeout=120,
    ).stdout  # fmt: skip
    found, manifest = json.loads(output)
    expected = expected_state(trained)
    if name == "safetensors":
        expected |= {f"{k}_mask": v for k, v in load_file(trained / files.MASKS).items()}
        assert manifest["num_kept"] == 13_331
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        shape, dtype, total, nonzero = found[key]
        assert (shape, dtype) == (list(tensor.shape), str(tensor.dtype))
        assert total == float(tensor.double().abs().sum())
        assert nonzero == int((tensor != 0).sum())


@pytest.mark.parametrize("name", ["safetensors", "pt"])
def test_the_weights_are_the_checkpoints_under_the_mask_bit_for_bit(trained, tmp_path, name):
    path = tmp_path / f"pruned.{name}"
    export(trained, name, path)
    state = torch.load(path, weights_only=True) if name == "pt" else load_file(path)
    for key, expected in expected_state(trained).items():
        assert torch.equal(state[key], expected)


def test_the_state_dict_loads_into_the_network(trained, tmp_path):
    export(trained, "pt", tmp_path / "pruned.pt")
    model = LeNet300100((1, 28, 28), 10)
    model.load_state_dict(torch.load(tmp_path / "pruned.pt", weights_only=True), strict=True)
    batch = load_file(trained / files.BATCH)
    accuracy = (model(batch["inputs"]).argmax(1) == batch["labels"]).double().mean()
    assert accuracy > 0.5  # trained; chance is 0.1


def test_the_event_says_what_was_written(trained, tmp_path):
    path = tmp_path / "pruned.safetensors"
    (done,) = [e for e in export(trained, "safetensors", path) if isinstance(e, ExportDone)]
    assert done.path == path
    assert done.size_bytes == path.stat().st_size
    assert done.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert done.format_name == "safetensors"
    names = {f"pruned.safetensors{what}" for what in ("", ".md", ".png")}
    assert {item.name for item in tmp_path.iterdir()} == names


def test_the_manifest_describes_the_network(trained, tmp_path, digits):
    export(trained, "safetensors", tmp_path / "pruned.safetensors")
    with safe_open(tmp_path / "pruned.safetensors", framework="pt") as file:
        manifest = json.loads(file.metadata()["snip_gui"])
    summary = read_summary(trained)
    assert manifest["recipe"] == json.loads((trained / files.RECIPE).read_text())
    assert (manifest["trained"], manifest["steps"], manifest["state"]) == (True, 26, "finished")
    assert manifest["sparsity_asked"] == 0.95
    assert manifest["sparsity_reached"] == pytest.approx(1 - 13_331 / 266_610)
    assert (manifest["num_kept"], manifest["num_parameters"]) == (13_331, 266_610)
    assert sum(row["kept"] for row in manifest["layers"]) == 13_331
    assert manifest["normalisation"] == {
        "mean": list(digits.mean_C), "deviation": list(digits.deviation_C)
    }  # fmt: skip
    assert manifest["classes"] == list("0123456789")
    assert manifest["errors"]["test"] == pytest.approx(1 - summary.final["test"].accuracy)
    assert manifest["batch_digest"] == summary.batch_digest
    assert manifest["versions"]["torch"] == torch.__version__


@pytest.mark.parametrize("after", ["keep", "redraw"])
def test_an_untrained_run_exports_the_weights_that_training_would_start_from(
    make_run, tmp_path, after
):
    folder = make_run(with_value(RECIPE, "pruning.after", after), stop_after="prune")
    events = export(folder, "safetensors", tmp_path / "pruned.safetensors")
    assert any("is untrained" in event.text for event in events if isinstance(event, Note))
    state, manifest = load_tensors(tmp_path / "pruned.safetensors")
    assert manifest["trained"] is False
    assert manifest["errors"] == {}
    start = load_file(folder / (files.START if after == "redraw" else files.INIT))
    mask = load_file(folder / files.MASKS)["fc1.weight"]
    assert torch.equal(state["fc1.weight"], start["fc1.weight"] * mask)


def test_a_diverged_run_exports_what_its_checkpoint_holds_and_says_so(
    tmp_path, environment, digits
):
    training = Training(epochs=40, learning_rate=100.0)
    recipe = Recipe(training=training, pruning=Snip(sparsity=0.0))
    with pytest.raises(DivergedError):
        run(recipe, tmp_path / "run", environment, lambda _event: None, CancelToken())
    package = package_run(tmp_path / "run")  # it has no checkpoint: these are the first weights
    assert torch.equal(
        package.state["fc1.weight"], load_file(tmp_path / "run" / files.INIT)["fc1.weight"]
    )
    assert (package.manifest["trained"], package.manifest["steps"]) == (False, 0)
    assert package.manifest["errors"] == {}
    assert package.manifest["state"] == "diverged"


def test_a_run_without_a_mask_is_refused(make_run, tmp_path):
    folder = make_run(stop_after="score")
    with pytest.raises(UserError, match="no mask"):
        export(folder, "pt", tmp_path / "pruned.pt")
    assert not any(tmp_path.iterdir())


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"recipe\.json"):
        export(tmp_path, "pt", tmp_path / "pruned.pt")


@pytest.mark.parametrize("target", ["/dev/zero", "private"])
def test_a_picture_that_is_a_link_is_not_copied(trained, tmp_path, target):
    """The run may be a stranger's, and what the link leads to would be published."""
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "private").write_bytes(b"private")
    picture = tmp_path / "run" / "input_map.png"
    picture.unlink()
    picture.symlink_to(tmp_path / target)
    with pytest.raises(UserError, match=r"input_map\.png” cannot be read: it is a symbolic link"):
        export(tmp_path / "run", "pt", tmp_path / "pruned.pt")


@pytest.mark.parametrize("name", ["safetensors", "pt"])
def test_a_full_disk_leaves_the_old_file_and_no_part(trained, tmp_path, monkeypatch, name):
    path = tmp_path / f"pruned.{name}"
    path.write_bytes(b"the old one")

    def write(part, data):
        part.write_bytes(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "_write", write)
    with pytest.raises(UserError, match="No space left on device") as caught:
        export(trained, name, path)
    assert str(path) in caught.value.message
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["safetensors", "pt"])
def test_a_write_that_the_system_refuses_half_way_is_said(trained, tmp_path, name):
    # The real writers against a real limit: files may not grow beyond a fraction of the weights.
    resource = pytest.importorskip("resource")
    path = tmp_path / f"pruned.{name}"
    path.write_bytes(b"the old one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(UserError, match="cannot be written") as caught:
            export(trained, name, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(path) in caught.value.message
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def alter_value(state):
    state["fc2.weight"] = state["fc2.weight"].clone()
    state["fc2.weight"].view(torch.int32)[0, 0] ^= 1  # the last bit of one weight
    return state


def alter_shape(state):
    return state | {"fc2.weight": state["fc2.weight"].reshape(300, 100)}


def alter_type(state):
    return state | {"fc2.weight": state["fc2.weight"].view(torch.int32)}


def lose_one(state):
    return {name: tensor for name, tensor in state.items() if name != "fc3.bias"}


@pytest.mark.parametrize("alter", [alter_value, alter_shape, alter_type, lose_one])
def test_what_reads_back_differently_is_refused(trained, tmp_path, monkeypatch, alter):
    path = tmp_path / "pruned.pt"
    path.write_bytes(b"the old one")
    read_back = pt_format.read_back
    monkeypatch.setattr(pt_format, "read_back", lambda part: alter(read_back(part)))
    with pytest.raises(UserError, match=r"does not hold the network as it is: .*“fc[23]") as caught:
        export(trained, "pt", path)
    assert "disk" not in str(caught.value)
    assert "disk" not in caught.value.hint
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_gives_back_other_bytes_is_named(trained, tmp_path, monkeypatch):
    path = tmp_path / "pruned.pt"

    def write(part, data):
        part.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    monkeypatch.setattr(exporting, "_write", write)
    with pytest.raises(UserError, match="does not read back as it was written") as caught:
        export(trained, "pt", path)
    assert "disk" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_export_leaves_the_old_file(trained, tmp_path):
    path = tmp_path / "pruned.pt"
    path.write_bytes(b"the old one")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        export(trained, "pt", path, cancel)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_to_is_refused(trained, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        export(trained, "pt", tmp_path / "file" / "pruned.pt")


def test_a_damaged_mask_file_is_refused(make_run, tmp_path):
    folder = make_run(stop_after="prune")
    (folder / files.MASKS).write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"masks\.safetensors"):
        export(folder, "pt", tmp_path / "pruned.pt")


@pytest.mark.parametrize(("name", "expected"), [("a.safetensors", "safetensors"), ("b.c.pt", "pt")])
def test_the_ending_of_the_file_says_the_format(name, expected):
    assert find_format(Path(name)).name == expected


@pytest.mark.parametrize("name", ["a.h5", "a"])
def test_an_unknown_ending_lists_the_formats(name):
    with pytest.raises(UserError) as caught:
        find_format(Path(name))
    assert "safetensors" in caught.value.hint
    assert "pt" in caught.value.hint


OWN = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.a, self.b = nn.Linear(784, 40), nn.Linear(40, num_classes)
    def forward(self, images):
        return self.b(torch.relu(self.a(images.flatten(1))))
"""


def test_a_network_whose_code_was_not_agreed_to_is_not_run(tmp_path, environment):
    (tmp_path / "net.py").write_text(OWN)
    digest = digest_file(tmp_path / "net.py")
    model = ModelChoice(name="own", file=str(tmp_path / "net.py"), symbol="Net", file_digest=digest)
    agreed = dataclasses.replace(environment, trusted_code=frozenset({digest}))
    recipe = Recipe(model=model, training=Training(epochs=1))
    run(recipe, tmp_path / "run", agreed, lambda _event: None, CancelToken())
    (tmp_path / "net.py").unlink()  # the run has kept a copy
    out = tmp_path / "out"
    # Weights alone can be written and compared; what needs the network says what is missing.
    events = list(export_run(tmp_path / "run", "pt", out / "a.pt", CancelToken()))
    assert any("outputs not compared" in e.text for e in events if isinstance(e, Note))
    for name in ("onnx", "shrunk"):
        with pytest.raises(UserError, match="not agreed to run"):
            list(export_run(tmp_path / "run", name, out / "b", CancelToken(), environment))
    assert {path.name for path in out.iterdir()} == {"a.pt", "a.pt.md", "a.pt.png"}
    for name in ("pt", "onnx", "shrunk"):
        events = list(export_run(tmp_path / "run", name, out / name, CancelToken(), agreed))
        assert not any("not compared" in e.text for e in events if isinstance(e, Note))


_EXPORT = """
import sys
from pathlib import Path
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.export.export import export_run

list(export_run(Path(sys.argv[1]), "onnx", Path(sys.argv[2]), CancelToken()))
assert "onnxruntime" in sys.modules
"""


def run_in_new_home(home, code, *arguments):
    """Run Python where no setting of this process reaches, and return what is new at home."""
    home.mkdir()
    keep = ("PATH", "PYTHONPATH", "OMP_NUM_THREADS", "SYSTEMROOT")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, env=env | {"HOME": str(home)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [path.relative_to(home) for path in home.rglob("*")]


def test_an_export_to_onnx_leaves_nothing_in_the_home_folder(trained, tmp_path):
    """By itself, onnxruntime writes a device identity there and queues usage data."""
    assert run_in_new_home(tmp_path / "home", _EXPORT, trained, tmp_path / "pruned.onnx") == []


def test_the_lines_that_load_onnx_leave_nothing_in_the_home_folder(tmp_path):
    code, _, _ = FORMATS["onnx"].loading_lines("pruned.onnx").partition("session =")
    assert "import onnxruntime" in code
    assert run_in_new_home(tmp_path / "home", code) == []


# What is not replaced


@pytest.mark.parametrize("name", ["README", "README.md", "README.png", "README.load.py"])
def test_files_that_are_there_are_replaced_only_if_that_was_asked_for(trained, tmp_path, name):
    (tmp_path / name).write_text("mine")
    target = tmp_path / "README"
    with pytest.raises(UserError, match="would be replaced"):
        list(export_run(trained, "pt", target, CancelToken()))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "mine"}
    list(export_run(trained, "pt", target, CancelToken(), overwrite=True))
    assert (tmp_path / "README.md").exists()


@pytest.mark.parametrize("link", [False, True])
def test_a_file_of_a_run_is_never_replaced(trained, tmp_path, link):
    run = shutil.copytree(trained, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    for name in (files.CHECKPOINT, files.START, files.RECIPE):
        target = run / name
        if link:
            target = tmp_path / f"link to {name}"
            target.symlink_to(run / name)
        with pytest.raises(UserError, match="is a file of the run"):
            list(export_run(trained, "safetensors", target, CancelToken(), overwrite=True))
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    list(export_run(run, "pt", run / "pruned.pt", CancelToken()))


def test_a_device_is_never_replaced(trained, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    for name in ("pipe", "null"):
        with pytest.raises(UserError, match="cannot be written: it is a"):
            list(export_run(trained, "pt", tmp_path / name, CancelToken(), overwrite=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["null", "pipe"]
    assert (tmp_path / "null").is_symlink()
