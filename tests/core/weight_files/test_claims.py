"""Small files that stand for much: all tensors together have to fit."""

from __future__ import annotations

import json
import struct

import pytest
import torch
from safetensors.torch import save_file

from snip_gui.core.base.errors import UserError
from snip_gui.core.weight_files.claims import claimed_bytes, refuse_claims
from snip_gui.core.weight_files.reading import read_checkpoints

MB = 1024**2
SIDE = 1024
NUM_TENSORS = 8  # of 4 MB each in single precision


def expanded(kind=torch.float32):
    """A matrix of one number: 4 bytes in a file, 4 MB once it is copied."""
    return torch.ones(1, dtype=kind).expand(SIDE, SIDE)


def state_file(path):
    torch.save({f"w{n}": expanded() for n in range(NUM_TENSORS)}, path)


def half_file(path):
    torch.save({f"w{n}": expanded(torch.float16) for n in range(NUM_TENSORS)}, path)


def nested_file(path):
    torch.save({f"net{n}": {"w": expanded()} for n in range(NUM_TENSORS)}, path)


def prune_file(path):
    parts = [(f"w{n}_orig", f"w{n}_mask") for n in range(NUM_TENSORS)]
    torch.save({name: expanded() for pair in parts for name in pair}, path)


def rows_file(path):
    tensors = {}
    for n in range(NUM_TENSORS):
        tensors |= {
            f"w{n}.crow_indices": torch.zeros(SIDE + 1, dtype=torch.int32),
            f"w{n}.col_indices": torch.zeros(0, dtype=torch.int32),
            f"w{n}.values": torch.zeros(0),
            f"w{n}.size": torch.tensor([SIDE, SIDE]),
            f"w{n}.shape": torch.tensor([SIDE, SIDE]),
        }
    save_file(tensors, path)


def packed_file(path):
    tensors = [
        {"name": f"w{n}", "shape": [SIDE, SIDE], "dtype": "<f4", "kept": 0}
        for n in range(NUM_TENSORS)
    ]
    header = json.dumps({"tensors": tensors}).encode()
    bits = bytes(SIDE * SIDE // 8) * NUM_TENSORS
    path.write_bytes(struct.pack("<8sII", b"SNIPPACK", 1, len(header)) + header + bits)


FILES = [state_file, half_file, nested_file, prune_file, rows_file, packed_file]


@pytest.mark.parametrize("write", FILES)
def test_all_tensors_of_a_file_together_have_to_fit_in_memory(tmp_path, write):
    write(tmp_path / "net")
    assert read_checkpoints(tmp_path / "net", free_bytes=1024 * MB)
    # Enough for any of the tensors, but not for all.
    with pytest.raises(UserError, match=r"need .* of memory, and 8\.39 MB are free"):
        read_checkpoints(tmp_path / "net", free_bytes=8 * MB)


@pytest.mark.parametrize("write", [state_file, half_file, nested_file, prune_file, rows_file])
def test_all_tensors_of_a_file_together_have_to_be_plausible(tmp_path, write, monkeypatch):
    monkeypatch.setattr("snip_gui.core.weight_files.claims._ALWAYS_BYTES", 8 * MB)
    monkeypatch.setattr("snip_gui.core.weight_files.claims._MOST_TIMES", 2)
    write(tmp_path / "net")
    with pytest.raises(UserError, match="claims to hold more than fits in it"):
        read_checkpoints(tmp_path / "net", free_bytes=1024 * MB)


def test_a_file_that_is_itself_too_large_is_refused(tmp_path):
    save_file({"w": torch.zeros(SIDE, SIDE)}, tmp_path / "net.safetensors")
    with pytest.raises(UserError, match="are free"):
        read_checkpoints(tmp_path / "net.safetensors", free_bytes=MB)


def test_claims_are_summed():
    refuse_claims([60, 40], 1, 100)
    with pytest.raises(ValueError, match="need 101 bytes"):
        refuse_claims([60, 41], 1, 100)
    assert claimed_bytes((0, 10**9), 4) == 4 * 10**9
    for shape in ((-1,), (1,) * 65):
        with pytest.raises(ValueError, match="impossible shape"):
            claimed_bytes(shape, 4)
