from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.data.images.image_set import make_image_set
from snip_gui.core.data.sets.catalogue import DATASETS, DatasetInfo
from snip_gui.core.data.sets.events import ImagesLoaded
from snip_gui.core.data.sets.loading import load_images, load_job
from tests.core.plugins import add_entry


def test_digits_need_no_folder(digits):
    assert load_images("digits", None).mean_C == digits.mean_C


def test_an_unknown_data_set_is_refused():
    with pytest.raises(UserError, match="imagenet") as caught:
        load_images("imagenet", None)
    assert caught.value.field == "data.name"


def test_the_job_brings_the_images():
    loaded = [
        event
        for event in load_job("digits", None, CancelToken())
        if isinstance(event, ImagesLoaded)
    ]
    assert [event.images.name for event in loaded] == ["digits"]


def read_as_package(monkeypatch, reader):
    """Read a data set that a package adds."""
    add_entry(monkeypatch, DATASETS, DatasetInfo("noise", "Noise", "Random.", "", reader))
    return load_images("noise")


def noise(name="noise", shape=(6, 1, 4, 4), dtype=np.uint8, labels=(0, 1, 2, 0, 1, 2)):
    images = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    part = (images, np.asarray(labels))
    return make_image_set(name=name, title="Noise", classes=("a", "b", "c"), train=part, test=part)


def generating(**changes):
    def read(_folder, _cancel):
        yield from ()
        return noise(**changes)

    return read


def returns_number(_folder, _cancel):
    yield from ()
    return 3


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        (
            lambda _folder, _cancel: noise(),
            "not a generator function (it returned an object of type ImageSet)",
        ),
        (returns_number, "does not return an ImageSet (it returned an object of type int)"),
        (generating(name="other"), "made an ImageSet called “other”"),
    ],
)
def test_a_reader_of_a_package_that_reads_no_data_set_is_named(monkeypatch, reader, said):
    with pytest.raises(UserError) as caught:
        read_as_package(monkeypatch, reader)
    assert caught.value.message.startswith("The data set “noise” of the package snip-power 1.2 ")
    assert said in caught.value.message


def test_the_images_of_a_package_are_read(monkeypatch):
    assert read_as_package(monkeypatch, generating()).name == "noise"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dtype": np.float32}, "training images are float32 of shape (6, 1, 4, 4)"),
        ({"shape": (6, 4, 4)}, "training images are uint8 of shape (6, 4, 4)"),
        ({"labels": (0.5,) * 6}, "training labels are float64"),
        ({"labels": ((0, 1, 2),) * 2}, "training labels are int64 of shape (2, 3)"),
        ({"labels": (0, 1, 2)}, "6 training images but 3 labels"),
        ({"labels": (0, 1, 2, 3, 4, 5)}, "labels run from 0 to 5, but there are 3 classes"),
    ],
)
def test_arrays_that_are_no_images_or_labels_are_refused(changes, said):
    with pytest.raises(UserError) as caught:
        noise(**changes)
    assert said in caught.value.message
    assert "must be" in caught.value.hint
