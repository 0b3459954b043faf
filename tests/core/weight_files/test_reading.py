"""Files from strangers: damaged, renamed, lying about their size, or wanting to run code."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from safetensors.torch import save_file

from snip_gui.core.base.errors import UserError
from snip_gui.core.weight_files.reading import read_checkpoint

STATE = {"fc1.weight": torch.arange(12.0).reshape(3, 4), "fc1.bias": torch.zeros(3)}


def safetensors_file(path):
    save_file(STATE, path)


def torch_file(path):
    torch.save(STATE, path)


def legacy_file(path):
    torch.save(STATE, path, _use_new_zipfile_serialization=False)


def packed_file(path):
    header = json.dumps({"tensors": [{"name": "w", "shape": [4, 4], "dtype": "<f4", "kept": 2}]})
    values = np.array([1.5, 2.5], "<f4").tobytes()
    start = struct.pack("<8sII", b"SNIPPACK", 1, len(header))
    path.write_bytes(start + header.encode() + b"\x03\x00" + values)


def rows_file(path):
    save_file(
        {
            "w.crow_indices": torch.tensor([0, 1, 2], dtype=torch.int32),
            "w.col_indices": torch.tensor([1, 0], dtype=torch.int32),
            "w.values": torch.tensor([1.0, 2.0]),
            "w.size": torch.tensor([2, 3]),
            "w.shape": torch.tensor([2, 3]),
        },
        path,
    )


def onnx_file(path):
    tensor = numpy_helper.from_array(STATE["fc1.weight"].numpy(), "fc1.weight")
    graph = helper.make_graph([], "g", [], [], initializer=[tensor])
    path.write_bytes(helper.make_model(graph).SerializeToString())


FILES = {
    "safetensors": safetensors_file,
    "torch": torch_file,
    "legacy": legacy_file,
    "packed": packed_file,
    "rows": rows_file,
    "onnx": onnx_file,
}


def refused(path, said):
    with pytest.raises(UserError, match=said) as caught:
        read_checkpoint(path)
    assert path.name in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("kind", list(FILES))
def test_a_file_is_read_whatever_it_is_called(tmp_path, kind):
    path = tmp_path / "renamed.thing"
    FILES[kind](path)
    assert read_checkpoint(path).state


@pytest.mark.parametrize("kind", list(FILES))
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_refused_in_a_sentence(tmp_path, kind, part):
    path = tmp_path / "cut"
    FILES[kind](path)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    if kind == "onnx" and part == 0.99:  # may end between two fields
        path.write_bytes(data[:-1])
    refused(path, "cannot be read as a checkpoint|holds more than weights")


class Evil:
    def __reduce__(self):
        return print, ("run",)


def test_a_pickle_that_needs_more_is_refused_and_nothing_runs(tmp_path, capsys):
    torch.save({"weights": Evil()}, tmp_path / "evil.pt")
    refused(tmp_path / "evil.pt", "could run code")
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(Evil()))
    refused(tmp_path / "plain.pkl", "could run code")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pt")
    refused(tmp_path / "whole.pt", "could run code")
    assert capsys.readouterr().out == ""


def test_invalid_checkpoint_is_refused(tmp_path):
    for number, data in enumerate((b"", b"hello world", b"\x89PNG\r\n\x1a\n" + b"0" * 50)):
        path = tmp_path / f"file{number}"
        path.write_bytes(data)
        refused(path, "format is unknown")
    refused(tmp_path / "missing", "No such file")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "it is a folder")


def test_a_header_that_is_too_long_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "long.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 10**9) + b"{")
        file.truncate(2 * 10**9)  # a hole: nothing of it is on the disk
    refused(path, "header is implausibly long")


def test_a_tensor_that_claims_more_than_its_file_can_hold_is_refused(tmp_path):
    header = {"tensors": [{"name": "w", "shape": [10**9, 10**9], "dtype": "<f4", "kept": 0}]}
    text = json.dumps(header).encode()
    path = tmp_path / "huge.snip"
    path.write_bytes(struct.pack("<8sII", b"SNIPPACK", 1, len(text)) + text)
    refused(path, "claims to hold more")
    rows_file(tmp_path / "rows")
    tensors = read_rows(tmp_path / "rows")
    tensors["w.size"] = tensors["w.shape"] = torch.tensor([2, 10**12])
    save_file({k: v.clone() for k, v in tensors.items()}, tmp_path / "wide.safetensors")
    refused(tmp_path / "wide.safetensors", "claims to hold more")
    torch.save({"w": torch.zeros(1).expand(10**6, 10**6)}, tmp_path / "expanded.pt")
    refused(tmp_path / "expanded.pt", "claims to hold more")


def read_rows(path):
    from safetensors.torch import load_file

    return load_file(path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("w.crow_indices", [0, 2, 1], "are invalid"),
        ("w.crow_indices", [0, 1, 3], "do not fit"),
        ("w.col_indices", [1, 7], "outside"),
        ("w.col_indices", [-1, 0], "outside"),
        ("w.shape", [3, 3], "shape"),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path, name, value, said):
    rows_file(tmp_path / "rows")
    tensors = read_rows(tmp_path / "rows")
    tensors[name] = torch.tensor(value, dtype=tensors[name].dtype)
    save_file(tensors, tmp_path / "bad.safetensors")
    refused(tmp_path / "bad.safetensors", said)


def test_a_compressed_archive_is_not_unpacked(tmp_path):
    torch_file(tmp_path / "net.pt")
    with (
        zipfile.ZipFile(tmp_path / "net.pt") as old,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    refused(tmp_path / "bomb.pt", "compressed archive")


def test_onnx_weights_in_another_file_are_not_fetched(tmp_path):
    tensor = onnx.TensorProto(name="w", dims=[2], data_type=1, data_location=1)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret"
    graph = helper.make_graph([], "g", [], [], initializer=[tensor])
    (tmp_path / "net.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    refused(tmp_path / "net.onnx", "another file, which is not opened")


FUZZ = """
import random, sys
from pathlib import Path
from snip_gui.core.weight_files.reading import read_checkpoint
from snip_gui.core.base.errors import UserError
import onnx
files = [Path(name).read_bytes() for name in sys.argv[2:]]
place = Path(sys.argv[1])
random.seed(0)
read = 0
for number in range(10_000):
    data = bytearray(files[number % len(files)])
    for _ in range(random.choice((1, 1, 2, 8))):
        at = random.randrange(len(data)) if random.random() < 0.5 else random.randrange(
            min(len(data), 300))
        kind = random.randrange(5)
        if kind == 0:
            data[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            data[at] = random.choice((0, 255, 127, 128, ord("9")))
        elif kind == 2:
            del data[at : at + random.randrange(1, 40)]
        elif kind == 3:
            data[at:at] = random.choice((b"9" * 12, bytes(8), data[at : at + 30]))
        else:
            data = data[: at + 1]
        if not data:
            data = bytearray(b"x")
    place.write_bytes(data)
    try:
        read_checkpoint(place)
        read += 1
    except UserError as error:
        assert place.name in str(error), error
# Of this process alone: what resource tells begins with that of the process it came from.
status = Path("/proc/self/status").read_text()
print(read, int(status.partition("VmHWM:")[2].split()[0]) * 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_ten_thousand_mutated_files_crash_nothing_and_take_little_memory(tmp_path):
    names = []
    for kind, write in FILES.items():
        names.append(str(tmp_path / kind))
        write(tmp_path / kind)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FUZZ, str(tmp_path / "mutated"), *names],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    read, memory_bytes = map(float, done.stdout.split())
    assert 0 < read < 9_000  # some changes spoil nothing, most do
    assert memory_bytes < 1e9


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (os.mkfifo, "a named pipe"),
        (lambda path: path.symlink_to("/dev/zero"), "a device"),
        (lambda path: path.mkdir(), "a folder"),
    ],
)
def test_a_special_file_is_not_waited_for(tmp_path, make, kind):
    make(tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match=f"it is {kind}, not a regular file"):
        read_checkpoint(tmp_path / "weights.safetensors")


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_eight_bit_numbers_are_not_mistaken_for_weights(tmp_path, kind):
    path = tmp_path / "net.pt"
    torch.save({"fc1.weight": torch.ones(3, 4).to(kind)}, path)
    with pytest.raises(UserError, match=r"“fc1\.weight” is stored as float8"):
        read_checkpoint(path)


def test_whole_numbers_may_be_a_buffer(tmp_path):
    path = tmp_path / "net.pt"
    table = torch.arange(4, dtype=torch.int32).reshape(2, 2)
    torch.save({"fc1.weight": torch.ones(3, 4), "table": table}, path)
    assert torch.equal(read_checkpoint(path).state["table"], table)


def test_programs_are_called_what_they_are(tmp_path):
    net = torch.nn.Sequential(torch.nn.Linear(4, 2))
    exported = torch.export.export(net, (torch.zeros(2, 4),))
    torch.export.save(exported, tmp_path / "net.pt2")
    with pytest.raises(UserError, match=r"torch\.export"):
        read_checkpoint(tmp_path / "net.pt2")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "model.net."])
def test_prefixes_of_wrappers_go_only_where_names_fit_without(tmp_path, prefix):
    path = tmp_path / "net.pt"
    names = {"fc1.weight", "fc1.bias"}
    torch.save({prefix + name: torch.ones(2) for name in names}, path)
    found = read_checkpoint(path)
    assert found.fitted(names).state.keys() == names
    own = {prefix + name for name in names}
    assert found.fitted(own).state.keys() == own
    assert found.fitted({"other.weight"}).state == found.state
    torch.save({"module.fc1.weight": torch.ones(2), "n_averaged": torch.tensor(5)}, path)
    assert read_checkpoint(path).fitted({"fc1.weight"}).state.keys() == {"fc1.weight"}
