from __future__ import annotations

import numpy as np
import pytest
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.tensors import as_tensor, load_tensors, save_tensors


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
