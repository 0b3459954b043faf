"""Networks that are put together in unusual ways: complete runs of them."""

from __future__ import annotations

import io
import re

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from snip_gui.cli.terminal import EventPrinter, Stream
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.execution.resume import resume
from snip_gui.core.export.catalogue import FORMATS as FORMATS_BY_NAME
from snip_gui.core.export.export import export_run
from snip_gui.core.export.formats import onnx_format
from snip_gui.core.export.package import package_run
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_summary

pytestmark = pytest.mark.slow

_HEAD = """
import torch
from torch import nn
from torch.nn import functional

"""

OUTSIDE = (
    _HEAD
    + """
class Net(nn.Module):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(24, 784) * 0.05)
        self.scale = nn.Parameter(torch.ones(24))
        self.out = nn.Linear(24, num_classes)

    def forward(self, images):
        hidden = torch.einsum("bi,oi->bo", images.flatten(1), self.w1)
        return self.out(torch.relu(hidden) * self.scale)
"""
)


def test_what_does_not_compete_is_said_in_log_summary_and_card(run_own, tmp_path):
    done = run_own(OUTSIDE)
    sentence = "18,840 parameters are outside layers and are not pruned: w1 (18,816), scale (24)."
    assert sentence in done.notes
    summary = read_summary(done.folder)
    assert summary.num_parameters == 250
    assert summary.outside == {"w1": 18_816, "scale": 24}
    printed = io.StringIO()
    EventPrinter(Stream(printed), Stream(io.StringIO())).result(done.folder, summary)
    assert sentence in printed.getvalue()
    path = tmp_path / "x.pt"
    list(export_run(done.folder, "pt", path, CancelToken(), done.environment))
    assert sentence in (tmp_path / "x.pt.md").read_text(encoding="utf-8")


EXTRA = (
    _HEAD
    + """
class Counting(nn.Linear):
    calls = 0

    def forward(self, images):
        self.calls += self.training
        return super().forward(images)

    def get_extra_state(self):
        return {make}

    def set_extra_state(self, state):
        {take}


class Net(nn.Module):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.hidden = Counting(784, 12)
        self.out = nn.Linear(12, num_classes)

    def forward(self, images):
        return self.out(torch.relu(self.hidden(images.flatten(1))))
"""
)
FORMATS = ("safetensors", "safetensors-fp16", "pt", "prune", "packed", "csr", "shrunk")
KEY = "hidden._extra_state"


def with_extra(make, take="self.calls = 0"):
    return EXTRA.replace("{make}", make).replace("{take}", take)


def export(done, name, tmp_path):
    """Export a run; returns the path and the messages."""
    path = tmp_path / f"x{FORMATS_BY_NAME[name].suffix}"
    events = list(export_run(done.folder, name, path, CancelToken(), done.environment))
    return path, [event.text for event in events if isinstance(event, Note)]


@pytest.mark.parametrize(
    ("make", "take"),
    [
        ("{'calls': self.calls, 'scale': torch.ones(3)}", "self.calls = state['calls']"),
        ("[self.calls, 'a', None, (1.5, b'x')]", "self.calls = state[0]"),
        ("torch.tensor(self.calls)", "self.calls = int(state)"),
        ("torch.ones(self.calls)", "self.calls = len(state)"),
    ],
    ids=["dict", "list", "tensor", "tensor that grows"],
)
def test_extra_state_is_kept_by_a_run_and_its_exports(run_own, tmp_path, make, take):
    source = with_extra(make, take)
    done = run_own(source)
    assert done.summary.state == "finished"
    package = package_run(done.folder, done.environment.trusted_code)
    assert package.network.hidden.calls >= done.summary.step > 0
    for name in FORMATS:
        path, notes = export(done, name, tmp_path)
        left_out = any(KEY in note for note in notes)
        card = path.with_name(path.name + ".md").read_text(encoding="utf-8")
        assert left_out == (KEY in card)
        if name in ("pt", "prune"):
            assert not left_out
            assert KEY in torch.load(path, weights_only=True)
        elif name != "shrunk":
            assert left_out == (KEY in package.extra)


def test_a_network_that_cannot_take_its_extra_state_is_trained(run_own, tmp_path):
    source = with_extra("{'calls': 1}").replace("def set_extra_state", "def other")
    done = run_own(source)
    assert done.summary.state == "finished"
    export(done, "pt", tmp_path)


@pytest.mark.parametrize("value", ["object()", "lambda: 0", "nn.Linear(1, 1)", "self"])
def test_extra_state_that_cannot_be_read_back_safely_is_omitted(run_own, tmp_path, value):
    done = run_own(with_extra("{'calls': " + value + "}"))
    (sentence,) = done.summary.remarks
    assert KEY in sentence
    assert sentence in done.notes
    assert not any("_extra_state" in name for name in load_file(done.folder / files.INIT))
    for name in FORMATS:
        export(done, name, tmp_path)


def test_extra_state_of_a_stranger_is_not_unpickled(run_own, tmp_path):
    done = run_own(with_extra("{'calls': self.calls}", "self.calls = state['calls']"))
    mark = tmp_path / "mark"

    class Traitor:
        def __reduce__(self):
            return open, (str(mark), "w")

    written = io.BytesIO()
    torch.save(Traitor(), written)
    path = done.folder / files.CHECKPOINT
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors[f"model.{KEY}.saved"] = torch.frombuffer(
        bytearray(written.getvalue()), dtype=torch.uint8
    )
    save_file(tensors, path, metadata)
    with pytest.raises(UserError, match="extra state"):
        package_run(done.folder, done.environment.trusted_code)
    assert not mark.exists()


def test_a_stopped_run_resumes_with_its_extra_state(run_own):
    source = with_extra("{'calls': self.calls}", "self.calls = state['calls']")
    whole = run_own(source, epochs=2, folder="whole")
    cut = run_own(source, epochs=2, folder="cut", cancel_after=12)
    assert cut.summary.state == "stopped"
    resume(cut.folder, cut.environment, lambda _event: None, CancelToken())
    one, other = (package_run(run.folder, run.environment.trusted_code) for run in (whole, cut))
    assert one.extra[KEY]["calls"] == other.extra[KEY]["calls"] >= whole.summary.step


@pytest.mark.parametrize("take", ["raise KeyError('calls')", "self.calls = state.calls"])
def test_extra_state_that_does_not_load_is_one_sentence(run_own, take):
    with pytest.raises(UserError, match=r"save and load its state.*net\.py, line 18"):
        run_own(with_extra("{'calls': 3}", take))


COMPUTED = (
    _HEAD
    + """
from torch.nn.utils import parametrizations, parametrize, weight_norm, spectral_norm


class Squared(nn.Module):
    def forward(self, weight):
        return weight * weight.abs()


def squared(layer):
    parametrize.register_parametrization(layer, "weight", Squared())
    return layer


class Net(nn.Module):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.hidden = {wrap}(nn.Linear(784, 24))
        self.out = {wrap}(nn.Linear(24, num_classes))

    def forward(self, images):
        return self.out(torch.relu(self.hidden(images.flatten(1))))
"""
)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "wrap",
    ["weight_norm", "parametrizations.weight_norm", "spectral_norm", "parametrizations.orthogonal",
     "squared"],
)  # fmt: skip
def test_computed_weights_compete_and_are_exported(run_own, tmp_path, wrap):
    done = run_own(COMPUTED.replace("{wrap}", wrap))
    assert done.summary.num_parameters == 19_090
    assert done.summary.num_kept == 3_818
    (sentence,) = done.summary.remarks
    assert "hidden.weight" in sentence
    assert sentence in done.notes
    package = package_run(done.folder, done.environment.trusted_code)
    assert set(package.state) == {"hidden.weight", "hidden.bias", "out.weight", "out.bias"}
    for name, mask in package.masks.items():
        assert not package.network.get_parameter(name)[mask == 0].any()
    for name in (*FORMATS, "onnx"):
        export(done, name, tmp_path)


def test_weights_that_cannot_be_ordinary_are_one_sentence(run_own):
    shared = COMPUTED.replace("{wrap}", "squared").replace(
        "24, num_classes))",
        "24, 784))\n        self.out.parametrizations = self.hidden.parametrizations",
    )
    with pytest.raises(UserError, match=r"weight|scores"):
        run_own(shared)


SHARED = (
    _HEAD
    + """
class Net(nn.Module):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.fc = nn.Linear(784, 12)
        self.fc_a = nn.Linear(12, 12)
        self.fc_b = nn.Linear(12, 12)
        self.fc_b.weight = self.fc_a.weight
        self.unused = nn.Linear(5, 4)
        self.norm = nn.BatchNorm1d(12)
        self.out = nn.Linear(12, num_classes)
        self.register_buffer("note", torch.ones(3))

    def forward(self, images):
        hidden = self.fc_b(torch.relu(self.fc_a(self.fc(images.flatten(1)))))
        return self.out(torch.relu(self.norm(hidden)))
"""
)


@pytest.mark.parametrize("name", [*FORMATS, "onnx", "shrunk-onnx"])
def test_shared_and_unused_weights_are_exported_in_every_format(run_own, tmp_path, name):
    done = run_own(SHARED)
    _, notes = export(done, name, tmp_path)
    if name == "onnx":
        proof = notes[-1]
        assert re.search("“fc_[ab].weight” is the same as “fc_[ab].weight”", proof)
        for unused in ("unused.weight", "unused.bias", "note"):
            assert f"“{unused}” has no effect on the scores" in proof
        assert "fc.weight" not in proof
        assert "another form" not in proof


def test_a_graph_with_other_weights_is_refused(run_own, tmp_path, monkeypatch):
    done = run_own(SHARED)
    encode = onnx_format.encode

    def damaged(package):
        package.network.fc.weight.data[0, :] += 1
        return encode(package)

    monkeypatch.setattr(onnx_format, "encode", damaged)
    with pytest.raises(UserError, match=r"“fc\.weight” differs"):
        export(done, "onnx", tmp_path)


def network(init, forward, more=""):
    """The source of a network, from the lines of its two methods."""
    made = "\n        ".join(init.strip().splitlines())
    passed = "\n        ".join(forward.strip().splitlines())
    return (
        f"{_HEAD}class Net(nn.Module):\n    def __init__(self, image_shape, num_classes):\n"
        f"        super().__init__()\n        {made}\n\n    def forward(self, images{more}):\n"
        f"        {passed}\n"
    )


_MLP = "self.a = nn.Linear(784, 12)\nself.b = nn.Linear(12, num_classes)"
_PASS = "return self.b(torch.relu(self.a(images.flatten(1))))"

RUNS = {
    "double among single": network(
        "self.a = nn.Linear(784, 12).double()\nself.b = nn.Linear(12, num_classes)",
        "return self.b(torch.relu(self.a(images.flatten(1).double())).float())",
    ),
    "complex convolution": network(
        "self.a = nn.Conv2d(1, 2, 5, stride=4, dtype=torch.complex64)\n"
        "self.b = nn.Linear(2 * 36, num_classes)",
        "return self.b(self.a(images.to(torch.complex64)).abs().flatten(1))",
    ),
    "argument with a default": network(
        _MLP, f"if mask is not None:\n    images = images * mask\n{_PASS}", ", mask=None"
    ),
    "keyword with a default": network(
        _MLP, f"if plain:\n    {_PASS} * scale", ", *, plain=True, scale=2.0"
    ),
    "no named argument": network(_MLP, "images = images[0]\n" + _PASS).replace(
        "self, images)", "self, *images)"
    ),
    "statistics of the batch": network(
        _MLP, "images = images - images.mean(0)\n" + _PASS
    ),
    "keeps what it computed": network(_MLP, "self.kept = self.a(images.flatten(1))\n"
                                      "return self.b(torch.relu(self.kept))"),
    "cannot be copied": network(
        _MLP + "\nimport threading\nself.lock = threading.Lock()", f"with self.lock:\n    {_PASS}"
    ),
    "an empty layer": network(_MLP + "\nself.c = nn.Linear(5, 0)", _PASS),
    "an infinite buffer": network(
        _MLP + "\nself.register_buffer('mask', torch.full((12,), float('inf')))",
        "return self.b(torch.minimum(torch.relu(self.a(images.flatten(1))), self.mask))",
    ),
    "attention by names": network(
        "self.a = nn.Linear(28, 8)\nself.t = nn.MultiheadAttention(8, 2, batch_first=True)\n"
        "self.b = nn.Linear(8, num_classes)",
        "rows = self.a(images.squeeze(1))\n"
        "return self.b(self.t(query=rows, key=rows, value=rows)[0].mean(1))",
    ),
    "train returns nothing": network(_MLP, _PASS)
    + "\n    def train(self, mode=True):\n        super().train(mode)\n",
    "prints": network("print('made')\n" + _MLP, "print('used', len(images))\n" + _PASS),
    "padding by its name": network(
        "self.a = nn.Conv2d(1, 6, 3, stride=2, padding=1, padding_mode='reflect')\n"
        "self.b = nn.Conv2d(6, 4, 3, padding='same')\nself.c = nn.Linear(4 * 196, num_classes)",
        "return self.c(torch.relu(self.b(torch.relu(self.a(images)))).flatten(1))",
    ),
    "takes its batch size for a number": network(
        _MLP, "return self.b(torch.relu(self.a(images.reshape(len(images), -1))))"
    ),
    "decides by values": network(
        _MLP, f"if images.sum() > 1e9:\n    images = -images\n{_PASS}"
    ),
}  # fmt: skip


EXPORTED = (
    "argument with a default",
    "keyword with a default",
    "complex convolution",
    "padding by its name",
)


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize("name", RUNS)
def test_an_odd_network_is_trained_and_exported_or_a_sentence_says_why_not(run_own, tmp_path, name):
    done = run_own(RUNS[name])
    assert done.summary.state == "finished"
    refused = {}
    for one in (*FORMATS, "onnx"):
        try:
            export(done, one, tmp_path)
        except UserError as error:
            refused[one] = error.message
    assert refused.keys() <= {"shrunk", "onnx"}
    assert "\x1b" not in "".join(refused.values())
    if name in EXPORTED:
        assert not refused
    if name == "takes its batch size for a number":
        assert "exactly 2 images at once" in refused["onnx"]


REFUSED = {
    "layers in a list": (
        network("self.a = [nn.Linear(784, 12)]\nself.b = nn.Linear(12, num_classes)",
                "return self.b(self.a[0](images.flatten(1)))"),
        "its state_dict lacks.*nn.ModuleList",
    ),
    "a tensor that is not registered": (
        network(_MLP + "\nself.c = torch.randn(12, 12)",
                "return self.b(self.a(images.flatten(1)) @ self.c)"),
        "its state_dict lacks.*register_buffer",
    ),
    "one image loses its axis": (
        network(_MLP, "return self.b(self.a(images.flatten(1))).squeeze()"),
        "Keep the batch axis",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_or_used_is_refused_in_a_sentence(run_own, name):
    source, message = REFUSED[name]
    with pytest.raises(UserError) as caught:
        run_own(source)
    assert re.search(message, f"{caught.value.message} {caught.value.hint}")


def test_a_network_that_is_random_when_evaluated_is_remarked(run_own):
    source = network(_MLP, _PASS.replace("torch.relu(", "functional.dropout(", 1))
    assert any("random even in evaluation mode" in note for note in run_own(source).notes)


def test_weights_that_overflow_still_end_a_training(run_own):
    with pytest.raises(UserError, match=r"overflow|loss"):
        run_own(network(_MLP, _PASS), learning_rate=1e30)
