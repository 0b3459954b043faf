from __future__ import annotations

import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.base.events import Note
from snip_gui.core.data.sets import arrays
from snip_gui.core.data.sets.arrays import load_arrays
from snip_gui.core.data.sets.loading import load_images

GENERATOR = np.random.default_rng(0)
GREY = GENERATOR.integers(0, 256, (40, 6, 5), dtype=np.uint8)
COLOUR = GENERATOR.integers(0, 256, (40, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(40) % 4
HUGE = np.uint64(2**64 - 1)


def read(path):
    """Return the set and what was noted."""
    notes, steps = [], load_arrays(path, CancelToken())
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            return end.value, notes
        if isinstance(event, Note):
            notes.append(event.text)


@pytest.fixture
def saved(tmp_path):
    def save(**arrays):
        np.savez(tmp_path / "set.npz", **arrays)
        return tmp_path / "set.npz"

    return save


def both_parts(images_NCHW):
    """All images of a set, in the order in which they were saved."""
    return np.concatenate(
        [images_NCHW.train_images.images_NCHW, images_NCHW.test_images.images_NCHW]
    )


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY, GREY[:, None]),
        (GREY[..., None], GREY[:, None]),
        (GREY[:, None], GREY[:, None]),
        (COLOUR, COLOUR.transpose(0, 3, 1, 2)),
        (COLOUR.transpose(0, 3, 1, 2), COLOUR.transpose(0, 3, 1, 2)),
    ],
    ids=["NHW", "NHW1", "N1HW", "NHW3", "N3HW"],
)
def test_every_layout_becomes_channels_first(saved, array, expected):
    images, _ = read(saved(X_train=array, y_train=LABELS, X_test=array, y_test=LABELS))
    np.testing.assert_array_equal(images.train_images.images_NCHW, expected)
    np.testing.assert_array_equal(images.test_images.images_NCHW, expected)
    assert images.name == "arrays"
    assert images.title == "Arrays “set.npz”"


@pytest.mark.parametrize(
    "names",
    [
        ("X", "y"),
        ("images", "labels"),
        ("data", "target"),
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_common_names_are_known(saved, names):
    images, _ = read(saved(**dict(zip(names, (GREY, LABELS) * 2, strict=False))))
    assert len(images.train_labels_N) == (40 if len(names) == 4 else 32)


def test_what_is_not_used_is_reported(saved):
    pair = {"train_images": GREY, "train_labels": LABELS, "val_images": GREY}
    assert any("ignored val_images" in note for note in read(saved(**pair))[1])


def test_without_a_test_part_a_fixed_fifth_of_each_class_is_one(saved):
    path = saved(X=GREY, y=LABELS)
    images, notes = read(path)
    assert np.bincount(images.test_labels_N).tolist() == [2, 2, 2, 2]
    assert any("fixed fifth of each class, 8 images" in note for note in notes)
    again, _ = read(path)
    np.testing.assert_array_equal(images.test_images.images_NCHW, again.test_images.images_NCHW)


def test_the_fifth_is_that_of_a_folder_of_images(saved, tmp_path):
    from PIL import Image

    images, _ = read(saved(X=GREY, y=LABELS // 2 * 2 // 2))
    for number, (pixels_HW, label) in enumerate(zip(GREY, LABELS // 2, strict=True)):
        folder = tmp_path / "images" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels_HW).save(folder / f"{number:02d}.png")
    folder = load_images("folder", tmp_path / "images")
    assert {p.tobytes() for p in folder.test_images.images_NCHW} == {
        p.tobytes() for p in images.test_images.images_NCHW
    }


@pytest.mark.parametrize("path_of", ["X.npy", "y.npy", ""], ids=["images", "labels", "folder"])
def test_a_pair_of_files_is_read_by_either_or_by_their_folder(tmp_path, path_of):
    np.save(tmp_path / "X.npy", GREY)
    np.save(tmp_path / "y.npy", LABELS)
    images, _ = read(tmp_path / path_of)
    assert images.image_shape == (1, 6, 5)


def test_the_pair_of_the_chosen_file_is_taken(tmp_path):
    for name, array in (("X", GREY), ("y", LABELS), ("images", COLOUR), ("labels", LABELS)):
        np.save(tmp_path / f"{name}.npy", array)
    assert read(tmp_path / "images.npy")[0].image_shape == (3, 6, 5)
    assert read(tmp_path / "X.npy")[0].image_shape == (1, 6, 5)


def one_row(values, dtype):
    """Images of two pixels: a value of the list and the first of it."""
    values = np.array(values, dtype)
    return np.stack([values, np.full_like(values, values[0])], axis=1)[:, None]


@pytest.mark.parametrize(
    ("values", "dtype", "expected", "said"),
    [
        ([0, 7, 16, 255], np.uint8, [0, 7, 16, 255], None),
        ([0, 4, 8, 16], np.uint8, [0, 64, 128, 255], "0 to 16 are mapped to 0 to 255"),
        ([0, 1, 1, 0], np.uint8, [0, 255, 255, 0], "0 to 1 are mapped to 0 to 255"),
        ([0, 0.5, 1, 1], np.float32, [0, 128, 255, 255], "0 to 1 are mapped to 0 to 255"),
        ([False, True, True, False], bool, [0, 255, 255, 0], "0 to 1 are mapped"),
        ([0, 1, 1, 0], np.int8, [0, 255, 255, 0], "0 to 1 are mapped"),
        ([0, 7, 16, 255], np.float64, [0, 7, 16, 255], "used unchanged"),
        ([0, 7, 16, 255], np.int64, [0, 7, 16, 255], "from 0 to 255 and used unchanged"),
        ([0, 4, 8, 16], np.int32, [0, 64, 128, 255], "0 to 16 are mapped to 0 to 255"),
        ([0, 7, 16, 128], np.int64, [0, 7, 16, 128], "from 0 to 128 and used unchanged"),
        ([0, 4.5, 9, 18], np.float16, [0, 64, 128, 255], "0 to 18 are mapped to 0 to 255"),
        ([-1, -0.5, 0, 1], np.float32, [0, 64, 128, 255], "-1 to 1 are mapped to 0 to 255"),
        ([-100, 0, 27, 155], np.int16, [0, 100, 127, 255], "-100 to 155 are mapped"),
        ([0, 32768, 65535, 1], np.uint16, [0, 128, 255, 0], "0 to 65535 are mapped"),
        ([0, 2**63, 2**64 - 1, 0], np.uint64, [0, 128, 255, 0], "are mapped"),
        ([-1e308, 0, 1e308, 0], np.float64, [0, 128, 255, 128], "are mapped"),
    ],
)
def test_values_become_bytes_and_the_log_says_how(saved, values, dtype, expected, said):
    pixels = one_row(values, dtype)
    labels = np.array([0, 1, 0, 1])
    images, notes = read(saved(x_train=pixels, y_train=labels, x_test=pixels, y_test=labels))
    assert images.train_images.images_NCHW[:, 0, 0, 0].tolist() == expected
    assert images.train_images.images_NCHW.dtype == np.uint8
    if said is None:
        assert notes == []
    else:
        assert said in notes[0]


def test_test_images_are_mapped_as_training_images_are(saved):
    train, test = one_row([-1.0, 0, 1, 1], "f4"), one_row([0.0, -5, 5, 1], "f4")
    labels = np.array([0, 1, 0, 1])
    images, _ = read(saved(x_train=train, y_train=labels, x_test=test, y_test=labels))
    assert images.test_images.images_NCHW[:, 0, 0, 0].tolist() == [128, 0, 255, 255]


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (np.arange(40) % 4, ("0", "1", "2", "3"), [0, 1, 2, 3]),
        (np.arange(40) % 4 + 1, ("1", "2", "3", "4"), [0, 1, 2, 3]),
        ((np.arange(40) % 4)[:, None], ("0", "1", "2", "3"), [0, 1, 2, 3]),
        ((np.arange(40) % 4).astype(np.float32), ("0", "1", "2", "3"), [0, 1, 2, 3]),
        ((np.arange(40) % 2).astype(bool), ("0", "1"), [0, 1, 0, 1]),
        (np.eye(4)[np.arange(40) % 4], ("0", "1", "2", "3"), [0, 1, 2, 3]),
        (np.eye(5, dtype=np.uint8)[np.arange(40) % 4 + 1], tuple("01234"), [1, 2, 3, 4]),
        (np.array(["犬", "chat", "ape", "ape"] * 10), ("ape", "chat", "犬"), [2, 1, 0, 0]),
        (np.array([b"b", b"a", b"b", b"b"] * 10), ("a", "b"), [1, 0, 1, 1]),
        (np.array([0, 3, 0, 3] * 10, np.uint64), ("0", "1", "2", "3"), [0, 3, 0, 3]),
    ],
)
def test_labels_of_every_kind_count_from_zero(saved, labels, classes, expected):
    images, _ = read(saved(x_train=GREY, y_train=labels, x_test=GREY, y_test=labels))
    assert images.classes == classes
    assert images.train_labels_N[:4].tolist() == expected
    assert images.test_labels_N[:4].tolist() == expected


def test_an_image_of_one_pixel_is_read(saved):
    images, _ = read(saved(X=np.arange(40, dtype=np.uint8)[:, None, None], y=LABELS))
    assert images.image_shape == (1, 1, 1)


def test_three_pixels_of_either_meaning_are_reported(saved):
    pixels = GENERATOR.integers(0, 256, (40, 3, 5, 3), dtype=np.uint8)
    images, notes = read(saved(X=pixels, y=LABELS))
    assert images.image_shape == (3, 3, 5)
    assert any("channels last" in note for note in notes)


NAN, INF = GREY.astype(np.float32), GREY.astype(np.float64)
NAN[7, 2, 3] = np.nan
INF[7, 2, 3] = -np.inf


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"X": GREY, "y": LABELS[:39]}, "“X” holds 40 images, but “y” 39 labels"),
        ({"X": GREY, "y": np.int64(3)}, "“y” no labels"),
        ({"X": GREY, "y": np.zeros(40, int)}, "contains only one class, 0"),
        ({"X": GREY[:0], "y": LABELS[:0]}, "holds no images"),
        ({"X": GREY[:, :0], "y": LABELS}, "holds no images"),
        ({"X": GREY.reshape(40, 30), "y": LABELS}, "2 dimensions"),
        ({"X": COLOUR[:, None], "y": LABELS}, "5 dimensions"),
        ({"X": COLOUR[..., :2], "y": LABELS}, "no axis of 1 or 3 channels"),
        ({"X": NAN, "y": LABELS}, "“X” holds nan in image 7, row 2, column 3"),
        ({"X": INF, "y": LABELS}, "“X” holds -inf in image 7"),
        ({"X": GREY.astype(complex), "y": LABELS}, "complex128, not numbers"),
        ({"X": GREY.astype(str), "y": LABELS}, "not numbers"),
        ({"X": np.full_like(GREY, 3.0, float), "y": LABELS}, "all pixels have the same value"),
        ({"X": GREY, "y": LABELS - 1}, "run from -1 to 2"),
        ({"X": GREY, "y": LABELS + 2}, "run from 2 to 5"),
        ({"X": GREY, "y": LABELS * 1_000_000}, "are not class numbers"),
        ({"X": GREY, "y": LABELS + 0.5}, "not whole class"),
        ({"X": GREY, "y": np.where(LABELS == 0, np.nan, 1)}, "not whole class"),
        ({"X": GREY, "y": np.where(LABELS == 0, np.inf, 1)}, "not whole class"),
        ({"X": GREY, "y": np.where(LABELS == 0, HUGE, np.uint64(1))}, "not whole class"),
        ({"X": GREY, "y": LABELS.astype("M8[s]")}, "not whole class"),
        ({"X": GREY, "y": np.ones((40, 3))}, "neither one label per image nor one-hot"),
        ({"X": GREY, "y": np.array([b"\xff", b"a"] * 20)}, "is not text"),
        ({"X": GREY}, "no images with labels; it holds X"),
        ({"pixels": GREY, "y": LABELS}, "it holds pixels, y"),
        ({}, "it holds no arrays"),
        ({"X": GREY, "y": LABELS, "x_test": GREY[:, 1:], "y_test": LABELS}, "are 1x5x5 of"),
        ({"X": GREY, "y": LABELS, "x_test": GREY / 2, "y_test": LABELS}, "of float64, but"),
        ({"X": GREY, "y": LABELS, "x_test": GREY, "y_test": LABELS + 1},
         "Label 3 of “y_test” is 4"),
        ({"X": GREY, "y": LABELS, "x_test": GREY, "y_test": LABELS.astype(str)}, "different kind"),
        (
            {"X": GREY, "y": LABELS.astype(str), "x_test": GREY, "y_test": np.array(["z"] * 40)},
            "Label 0 of “y_test” is z",
        ),
        ({"X": GREY / 2, "y": LABELS, "x_test": NAN.astype(float), "y_test": LABELS},
         "“x_test” holds nan"),
        ({"X": GREY, "y": LABELS, "x_test": GREY, "y_test": LABELS[:3]}, "but “y_test” 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_reported(saved, arrays, said):
    with pytest.raises(UserError) as caught:
        read(saved(**arrays))
    assert said in caught.value.message
    assert caught.value.field in ("data.name", "")
    assert caught.value.hint


class Evil:
    """What would run on unpickling."""

    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def evil_npz(path):
    np.savez(path, X=np.array([Evil()], object), y=LABELS)


def save_bare(path):
    with path.open("wb") as file:
        np.save(file, GREY)


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("set.npz", evil_npz, "pickled Python objects"),
        ("set.npz", lambda p: p.write_bytes(pickle.dumps(Evil())), "pickled Python objects"),
        ("X.npy", lambda p: np.save(p, np.array([Evil()], object)), "pickled Python objects"),
        ("set.npz", lambda p: p.write_text("PNG or so"), "is not a NumPy file"),
        ("set.npz", lambda p: p.write_bytes(b""), "truncated or damaged"),
        ("X.npy", lambda p: p.write_bytes(b"\x93NUMPY\x01\x00"), "truncated or damaged"),
        ("set.npz", save_bare, "one array without a name"),
        ("photo.png", lambda p: p.write_bytes(b"x"), "is not an .npz or .npy file"),
        ("gone.npz", lambda p: None, "No such file"),
        ("gone.npy", lambda p: None, "is missing"),
        ("none/gone.npy", lambda p: None, "cannot be read"),
    ],
)
def test_a_file_that_is_invalid_is_reported(tmp_path, name, write, said):
    np.save(tmp_path / "y.npy", LABELS)
    write(tmp_path / name)
    with pytest.raises(UserError) as caught:
        read(tmp_path / name)
    assert said in caught.value.message
    assert caught.value.field == "data.name"


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_truncated_file_is_reported(saved, share):
    path = saved(X=GREY, y=LABELS)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match="truncated or damaged"):
        read(path)


def test_a_damaged_member_is_reported(saved):
    path = saved(X=GREY, y=LABELS)
    content = bytearray(path.read_bytes())
    content[300] ^= 255
    path.write_bytes(content)
    with pytest.raises(UserError, match="truncated or damaged"):
        read(path)


def test_a_member_that_is_not_an_array_is_reported(tmp_path):
    stream = io.BytesIO()
    np.save(stream, LABELS)
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as file:
        file.writestr("X", b"just text")
        file.writestr("y.npy", stream.getvalue())
    with pytest.raises(UserError, match="not an array"):
        read(tmp_path / "set.npz")


def test_no_file_is_refused():
    with pytest.raises(UserError, match="No array file"):
        load_images("arrays", None)


def test_it_can_be_cancelled(saved):
    cancel = CancelToken()
    steps = load_arrays(saved(X=GREY / 2, y=LABELS), cancel)
    next(steps)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(steps)


# Limits, and files that are not regular


def npy(shape, dtype="|u1", content=b""):
    """The contents of a .npy file that claims a shape."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header = header.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


def zeros_npz(path, **shapes):
    """A small archive of zeros, as large as they claim to be."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, shape in shapes.items():
            file.writestr(f"{name}.npy", npy(shape, content=bytes(int(np.prod(shape)))))
    return path


def test_what_all_arrays_claim_together_is_refused_before_any_is_read(tmp_path, monkeypatch):
    shapes = dict.fromkeys(("x_train", "x_test"), (40000, 5, 5))
    labels = dict.fromkeys(("y_train", "y_test"), (40000,))
    path = zeros_npz(tmp_path / "set.npz", **shapes, **labels)
    needed = 3 * 2 * 40_000 * 26
    reads = []
    whole = np.lib.format.read_array
    monkeypatch.setattr(
        np.lib.format, "read_array", lambda *a, **k: reads.append(a) or whole(*a, **k)
    )
    monkeypatch.setattr(arrays, "available_memory", lambda: needed - 1)
    with pytest.raises(UserError, match=r"needs 6\.24 MB of memory, but 6\.24 MB are free"):
        read(path)
    assert not reads
    monkeypatch.setattr(arrays, "available_memory", lambda: needed)
    with pytest.raises(UserError, match="only one class"):
        read(path)
    assert reads


@pytest.mark.parametrize(
    ("shape", "dtype", "said"),
    [
        ((10**9, 10**9), "|u1", "memory"),
        ((10**30,), "<f8", "memory"),
        ((10**15,), "|V0", "memory"),
        ((-5, 4), "|u1", "shape"),
        ((3, 2), "|O", "pickled"),
        ("(" * 5000, "|u1", "set.npz"),
        ((3, 2), "no type", "truncated or damaged"),
    ],
)
@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_claims_that_cannot_be_are_refused(tmp_path, shape, dtype, said, suffix):
    np.save(tmp_path / "y.npy", LABELS)
    path = tmp_path / ("set.npz" if suffix == ".npz" else "X.npy")
    if suffix == ".npz":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("X.npy", npy(shape, dtype))
            file.write(tmp_path / "y.npy", "y.npy")
    else:
        path.write_bytes(npy(shape, dtype))
    with pytest.raises(UserError) as caught:
        read(path)
    assert said.replace("set.npz", path.name) in caught.value.message


def encrypted(content):
    """The same archive with the mark of encryption on every member."""
    data = bytearray(content)
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(start)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(start, at + 4)
    return bytes(data)


def test_an_encrypted_archive_is_reported(saved):
    path = saved(X=GREY, y=LABELS)
    path.write_bytes(encrypted(path.read_bytes()))
    with pytest.raises(UserError, match=r"truncated or damaged: .*encrypted"):
        read(path)


@pytest.mark.parametrize("name", ["set.npz", "X.npy"])
@pytest.mark.parametrize(
    ("make", "kind"),
    [(os.mkfifo, "a named pipe"), (lambda path: path.symlink_to("/dev/zero"), "a device")],
)
def test_special_files_are_refused(tmp_path, name, make, kind):
    np.save(tmp_path / "y.npy", LABELS)
    make(tmp_path / name)
    with pytest.raises(UserError, match=f"cannot be read: it is {kind}"):
        read(tmp_path / name)
