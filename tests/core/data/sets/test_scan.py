from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.base.events import Note, Progress
from snip_gui.core.data.sets.events import FilesUnreadable, ImagesListed
from snip_gui.core.data.sets.loading import load_images, read_images
from snip_gui.core.data.sets.read_options import ReadOptions


def save(path, value=100, size=(12, 10), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value, value // 2, 7)).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "Bilder ü"
    for part, number in (("train", 6), ("test", 2)):
        for index, name in enumerate(("cat", "dog", "żółw")):
            for image in range(number):
                save(root / part / name / f"{image}.png", value=10 + 40 * index + image)
    return root


def drain(steps):
    """All events of a reading, and the set or the error it ended in."""
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value
        except UserError as error:
            return events, error


def test_train_and_test_are_read_with_their_classes(folder):
    images = load_images("folder", folder)
    assert images.classes == ("cat", "dog", "żółw")
    assert images.image_shape == (3, 10, 12)
    assert np.bincount(images.train_labels_N).tolist() == [6, 6, 6]
    assert np.bincount(images.test_labels_N).tolist() == [2, 2, 2]
    dog = images.train_images.images_NCHW[images.train_labels_N == 1][0]
    assert dog[:, 3, 3].tolist() == [50, 25, 7]
    assert "Bilder ü" in images.title


def test_one_folder_is_split_by_class_always_alike(folder):
    first = load_images("folder", folder / "train")
    again = load_images("folder", folder / "train")
    assert np.bincount(first.train_labels_N).tolist() == [5, 5, 5]
    assert np.bincount(first.test_labels_N).tolist() == [1, 1, 1]
    assert first.digest == again.digest


def test_grey_only_if_all_are(folder, tmp_path):
    for name in "ab":
        for number in range(4):
            save(tmp_path / "grey" / name / f"{number}.png", 90 + number, mode="L")
    assert load_images("folder", tmp_path / "grey").image_shape == (1, 10, 12)
    save(tmp_path / "grey" / "a" / "colour.png")
    assert load_images("folder", tmp_path / "grey").image_shape == (3, 10, 12)


def test_the_most_common_size_wins_and_others_are_said_to_be_resized(folder):
    save(folder / "train" / "cat" / "large.png", size=(300, 200))
    events, images = drain(read_images("folder", folder, CancelToken()))
    assert images.image_shape == (3, 10, 12)
    notes = [event.text for event in events if isinstance(event, Note)]
    assert notes == ["1 of 25 images are resized to 12x10."]
    assert any(isinstance(event, Progress) for event in events)


def test_large_images_are_scaled_down(tmp_path):
    for name in "ab":
        for number in range(4):
            save(tmp_path / "big" / name / f"{number}.png", value=9 * number, size=(640, 320))
    assert load_images("folder", tmp_path / "big").image_shape == (3, 32, 64)


@pytest.mark.parametrize("broken", [b"", b"not an image", None])
def test_a_broken_file_is_named_with_the_reason(folder, broken):
    path = folder / "train" / "dog" / "1.png"
    if broken is None:  # cut off in the middle of the pixels: the header is fine
        noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        broken = path.read_bytes()[:4000]
    path.write_bytes(broken)
    with pytest.raises(UserError, match=r"One file of 24 cannot be read \(“.*1\.png”: ") as caught:
        load_images("folder", folder)
    assert caught.value.field == "data.skip_unreadable"


def break_some(folder):
    """Make five files no images and cut one off in the middle; return their paths."""
    paths = [str(path) for path in sorted((folder / "train" / "dog").iterdir())[:5]]
    for path in paths:
        with open(path, "wb") as file:
            file.write(b"x")
    cut = folder / "test" / "cat" / "0.png"
    noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(cut)
    cut.write_bytes(cut.read_bytes()[:4000])
    return sorted([*paths, str(cut)])


@pytest.mark.parametrize("memory_bytes", [None, 0])
def test_all_broken_files_are_reported_before_the_folder_is_refused(folder, memory_bytes):
    broken = break_some(folder)
    options = ReadOptions(memory_bytes=memory_bytes)
    events, error = drain(read_images("folder", folder, CancelToken(), options))
    assert isinstance(error, UserError)
    assert "6 files of 24 cannot be read" in error.message
    (told,) = [event for event in events if isinstance(event, FilesUnreadable)]
    assert [bad.path for bad in told.files] == broken
    assert all(bad.reason for bad in told.files)
    assert not told.skipped


@pytest.mark.parametrize("memory_bytes", [None, 0])
def test_broken_files_are_skipped_when_the_user_says_so(folder, tmp_path, memory_bytes):
    broken = break_some(folder)
    options = ReadOptions(memory_bytes=memory_bytes, skip_unreadable=True)
    events, images = drain(read_images("folder", folder, CancelToken(), options))
    (told,) = [event for event in events if isinstance(event, FilesUnreadable)]
    assert [bad.path for bad in told.files] == broken
    assert told.skipped
    assert np.bincount(images.train_labels_N).tolist() == [6, 1, 6]
    assert np.bincount(images.test_labels_N).tolist() == [1, 2, 2]
    for path in broken:
        (folder / path).unlink()
    clean = load_images("folder", folder)
    assert (clean.digest, clean.mean_C) == (images.digest, images.mean_C)


def test_a_class_of_which_nothing_can_be_read_is_refused_though_bad_files_are_skipped(folder):
    for path in (folder / "train" / "dog").iterdir():
        path.write_bytes(b"x")
    with pytest.raises(UserError, match="class “dog”"):
        load_images("folder", folder, ReadOptions(skip_unreadable=True))


def test_nothing_readable_at_all_is_refused(folder):
    for path in folder.rglob("*.png"):
        path.write_bytes(b"x")
    with pytest.raises(UserError, match="24 files of 24"):
        load_images("folder", folder, ReadOptions(skip_unreadable=True))


def test_streamed_and_in_memory_are_the_same_set(folder):
    Image.new("L", (300, 80), 99).save(folder / "train" / "dog" / "grey and wide.png")
    here, there = (load_images("folder", folder, ReadOptions(memory_bytes=m)) for m in (None, 0))
    assert here.train_images.in_memory
    assert not there.train_images.in_memory
    assert here.kept.startswith("kept in memory, ")
    assert there.kept.startswith("streamed from disk: ")
    for name in ("digest", "mean_C", "deviation_C", "image_shape", "classes"):
        assert getattr(here, name) == getattr(there, name)
    some = [3, 0, 18]
    np.testing.assert_array_equal(here.train_images.read(some), there.train_images.read(some))
    np.testing.assert_array_equal(here.test_images.read([1]), there.test_images.read([1]))


def test_the_files_are_known_before_any_is_opened(folder):
    for path in folder.rglob("*.png"):
        path.write_bytes(b"x")
    steps = read_images("folder", folder, CancelToken())
    listed = next(event for event in steps if isinstance(event, ImagesListed)).listing
    assert listed.classes == ("cat", "dog", "żółw")
    assert [path[-5:] for path in listed.train_paths[:2]] == ["0.png", "1.png"]
    assert np.bincount(listed.train_labels_N).tolist() == [6, 6, 6]


@pytest.mark.parametrize(
    ("image_size", "shape"), [(0, (3, 10, 12)), (6, (3, 5, 6)), (24, (3, 20, 24))]
)
def test_the_longer_side_has_the_size_asked_for(folder, image_size, shape):
    assert load_images("folder", folder, ReadOptions(image_size=image_size)).image_shape == shape


def test_images_of_one_pixel_are_a_data_set(tmp_path):
    for name, value in (("a", 10), ("b", 90)):
        for number in range(2):
            save(tmp_path / name / f"{number}.png", value + number, size=(1, 1), mode="L")
    assert load_images("folder", tmp_path).image_shape == (1, 1, 1)


def test_other_files_are_left_alone(folder):
    (folder / "train" / "cat" / "notes.txt").write_text("hello")
    assert len(load_images("folder", folder).train_labels_N) == 18


def test_an_empty_class_is_named(folder):
    (folder / "train" / "empty").mkdir()
    with pytest.raises(UserError, match="“empty”"):
        load_images("folder", folder)


def test_one_class_alone_is_refused(tmp_path):
    save(tmp_path / "only" / "a" / "1.png")
    with pytest.raises(UserError, match="holds one folder of a class, but at least 2"):
        load_images("folder", tmp_path / "only")


@pytest.mark.parametrize("name", [None, "nowhere"])
def test_no_folder_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="folder"):
        load_images("folder", tmp_path / name if name else None)


def test_reading_can_be_cancelled(folder):
    cancel = CancelToken()
    steps = read_images("folder", folder, cancel)
    next(event for event in steps if isinstance(event, ImagesListed))
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(steps)


# Values of more than 8 bits


def save_wide(folder, arrays):
    """One class of each array; every file has its own brightness."""
    for name, array in arrays.items():
        for number in range(4):
            path = folder / name / f"{number}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((array / 2**number).astype(array.dtype)).save(path)
    return folder


@pytest.mark.parametrize("memory_bytes", [None, 0])
@pytest.mark.parametrize(
    ("dtype", "high"), [("f4", 1), ("f4", 3000), ("i4", 60_000), ("i4", 10**6), ("u2", 4095)]
)
def test_wide_values_take_one_scale_that_is_said(tmp_path, dtype, high, memory_bytes):
    ramp = np.linspace(0, high, 36).reshape(6, 6).astype(dtype)
    save_wide(tmp_path / "set" / "train", {"a": ramp, "b": ramp})
    save_wide(tmp_path / "set" / "test", {"a": ramp, "b": ramp})
    options = ReadOptions(memory_bytes=memory_bytes)
    events, images = drain(read_images("folder", tmp_path / "set", CancelToken(), options))
    brightest = images.train_images.read(range(4)).max(axis=(1, 2, 3)).astype(int)
    assert brightest[0] >= 233
    assert np.abs(brightest - brightest[0] / 2.0 ** np.arange(4)).max() <= 2
    assert np.array_equal(images.test_images.read(range(8)), images.train_images.read(range(8)))
    notes = [event.text for event in events if isinstance(event, Note)]
    assert len([text for text in notes if "mapped to 0 to 255" in text]) == 1


def test_the_scale_is_that_of_the_training_images(tmp_path):
    ramp = np.linspace(0, 1000, 36, dtype=np.float32).reshape(6, 6)
    save_wide(tmp_path / "set" / "train", {"a": ramp, "b": ramp})
    save_wide(tmp_path / "set" / "test", {"a": 4 * ramp, "b": 4 * ramp})
    images = load_images("folder", tmp_path / "set")
    assert images.test_images.images_NCHW[0].min() == 0
    assert (images.test_images.images_NCHW[0] == 255).mean() > 0.7


def test_sixteen_bits_are_cut_as_ever(tmp_path):
    values = np.arange(0, 2**16, 57, dtype=np.uint16)[:1024].reshape(32, 32)
    values[-1, -1] = 2**16 - 1
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.fromarray(values).save(tmp_path / name / f"{number}.png")
    images = load_images("folder", tmp_path)
    assert np.array_equal(images.train_images.images_NCHW[0, 0], values >> 8)


def test_a_file_with_a_value_that_is_not_finite_is_named(tmp_path):
    ramp = np.linspace(0, 1, 36, dtype=np.float32).reshape(6, 6)
    save_wide(tmp_path / "set", {"a": ramp, "b": ramp})
    ramp[3, 3] = np.nan
    Image.fromarray(ramp).save(tmp_path / "set" / "a" / "9.tif")
    events, error = drain(read_images("folder", tmp_path / "set", CancelToken()))
    (unreadable,) = [event for event in events if isinstance(event, FilesUnreadable)]
    assert unreadable.files[0].path.endswith("9.tif")
    assert "it holds nan in row 3, column 3" in str(error)
