from __future__ import annotations

import builtins
import os
import struct
import sys

import numpy as np
import pytest
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine.optional_packages import import_torchvision
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.data.sets.loading import load_images

FILES = {  # magic number, items, bytes of an item, as the distribution has them
    "train-images-idx3-ubyte": (2051, 60_000, 784),
    "train-labels-idx1-ubyte": (2049, 60_000, 1),
    "t10k-images-idx3-ubyte": (2051, 10_000, 784),
    "t10k-labels-idx1-ubyte": (2049, 10_000, 1),
}


def load_mnist(folder):
    return load_images("mnist", folder)


@pytest.fixture
def fake_mnist(tmp_path):
    """A folder with files of the right sizes and beginnings; sparse, so that they cost nothing."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, (magic, number, size) in FILES.items():
        header = struct.pack(">II", magic, number)
        if magic == 2051:
            header += struct.pack(">II", 28, 28)
        with (raw / name).open("wb") as file:
            file.write(header + b"\x07")  # one byte that is not zero, so that pixels differ
            file.truncate(len(header) + number * size)
    return tmp_path / "data"


def raw_file(folder, name):
    return folder / "MNIST" / "raw" / name


def test_no_folder_is_refused():
    with pytest.raises(UserError, match="needs a data folder") as caught:
        load_images("mnist", None)
    assert caught.value.field == "data.name"
    assert "MNIST/raw" in caught.value.hint


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(fake_mnist, name):
    raw_file(fake_mnist, name).unlink()
    with pytest.raises(UserError, match=name) as caught:
        load_mnist(fake_mnist)
    assert caught.value.field == "data.name"


def test_a_file_still_packed_is_pointed_out(fake_mnist):
    path = raw_file(fake_mnist, "t10k-labels-idx1-ubyte")
    path.rename(path.with_name(path.name + ".gz"))
    with pytest.raises(UserError) as caught:
        load_mnist(fake_mnist)
    assert "Unpack “t10k-labels-idx1-ubyte.gz”" in caught.value.hint


def test_a_folder_of_another_kind_is_refused(tmp_path):
    with pytest.raises(UserError, match="train-images"):
        load_mnist(tmp_path / "nowhere")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("change", "word"), [(-1, "truncated"), (1, "too long")])
def test_a_file_of_the_wrong_length_is_named(fake_mnist, name, change, word):
    path = raw_file(fake_mnist, name)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + change)
    with pytest.raises(UserError, match=f"{name}.* is {word}"):
        load_mnist(fake_mnist)


def test_an_empty_file_is_truncated(fake_mnist):
    raw_file(fake_mnist, "train-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte.*truncated"):
        load_mnist(fake_mnist)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_begins_wrongly_is_named(fake_mnist, name):
    with raw_file(fake_mnist, name).open("r+b") as file:
        file.write(b"<htm")
    with pytest.raises(UserError, match=f"{name}” is damaged"):
        load_mnist(fake_mnist)


def test_damaged_labels_are_refused(fake_mnist):
    with raw_file(fake_mnist, "train-labels-idx1-ubyte").open("r+b") as file:
        file.seek(8)
        file.write(b"\xc8")  # a class 200
    with pytest.raises(UserError, match=r"train-labels-idx1.* labels run from 0 to 200"):
        load_mnist(fake_mnist)


def test_swapped_files_are_named(fake_mnist):
    """The training labels in the place of the test labels, and the other way about."""
    train, test = (raw_file(fake_mnist, f"{part}-labels-idx1-ubyte") for part in ("train", "t10k"))
    aside = train.with_name("aside")
    train.rename(aside)
    test.rename(train)
    aside.rename(test)
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte.*truncated"):
        load_mnist(fake_mnist)


def test_files_in_torchvisions_layout_are_read(fake_mnist):
    images = load_mnist(fake_mnist)
    assert images.train_images.images_NCHW.shape == (60_000, 1, 28, 28)
    assert images.test_images.images_NCHW.shape == (10_000, 1, 28, 28)
    assert images.train_images.images_NCHW[0, 0, 0, 0] == 7
    assert images.train_labels_N[:2].tolist() == [7, 0]


@pytest.mark.parametrize(
    "error",
    [RuntimeError("operator torchvision::nms does not exist"), ImportError("no"), OSError("lib")],
)
def test_a_torchvision_that_cannot_be_imported_spoils_nothing_else(fake_mnist, monkeypatch, error):
    real_import = builtins.__import__

    def refuse(name, *rest, **more):
        if name.partition(".")[0] == "torchvision":
            raise error
        return real_import(name, *rest, **more)

    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UserError, match="torchvision cannot be imported") as caught:
        import_torchvision("datasets", field="data.name")
    assert load_mnist(fake_mnist).classes == tuple("0123456789")
    assert str(error) in caught.value.message
    assert "pip install" in caught.value.hint
    assert len(load_digits().train_labels_N) == 1397


@pytest.mark.parametrize(
    ("name", "kind"),
    [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")],
)
def test_classes_are_named_as_torchvision_names_them(fake_mnist, name, kind):
    (fake_mnist / "MNIST").rename(fake_mnist / kind)
    theirs = getattr(import_torchvision("datasets", field="data.name"), kind).classes
    assert load_images(name, fake_mnist).classes == tuple(c.split(" - ")[0] for c in theirs)


def test_other_files_than_those_that_were_checked_are_not_read(fake_mnist):
    """torchvision prefers those of its own older releases, whatever they hold."""
    processed = fake_mnist / "MNIST" / "processed"
    processed.mkdir()
    images, labels = torch.zeros(9, 28, 28, dtype=torch.uint8), torch.zeros(9, dtype=torch.int64)
    for name in ("training.pt", "test.pt"):
        torch.save((images, labels), processed / name)
    assert load_mnist(fake_mnist).train_labels_N[:2].tolist() == [7, 0]
    assert len(load_mnist(fake_mnist).train_labels_N) == 60_000


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_special_files_are_refused(fake_mnist, name, make):
    raw_file(fake_mnist, name).unlink()
    make(raw_file(fake_mnist, name))
    with pytest.raises(UserError, match=rf"{name}” cannot be read: it is a .*, not a regular file"):
        load_mnist(fake_mnist)


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("cifar-10", "cifar-10-batches-py/data_batch_1"),
        ("cifar-100", "cifar-100-python/train"),
        ("svhn", "train_32x32.mat"),
    ],
)
def test_special_files_are_not_given_to_torchvision(tmp_path, name, inside):
    (tmp_path / inside).parent.mkdir(exist_ok=True)
    os.mkfifo(tmp_path / inside)
    with pytest.raises(UserError, match=f"{inside}” cannot be read: it is a named pipe"):
        load_images(name, tmp_path)


@pytest.mark.mnist
def test_mnist_is_read_whole(mnist_folder):
    images = load_mnist(mnist_folder)
    assert images.train_images.images_NCHW.shape == (60_000, 1, 28, 28)
    assert np.bincount(images.test_labels_N).sum() == 10_000
    # The constants that every port quotes.
    assert images.mean_C[0] == pytest.approx(0.1307, abs=5e-5)
    assert images.deviation_C[0] == pytest.approx(0.3081, abs=5e-5)
