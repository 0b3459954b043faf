from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.sets.loading import load_images

WORDS = {"n02": "tailed frog, bell toad", "n01": "goldfish, Carassius auratus", "n03": "goldfish"}


@pytest.fixture
def root(tmp_path):
    """A copy with three classes of two training images, and one image of each to test."""
    root = tmp_path / "tiny-imagenet-200"
    generator = np.random.default_rng(0)

    def save(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (64, 64, 3), np.uint8)).save(path)

    lines = []
    for number, wnid in enumerate(WORDS):
        for image in range(2):
            save(root / "train" / wnid / "images" / f"{wnid}_{image}.JPEG")
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("x\t0\t0\t9\t9\n")
        save(root / "val" / "images" / f"val_{number}.JPEG")
        lines.append(f"val_{number}.JPEG\t{wnid}\t0\t0\t63\t63\n")
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    (root / "wnids.txt").write_text("".join(f"{wnid}\n" for wnid in WORDS))
    words = {"n00": "entity"} | WORDS
    (root / "words.txt").write_text("".join(f"{w}\t{text}\n" for w, text in words.items()))
    save(root / "test" / "images" / "test_0.JPEG")
    return root


@pytest.mark.parametrize("inside", [True, False])
def test_it_is_read_as_it_is_distributed(root, inside):
    images = load_images("tiny-imagenet", root if inside else root.parent)
    assert images.name == "tiny-imagenet"
    assert images.image_shape == (3, 64, 64)
    assert images.classes == ("goldfish, Carassius auratus", "tailed frog", "goldfish")
    assert images.train_labels_N.tolist() == [0, 0, 1, 1, 2, 2]
    assert images.test_labels_N.tolist() == [0, 1, 2]
    with Image.open(root / "val" / "images" / "val_0.JPEG") as frog:
        pixels = np.asarray(frog).transpose(2, 0, 1)
    np.testing.assert_array_equal(images.test_images.read([1])[0], pixels)


def test_without_a_folder_it_says_what_it_needs(tmp_path):
    for folder in (None, tmp_path):
        with pytest.raises(UserError, match="Tiny-ImageNet") as caught:
            load_images("tiny-imagenet", folder)
        assert "tiny-imagenet-200" in caught.value.hint


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "val/val_annotations.txt",
            b"val_0.JPEG\tn99\t0\t0\t1\t1\n",
            "a class that is not in wnids",
        ),
        ("wnids.txt", b"n01\nn02\nn03\nn04\n", "n04” holds no images"),
        ("words.txt", b"\xff\xfe", "words.txt” is not UTF-8 text"),
    ],
)
def test_damaged_files_are_named(root, file, content, message):
    (root / file).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_images("tiny-imagenet", root)
