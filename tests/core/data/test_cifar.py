from __future__ import annotations

import pickle

import numpy as np
import pytest

from snip_gui.core.data.loading import load_images
from snip_gui.core.errors import UserError


@pytest.fixture
def fake_cifar(tmp_path, monkeypatch):
    """Files in the layout of the distribution, with few images; their hashes are not asked for."""
    from torchvision import datasets

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        data = generator.integers(0, 256, (20, 3072), dtype=np.uint8)
        content = {"data": data, "labels": list(range(10)) * 2}
        (folder / name).write_bytes(pickle.dumps(content))
    names = {"label_names": [f"thing {i}" for i in range(10)]}
    (folder / "batches.meta").write_bytes(pickle.dumps(names))
    monkeypatch.setattr(datasets.CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    return tmp_path


def test_colour_images_have_their_channels_first(fake_cifar):
    images = load_images("cifar-10", fake_cifar)
    assert images.image_shape == (3, 32, 32)
    assert len(images.train_labels_N) == 100
    assert images.classes[3] == "thing 3"
    content = pickle.loads((fake_cifar / "cifar-10-batches-py" / "data_batch_1").read_bytes())
    np.testing.assert_array_equal(
        images.train_images.images_NCHW[0], content["data"][0].reshape(3, 32, 32)
    )
    assert len(images.mean_C) == 3


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="cifar-100-python") as caught:
        load_images("cifar-100", tmp_path)
    assert caught.value.field == "data.name"


def test_damaged_files_are_told_with_the_remedy(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(b"x")
    with pytest.raises(UserError, match="CIFAR-10 in") as caught:
        load_images("cifar-10", tmp_path)
    assert "CIFAR10(download=True)" in caught.value.hint
