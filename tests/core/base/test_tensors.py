from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.tensors import as_tensor, find_aliases, load_tensors, save_tensors


def test_tensors_and_metadata_round_trip(tmp_path):
    tensors = {
        "a": torch.randn(3, 4).T,  # not contiguous
        "b": torch.tensor(5),
        "c": torch.tensor([1, 0], dtype=torch.uint8),
    }
    save_tensors(tmp_path / "x.safetensors", tensors, {"step": 3, "names": ["é"]})
    found, metadata = load_tensors(tmp_path / "x.safetensors")
    assert metadata == {"step": 3, "names": ["é"]}
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert all(found[name].dtype == tensors[name].dtype for name in tensors)


@pytest.mark.parametrize("content", [None, b"", b"xx", b"\x08" + bytes(7) + b"{"])
def test_a_missing_or_damaged_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "x.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.safetensors"):
        load_tensors(path)


def test_a_tensor_owns_its_memory():
    array = np.arange(4)
    tensor = as_tensor(array)
    array[0] = 9
    assert tensor.tolist() == [0, 1, 2, 3]


KILLED = """
import os, sys
from pathlib import Path

import safetensors.torch
import torch

from snip_gui.core.base.tensors import save_tensors


def save_file(tensors, path, metadata):
    for name in (".tmpXYZ", Path(path).name):
        Path(path).with_name(name).write_bytes(b"half")
    os._exit(9)


safetensors.torch.save_file = save_file
save_tensors(Path(sys.argv[1]), {"a": torch.ones(2)})
"""


def test_nothing_is_left_of_a_writer_that_was_killed(tmp_path):
    path = tmp_path / "x.safetensors"
    save_tensors(path, {"a": torch.zeros(2)})
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == 9
    assert load_tensors(path)[0]["a"].tolist() == [0, 0]
    save_tensors(path, {"a": torch.full((2,), 3.0)})
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert load_tensors(path)[0]["a"].tolist() == [3, 3]


def test_names_of_one_tensor_are_noted_though_each_has_a_copy(tmp_path):
    shared = torch.arange(6.0).reshape(2, 3)
    tensors = {"a": shared, "b": shared, "c": shared.T, "d": shared.clone(), "e": torch.zeros(0)}
    assert find_aliases(tensors) == {"b": "a"}
    save_tensors(tmp_path / "x.safetensors", tensors, {"step": 3})
    found, metadata = load_tensors(tmp_path / "x.safetensors")
    assert metadata == {"step": 3, "shared": {"b": "a"}}
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    save_tensors(tmp_path / "y.safetensors", {"a": shared})
    assert load_tensors(tmp_path / "y.safetensors")[1] == {}
