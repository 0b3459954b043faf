"""Files of masks from strangers: each is read, or refused by a sentence that names the tensor."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from snip_gui.core.base.errors import UserError
from snip_gui.core.weight_files.masks.mask_files import read_masks

SHAPES = {"fc.weight": (3, 4), "fc.bias": (3,), "out.weight": (2, 3)}
WEIGHT = np.arange(12).reshape(3, 4) % 2
OUT = np.ones((2, 3))


def read(path):
    return read_masks(path, SHAPES, "Tiny")


def refusal(path):
    with pytest.raises(UserError) as caught:
        read(path)
    assert caught.value.hint
    return caught.value.message


def save(path, **arrays):
    arrays = {name.replace("__", "."): array for name, array in arrays.items()}
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, path)
    return path


@pytest.mark.parametrize("name", ["masks.npz", "masks.safetensors"])
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float16, np.float32])
def test_masks_of_any_number_type_are_read(tmp_path, name, dtype):
    path = save(tmp_path / name, fc__weight=WEIGHT.astype(dtype), out__weight=OUT.astype(dtype))
    masks = read(path)
    assert {name: mask.dtype for name, mask in masks.items()} == {
        "fc.weight": np.bool_, "out.weight": np.bool_
    }  # fmt: skip
    assert np.array_equal(masks["fc.weight"], WEIGHT == 1)


def test_the_format_is_that_of_the_contents(tmp_path):
    path = save(tmp_path / "masks.npz", fc__weight=WEIGHT).rename(tmp_path / "masks.safetensors")
    assert np.array_equal(read(path)["fc.weight"], WEIGHT == 1)


def test_names_of_torch_prune_are_understood(tmp_path):
    assert set(read(save(tmp_path / "m.npz", fc__weight_mask=WEIGHT))) == {"fc.weight"}


def test_a_single_array_is_every_parameter_every_weight_or_the_one_of_its_shape(tmp_path):
    path = tmp_path / "masks.npy"
    np.save(path, np.arange(21) % 2)
    masks = read(path)
    assert {name: mask.shape for name, mask in masks.items()} == SHAPES
    assert masks["fc.bias"].tolist() == [False, True, False]
    np.save(path, np.arange(18) % 2)
    assert read(path).keys() == {"fc.weight", "out.weight"}
    np.save(path, WEIGHT)
    assert np.array_equal(read(path)["fc.weight"], WEIGHT == 1)
    np.save(path, np.ones(5))
    assert "one array of the shape 5" in refusal(path)


@pytest.mark.parametrize("name", ["masks.npz", "masks.safetensors"])
@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"fc__weight": WEIGHT.T}, "“fc.weight” in “masks"),
        ({"fc__weight": WEIGHT * 0.5}, "holds 0.5, which is neither 0 nor 1"),
        ({"fc__weight": np.where(WEIGHT, np.nan, 1)}, "holds nan, which is neither"),
        ({"fc__weight": WEIGHT * 2}, "holds 2, which is neither"),
        ({"fc__weight": -WEIGHT}, "holds -1, which is neither"),
        ({"conv1__weight": WEIGHT}, "“conv1.weight” in “masks"),
        ({"fc__weight": WEIGHT, "fc__weight_mask": WEIGHT}, "two masks of “fc.weight”"),
        ({}, "holds no masks"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path, name, arrays, words):
    assert words in refusal(save(tmp_path / name, **arrays))


@pytest.mark.parametrize("values", [WEIGHT.astype(complex), WEIGHT.astype("U1")])
def test_values_that_are_not_numbers_are_refused_by_name(tmp_path, values):
    assert "“fc.weight” in “m.npz” holds values of type" in refusal(
        save(tmp_path / "m.npz", fc__weight=values)
    )


def test_pickles_are_not_opened(tmp_path):
    path = tmp_path / "m.npz"
    np.savez(path, **{"fc.weight": np.full((3, 4), print, dtype=object)})
    assert "“fc.weight” in “m.npz” holds values of type object" in refusal(path)
    np.save(tmp_path / "m.npy", {"fc.weight": WEIGHT}, allow_pickle=True)
    assert "m.npy" in refusal(tmp_path / "m.npy")


def test_an_archive_that_claims_a_huge_array_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "m.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"shape": (1 << 20, 1 << 20), "fortran_order": False, "descr": "<f8"}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fc.weight.npy", header.getvalue())
    assert "1048576 x 1048576" in refusal(path)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 480]},
        {"dtype": "F32", "shape": [3, 4], "data_offsets": [-48, 0]},
        {"dtype": "F32", "shape": [3, 4]},
        {"dtype": "F32", "shape": [3, 4], "data_offsets": "ab"},
        {"dtype": "F32", "shape": 3, "data_offsets": [0, 48]},
        {"dtype": ["F32"], "shape": [3, 4], "data_offsets": [0, 48]},
        [],
        None,
    ],
)
def test_headers_that_lie_are_refused(tmp_path, entry):
    header = json.dumps({"fc.weight": entry}).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(48))
    assert "m.safetensors" in refusal(path)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 8, b"\xff" * 64, b"PK\x03\x04" + b"\0" * 40, b"\x93NUMPY\x01\x00", b"[]" * 40,
     struct.pack("<Q", 200_000) + b"[" * 200_000],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, data):
    path = tmp_path / "m.npz"
    path.write_bytes(data)
    assert "“m.npz” cannot be read as masks" in refusal(path)


def test_what_is_not_a_file_is_refused(tmp_path):
    assert "cannot be read" in refusal(tmp_path)
    assert "cannot be read" in refusal(tmp_path / "absent")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert "cannot be read" in refusal(tmp_path / "pipe")
