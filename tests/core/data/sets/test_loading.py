from __future__ import annotations

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.data.sets.events import ImagesLoaded
from snip_gui.core.data.sets.loading import load_images, load_job


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
