from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from snip_gui.core.cancel import CancelToken
from snip_gui.core.data.image_folder import as_array
from snip_gui.core.data.loading import load_images, read_images
from snip_gui.core.errors import Cancelled, UserError
from snip_gui.core.events import Note, Progress


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
    steps = read_images("folder", folder, CancelToken())
    notes, shown = [], []
    images = None
    while images is None:
        try:
            event = next(steps)
        except StopIteration as end:
            images = end.value
        else:
            (notes if isinstance(event, Note) else shown).append(event)
    assert images.image_shape == (3, 10, 12)
    assert [note.text for note in notes] == ["1 of 25 images are resized to 12x10."]
    assert all(isinstance(event, Progress) for event in shown)


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
    with pytest.raises(UserError, match=r"One image cannot be read: .*1\.png") as caught:
        load_images("folder", folder)
    assert caught.value.field == "data.name"


def test_many_broken_files_are_counted(folder):
    for path in (folder / "train" / "dog").iterdir():
        path.write_bytes(b"x")
    with pytest.raises(UserError, match="6 images cannot be read") as caught:
        load_images("folder", folder)
    assert "and 1 more" in caught.value.message


def test_other_files_are_left_alone(folder):
    (folder / "train" / "cat" / "notes.txt").write_text("hello")
    assert len(load_images("folder", folder).train_labels_N) == 18


def test_an_empty_class_is_named(folder):
    (folder / "train" / "empty").mkdir()
    with pytest.raises(UserError, match="“empty”"):
        load_images("folder", folder)


def test_one_class_alone_is_refused(tmp_path):
    save(tmp_path / "only" / "a" / "1.png")
    with pytest.raises(UserError, match="1 folders of classes"):
        load_images("folder", tmp_path / "only")


@pytest.mark.parametrize("name", [None, "nowhere"])
def test_no_folder_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="folder"):
        load_images("folder", tmp_path / name if name else None)


def test_reading_can_be_cancelled(folder):
    cancel = CancelToken()
    steps = read_images("folder", folder, cancel)
    next(steps)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(steps)


def test_sixteen_bits_are_cut_to_eight():
    image = Image.fromarray(np.full((4, 4), 0xABCD, np.uint16))
    assert as_array(image, (4, 4)).tolist() == [[0xAB] * 4] * 4


def test_transparency_lies_on_white():
    image = Image.new("RGBA", (2, 2), (0, 0, 0, 0))
    assert as_array(image, (2, 2)).tolist() == [[[255] * 3] * 2] * 2


def test_a_palette_is_resolved():
    image = Image.new("RGB", (3, 3), (200, 10, 30)).convert("P", palette=Image.Palette.ADAPTIVE)
    assert as_array(image, (3, 3))[0, 0].tolist() == [200, 10, 30]


def test_exif_orientation_is_followed(tmp_path):
    image = Image.new("L", (4, 2))
    image.putpixel((3, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    image.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        array = as_array(turned, (2, 4))
    assert array.shape == (4, 2)
    assert np.argwhere(array == 255).tolist() == [[3, 1]]


def test_an_image_of_one_pixel_is_an_image():
    assert as_array(Image.new("L", (1, 1), 9), (1, 1)).tolist() == [[9]]
