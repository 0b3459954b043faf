from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.download import sources
from snip_gui.core.data.download.sources import Part
from snip_gui.core.data.sets.loading import load_images
from snip_gui.core.data.sets.torchvision_sets import load_cifar
from tests.core.data.loopback import md5


@pytest.fixture
def fake_cifar(tmp_path, monkeypatch):
    """Files in the layout of the distribution, with few images; their hashes are not asked for."""
    from torchvision import datasets

    write_cifar(tmp_path)
    monkeypatch.setattr(datasets.CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    return tmp_path


@pytest.fixture
def small_cifar(tmp_path):
    """The same, where hashes matter."""
    write_cifar(tmp_path)
    return tmp_path


def write_cifar(root):
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        data = generator.integers(0, 256, (20, 3072), dtype=np.uint8)
        content = {"data": data, "labels": list(range(10)) * 2}
        (folder / name).write_bytes(pickle.dumps(content))
    names = {"label_names": [f"thing {i}" for i in range(10)]}
    (folder / "batches.meta").write_bytes(pickle.dumps(names))


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


def put_right(folder, monkeypatch, kind):
    """Let the published hashes be those of the files that are there; return the row's parts."""
    described = sources.CIFAR_10.files[0]
    parts = tuple(
        Part(part.path, md5=md5((folder / part.path).read_bytes())) for part in described.parts
    )
    named = {part.path.rpartition("/")[2]: part.md5 for part in parts}
    monkeypatch.setattr(kind, "train_list", [[n, named[n]] for n, _ in kind.train_list])
    monkeypatch.setattr(kind, "test_list", [[n, named[n]] for n, _ in kind.test_list])
    meta = kind.meta | {"md5": named["batches.meta"]}
    monkeypatch.setattr(kind, "meta", meta)
    file = dataclasses.replace(described, parts=parts)
    return dataclasses.replace(sources.CIFAR_10, files=(file,))


@pytest.mark.parametrize("harm", ["half", "swapped", "gone", "label"])
@pytest.mark.parametrize("name", ["data_batch_3", "test_batch", "batches.meta"])
def test_a_bad_file_is_named(small_cifar, monkeypatch, harm, name):
    from torchvision import datasets

    download = put_right(small_cifar, monkeypatch, datasets.CIFAR10)
    path = small_cifar / "cifar-10-batches-py" / name
    content = path.read_bytes()
    match harm:
        case "half":
            path.write_bytes(content[: len(content) // 2])
        case "swapped":
            path.write_bytes(path.with_name("data_batch_1").read_bytes())
        case "gone":
            path.unlink()
        case "label":
            path.write_bytes(pickle.dumps(pickle.loads(content) | {"labels": [200] * 20}))
    said = "is missing" if harm == "gone" else "damaged or a different file"
    with pytest.raises(UserError, match=f"{name}” (is )?{said}") as caught:
        load_cifar(small_cifar, "CIFAR10", "cifar-10-batches-py", "cifar-10", "CIFAR-10", download)
    assert caught.value.field == "data.name"
    assert "download" in caught.value.hint
