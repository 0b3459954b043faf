"""Folders of images: which of their folders are classes, which are parts, and what is skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.data.sets.listing import list_folder


@pytest.fixture
def tree(tmp_path):
    """Make empty files; listing opens none of them."""

    def make(*folders, number=5):
        for folder in folders:
            for index in range(number):
                path = tmp_path / "set" / folder / f"{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        return tmp_path / "set"

    return make


def listed(folder):
    return list_folder(folder, CancelToken())


def refusal(folder):
    with pytest.raises(UserError) as caught:
        listed(folder)
    assert caught.value.hint
    return caught.value.message


def parts_of(paths):
    """The folders of the parts that files come from."""
    return {Path(path).parent.parent.name for path in paths}


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"),
        ("Train", "Test"),
        ("TRAINING", "TESTING"),
        ("training", "testing"),
        ("train", "val"),
        ("train", "valid"),
        ("train", "Validation"),
        ("training_set", "test_set"),
        ("TrainingSet", "TestSet"),
        ("train_images", "test_images"),
        ("images-train", "images-test"),
        ("imgs train", "imgs val"),
        ("train2017", "val2017"),
        ("seg_train", "seg_test"),
        ("traindata", "testdata"),
        ("trainset", "devset"),
        ("1_train", "2_eval"),
    ],
)
def test_parts_are_known_by_their_names_in_any_spelling(tree, train, test):
    found = listed(tree(f"{train}/cat", f"{train}/dog", f"{test}/cat", f"{test}/dog"))
    assert found.classes == ("cat", "dog")
    assert len(found.train_paths) == len(found.test_paths) == 10
    assert parts_of(found.train_paths) == {train}
    assert parts_of(found.test_paths) == {test}


def test_the_validation_part_is_not_used_beside_a_test_part_and_this_is_said(tree):
    folder = tree(*(f"{part}/{name}" for part in ("train", "val", "test") for name in "ab"))
    found = listed(folder)
    assert parts_of(found.train_paths) == {"train"}
    assert parts_of(found.test_paths) == {"test"}
    assert any("Not used: “val”" in note for note in found.notes)


def test_the_validation_part_serves_for_testing_where_there_is_no_other(tree):
    found = listed(tree("train/a", "train/b", "val/a", "val/b"))
    assert found.notes == ("Folder “set”: The images of “val” are the test images.",)


@pytest.mark.parametrize("flat", ["test", "test/images", "Test/unknown"])
def test_a_test_part_without_classes_is_omitted_and_this_is_said(tree, flat):
    found = listed(tree("train/a", "train/b", flat))
    assert found.classes == ("a", "b")
    assert (len(found.train_paths), len(found.test_paths)) == (8, 2)
    assert parts_of(found.test_paths) == {"train"}
    assert any(f"Not used: “{flat.partition('/')[0]}”" in note for note in found.notes)


def test_a_training_part_alone_gives_a_fifth_for_testing(tree):
    found = listed(tree("Training/a", "Training/b"))
    assert found.classes == ("a", "b")
    assert (len(found.train_paths), len(found.test_paths)) == (8, 2)


def test_a_class_found_only_in_the_test_part_is_named(tree):
    found = listed(tree("train/a", "train/b", "test/a", "test/b", "test/bird"))
    assert found.classes == ("a", "b")
    assert "Folder “set”: Not used: “bird” in “test”, without training images." in found.notes


def test_a_class_without_test_images_is_named(tree):
    found = listed(tree("train/a", "train/b", "test/a"))
    assert "Folder “set”: There are no test images of “b”." in found.notes


@pytest.mark.parametrize("names", [("bus", "car", "train"), ("invalid", "valid"), ("a", "test")])
def test_a_name_of_a_part_among_others_is_a_class(tree, names):
    assert listed(tree(*names)).classes == names


def test_other_folders_beside_the_parts_are_named(tree):
    found = listed(tree("train/a", "train/b", "test/a", "test/b", "masks"))
    assert any("Not used: “masks”" in note for note in found.notes)


@pytest.mark.parametrize(
    "folders",
    [
        ("Train/a", "Train/b", "Training/a", "Training/b", "val/a", "val/b"),
        ("Test/a", "Test/b", "Val/a", "Val/b"),
        ("cat_train/x", "cat_test/x", "dog_train/x", "dog_test/x"),
    ],
    ids=["twice the same", "none for training", "several sets"],
)
def test_unclear_parts_are_refused(tree, folders):
    message = refusal(tree(*folders))
    assert "part" in message
    assert "“" in message


def test_of_two_spellings_the_plain_one_counts_and_this_is_said(tree):
    found = listed(tree("train/a", "train/b", "Training/a", "Training/b", "test/a", "test/b"))
    assert parts_of(found.train_paths) == {"train"}
    assert any("Not used: “Training”" in note for note in found.notes)


@pytest.mark.parametrize(
    "folders",
    [
        ("fold1/cat", "fold1/dog", "fold2/cat", "fold2/dog"),
        ("cat/train", "cat/test", "dog/train", "dog/test"),
        ("cat/train", "cat/val", "dog/train"),
        ("train/2019/a", "train/2019/b", "train/2020/a", "train/2020/b", "test/2019/a"),
        ("x/images", "x/masks", "y/images", "y/masks"),
    ],
)
def test_folders_that_all_hold_the_same_folders_are_not_classes(tree, folders):
    assert "the same folders" in refusal(tree(*folders))


@pytest.mark.parametrize(
    "folders",
    [
        ("n01/images", "n02/images"),  # as Tiny-ImageNet is laid out
        ("cat", "cat/flipped", "cat/plain", "dog", "dog/flipped", "dog/plain"),
        ("cat/persian", "cat/siamese", "dog/poodle", "dog/pug"),
    ],
)
def test_folders_inside_classes_belong_to_them(tree, folders):
    assert listed(tree(*folders)).classes == tuple(sorted({f.partition("/")[0] for f in folders}))


@pytest.mark.parametrize(
    "name",
    [
        ".ipynb_checkpoints",
        "__MACOSX",
        ".git",
        ".Trash-1000",
        "@eaDir",
        "$RECYCLE.BIN",
        "lost+found",
        "System Volume Information",
    ],
)
def test_folders_of_systems_and_tools_are_skipped(tree, name):
    for part in ("cat", "dog"):
        tree(part, f"{part}/{name}")
    found = listed(tree(name, f"{name}/cat"))
    assert found.classes == ("cat", "dog")
    assert not [path for path in (*found.train_paths, *found.test_paths) if name in path]


def test_hidden_files_are_skipped(tree):
    folder = tree("cat", "dog")
    for name in ("._0.png", ".hidden.jpg", "Thumbs.db", ".DS_Store", "desktop.ini"):
        (folder / "cat" / name).touch()
    found = listed(folder)
    assert len(found.train_paths) + len(found.test_paths) == 10


def test_parts_beside_hidden_folders_are_known(tree):
    found = listed(tree("train/a", "train/b", "train/.x", "val/a", "val/b", "__MACOSX/train"))
    assert found.classes == ("a", "b")


def test_a_folder_in_one_of_the_same_name_is_the_one_meant(tree):
    parts = ("seg_train", "seg_test")
    found = listed(tree(*(f"{part}/{part}/{name}" for part in parts for name in "ab")))
    assert found.classes == ("a", "b")
    assert len(found.train_paths) == len(found.test_paths) == 10


def test_a_lone_folder_is_proposed(tree):
    with pytest.raises(UserError) as caught:
        listed(tree("archive/cat", "archive/dog"))
    assert "Choose the folder “archive” in it." in caught.value.hint


def test_names_that_are_not_text_are_shown(tree):
    folder = tree("train/a", "train/b", "test/a", "test/b", "test/\udce9")
    assert any("�" in note for note in listed(folder).notes)


def test_a_pipe_in_place_of_a_folder_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "no folder" in refusal(tmp_path / "pipe")
