from __future__ import annotations

import io
import os

import msgspec
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.errors import UserError
from snip_gui.core.data.minibatch.chosen import ChosenFrom
from snip_gui.core.data.minibatch.curation import minibatch_indices, split_training
from snip_gui.core.data.minibatch.own_images import (
    PicturesFitted,
    copy_images,
    digest_image,
    find_own_images,
    negative,
)
from snip_gui.core.data.minibatch.own_pictures import (
    fit_picture,
    fit_pictures,
    load_image,
    save_image,
)
from snip_gui.core.execution.resume import resume
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.json import decode_recipe, encode_recipe
from snip_gui.core.recipe.recipe import OwnImage, Picked, Recipe, Training
from snip_gui.core.runs import folder as files

SHAPE = (1, 28, 28)


def picture(size=(50, 40), mode="L", ink=0, paper=255):
    """A picture of a thick bar on paper, as the bytes of a PNG file."""
    pixels = np.full(size[::-1], paper, np.uint8)
    pixels[10:-10, 20:30] = ink
    image = Image.fromarray(pixels).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def random_image(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_any_picture_becomes_an_image_of_the_set(digits, mode):
    fitted = fit_picture("bar", picture(mode=mode), digits)
    assert fitted.image_CHW.shape == SHAPE
    assert fitted.image_CHW.dtype == np.uint8
    assert fitted.image_CHW[0, 14, 14] < 60 < 200 < fitted.image_CHW[0, 14, 2]
    assert fitted.problem == ""


def test_ink_on_paper_is_recognised_among_white_digits_on_black(digits):
    assert fit_picture("ink", picture(), digits).is_negative
    assert not fit_picture("chalk", picture(ink=255, paper=0), digits).is_negative
    image = fit_picture("ink", picture(), digits).image_CHW
    np.testing.assert_array_equal(negative(negative(image)), image)
    assert negative(image)[0, 14, 2] < 60


@pytest.mark.parametrize("data", [b"", b"no picture", picture()[:60]])
def test_what_cannot_be_read_says_why(digits, data):
    assert "cannot be read" in fit_picture("bad", data, digits).problem


def test_files_and_bytes_are_fitted_in_order(digits, tmp_path):
    (tmp_path / "bär.png").write_bytes(picture())
    asked = [tmp_path / "bär.png", picture(), tmp_path / "gone.png"]
    *_, last = fit_pictures(asked, digits, CancelToken())
    assert isinstance(last, PicturesFitted)
    assert [one.name for one in last.pictures] == ["bär.png", "pasted image", "gone.png"]
    assert [bool(one.problem) for one in last.pictures] == [False, False, True]


@pytest.mark.parametrize("shape", [SHAPE, (3, 32, 30)])
def test_images_are_kept_under_their_digests(tmp_path, shape):
    image = random_image(1, shape)
    digest = save_image(tmp_path / "a", image)
    assert digest == digest_image(image)
    assert save_image(tmp_path / "a", image) == digest
    folders = (tmp_path / "nowhere", tmp_path / "a")
    np.testing.assert_array_equal(load_image(digest, folders, shape), image)


def test_a_kept_image_that_is_gone_changed_or_misshapen_is_refused(tmp_path):
    digest = save_image(tmp_path, random_image())
    with pytest.raises(UserError, match=r"28x28x1, but those of the data set are 32x32x3"):
        load_image(digest, [tmp_path], (3, 32, 32))
    with pytest.raises(UserError, match="not on this computer"):
        load_image("0" * 64, [tmp_path], SHAPE)
    other = save_image(tmp_path, random_image(1))
    (tmp_path / f"{digest}.png").write_bytes((tmp_path / f"{other}.png").read_bytes())
    with pytest.raises(UserError, match="no longer the image"):
        load_image(digest, [tmp_path], SHAPE)
    (tmp_path / f"{digest}.png").write_bytes(b"x")
    with pytest.raises(UserError, match="cannot be read") as caught:
        load_image(digest, [tmp_path], SHAPE)
    assert caught.value.field == "minibatch.images"


def with_own(folder, *seeds, indices=(3, 1), label=7):
    own = tuple(OwnImage(digest=save_image(folder, random_image(s)), label=label) for s in seeds)
    return Recipe(minibatch=Picked(indices=indices, images=own))


def test_recipes_keep_own_images_and_old_ones_open(tmp_path):
    recipe = with_own(tmp_path, 1, 2)
    assert decode_recipe(encode_recipe(recipe)) == recipe
    old = '{"minibatch": {"kind": "picked", "indices": [4]}}'
    assert decode_recipe(old).minibatch == Picked(indices=(4,))
    with pytest.raises(UserError, match="digest"):
        decode_recipe(encode_recipe(recipe).replace(recipe.minibatch.images[0].digest, "../x"))


def test_own_images_follow_the_training_images(digits, tmp_path):
    recipe = with_own(tmp_path, 1, 2)
    number = len(digits.train_labels_N)
    split = split_training(digits.train_labels_N, 0.1, 0)
    indices = minibatch_indices(recipe, digits.train_labels_N, digits.classes, split)
    assert indices.tolist() == [1, 3, number, number + 1]
    source = ChosenFrom(digits, find_own_images(recipe), [tmp_path])
    read = source.read(indices)
    np.testing.assert_array_equal(read[:2], digits.train_images.read([1, 3]))
    found = {digest_image(one) for one in read[2:]}
    assert found == {image.digest for image in recipe.minibatch.images}
    assert source.labels[indices[2:]].tolist() == [7, 7]
    assert source.own(3) is None
    assert source.own(number + 2) is None
    assert source.own(number) is not None
    swapped = msgspec.structs.replace(
        recipe, minibatch=Picked(indices=(1, 3), images=recipe.minibatch.images[::-1])
    )
    again = ChosenFrom(digits, find_own_images(swapped), [tmp_path]).read(indices)
    np.testing.assert_array_equal(again, read)  # the order of picking is moot


def test_a_label_that_is_not_a_class_is_refused(digits, tmp_path):
    with pytest.raises(UserError, match="label 10"):
        ChosenFrom(digits, find_own_images(with_own(tmp_path, 1, label=10)), [tmp_path])


def test_own_images_alone_are_scored_and_kept_with_the_run(digits, tmp_path):
    recipe = with_own(tmp_path / "kept", 1, 2, indices=())
    recipe = msgspec.structs.replace(recipe, training=Training(epochs=1))
    environment = Environment(device="cpu", num_threads=1, image_folders=(tmp_path / "kept",))
    folder = tmp_path / "run"
    run(recipe, folder, environment, lambda _: None, CancelToken(), stop_after="prune")
    batch = load_file(folder / files.BATCH)
    assert batch["labels"].tolist() == [7, 7]
    mean, deviation = digits.mean_C[0], digits.deviation_C[0]
    pixels = np.rint((batch["inputs"] * deviation + mean) * 255).astype(np.uint8)
    assert {digest_image(one) for one in pixels} == {i.digest for i in recipe.minibatch.images}
    for path in (tmp_path / "kept").iterdir():
        path.unlink()
    elsewhere = Environment(device="cpu", num_threads=1, image_folders=(tmp_path / "none",))
    assert resume(folder, elsewhere, lambda _: None, CancelToken()).state == "finished"


def test_copying_takes_what_is_there(tmp_path):
    recipe = with_own(tmp_path / "a", 1, 2)
    gone = recipe.minibatch.images[0].digest
    (tmp_path / "a" / f"{gone}.png").unlink()
    copy_images(recipe, [tmp_path / "a"], tmp_path / "b")
    assert [p.stem for p in (tmp_path / "b").iterdir()] == [recipe.minibatch.images[1].digest]


def replace_by_link(path, folder):
    folder.mkdir()
    path.rename(folder / path.name)
    path.symlink_to(folder / path.name)


def replace_by_device(path, _folder):
    path.unlink()
    path.symlink_to("/dev/zero")


def replace_by_pipe(path, _folder):
    path.unlink()
    os.mkfifo(path)


def replace_by_another(path, _folder):
    path.write_bytes(picture())


@pytest.mark.parametrize(
    ("replace", "said"),
    [
        (replace_by_link, "it is a symbolic link"),
        (replace_by_device, "it is a symbolic link"),
        (replace_by_pipe, "it is a named pipe"),
        (replace_by_another, "no longer the image"),
    ],
)
def test_only_the_very_image_is_read_and_copied(tmp_path, replace, said):
    """The folder may be a stranger's, and what lies in it be copied into an export."""
    recipe = with_own(tmp_path / "a", 1)
    digest = recipe.minibatch.images[0].digest
    replace(tmp_path / "a" / f"{digest}.png", tmp_path / "private")
    for use in (
        lambda: copy_images(recipe, [tmp_path / "a"], tmp_path / "b"),
        lambda: load_image(digest, [tmp_path / "a"], SHAPE),
    ):
        with pytest.raises(UserError, match=said):
            use()
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_special_file_is_not_a_picture(digits, tmp_path, make):
    make(tmp_path / "picture.png")
    fitted = fit_picture("picture.png", tmp_path / "picture.png", digits)
    assert fitted.problem.startswith("It cannot be read: it is a ")


def test_postscript_is_not_a_picture(digits):
    data = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n9 setgray\n"
    assert "not an image in a known format" in fit_picture("picture.png", data, digits).problem
