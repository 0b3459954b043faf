from __future__ import annotations

import builtins
import dataclasses
import sys

import numpy as np
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.download import sources
from snip_gui.core.data.download.sources import Part
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.data.sets.loading import load_images
from snip_gui.core.data.sets.torchvision_sets import load_svhn
from tests.core.data.loopback import md5


@pytest.fixture
def svhn(tmp_path, monkeypatch):
    """Small files as SVHN's, whose hashes torchvision is told to expect; returns folder, row."""
    from scipy.io import savemat
    from torchvision import datasets

    generator = np.random.default_rng(0)
    files, splits = [], {}
    for described in sources.SVHN.files:
        pixels_HWCN = generator.integers(0, 256, (32, 32, 3, 20), dtype=np.uint8)
        labels_N1 = np.tile(np.arange(1, 11, dtype=np.uint8), 2)[:, None]  # 10 is the digit 0
        path = tmp_path / described.name
        savemat(path, {"X": pixels_HWCN, "y": labels_N1})
        digest = md5(path.read_bytes())
        part = Part(described.name, path.stat().st_size, digest)
        files.append(dataclasses.replace(described, parts=(part,)))
        splits[described.name.partition("_")[0]] = [described.urls[0], described.name, digest]
    monkeypatch.setattr(datasets.SVHN, "split_list", splits)
    return tmp_path, dataclasses.replace(sources.SVHN, files=tuple(files))


def read(svhn):
    return load_svhn(svhn[0], "svhn", "SVHN", svhn[1])


def test_images_have_their_channels_first_and_ten_is_the_digit_zero(svhn):
    from scipy.io import loadmat

    images = read(svhn)
    pixels_HWCN = loadmat(svhn[0] / "train_32x32.mat")["X"]
    assert images.image_shape == (3, 32, 32)
    assert images.classes == tuple("0123456789")
    assert images.train_labels_N[:10].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    np.testing.assert_array_equal(
        images.train_images.images_NCHW[3], pixels_HWCN[..., 3].transpose(2, 0, 1)
    )
    assert len(images.test_labels_N) == 20


def test_the_row_reads_through_the_catalogue(svhn):
    assert load_images("svhn", svhn[0]).name == "svhn"
    assert DATASETS["svhn"].download.size_bytes == 246_316_178


@pytest.mark.parametrize("name", ["train_32x32.mat", "test_32x32.mat"])
def test_a_half_file_is_named(svhn, name):
    path = svhn[0] / name
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=f"{name}” is truncated: 1,000 bytes"):
        read(svhn)


def test_swapped_files_are_named(svhn):
    train, test = svhn[0] / "train_32x32.mat", svhn[0] / "test_32x32.mat"
    content = train.read_bytes()
    train.write_bytes(test.read_bytes())
    test.write_bytes(content)
    with pytest.raises(UserError, match=r"train_32x32.mat” is (damaged|truncated|too long)"):
        read(svhn)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"train_32x32\.mat” is missing") as caught:
        load_images("svhn", tmp_path)
    assert caught.value.field == "data.name"
    with pytest.raises(UserError, match="needs a data folder"):
        load_images("svhn", None)


def test_without_scipy_the_remedy_is_named(svhn, monkeypatch):
    real_import = builtins.__import__

    def refuse(name, *rest, **more):
        if name.partition(".")[0] == "scipy":
            raise ModuleNotFoundError("No module named 'scipy'")
        return real_import(name, *rest, **more)

    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UserError, match="need SciPy") as caught:
        read(svhn)
    assert "pip install 'snip-gui[svhn]'" in caught.value.hint


def test_the_description_agrees_with_torchvision():
    from torchvision import datasets

    for file in sources.SVHN.files:
        url, name, digest = datasets.SVHN.split_list[file.name.partition("_")[0]]
        assert (file.urls, file.name, file.md5) == ((url,), name, digest)
