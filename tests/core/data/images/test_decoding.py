from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.images.decoding import (
    UNREADABLE,
    as_array,
    decode_file,
    decode_files,
    explain_unreadable,
    read_header,
    shown,
    thumbnail,
)


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
    assert read_header(str(tmp_path / "turned.png")).size == (2, 4)
    with Image.open(tmp_path / "turned.png") as turned:
        array = as_array(turned, (2, 4))
    assert array.shape == (4, 2)
    assert np.argwhere(array == 255).tolist() == [[3, 1]]


def test_an_image_of_one_pixel_is_an_image():
    assert as_array(Image.new("L", (1, 1), 9), (1, 1)).tolist() == [[9]]


def photo(path, size=(800, 600)):
    """A smooth picture: red grows to the right, green downwards."""
    columns, rows = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    pixels = np.stack([columns, rows, 0 * rows], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=95)
    return str(path)


def test_a_large_jpeg_is_decoded_small_and_looks_the_same(tmp_path, monkeypatch):
    path = photo(tmp_path / "photo.jpg")
    with Image.open(path) as image:
        exact = as_array(image, (32, 24)).transpose(2, 0, 1)
    decoded = []
    whole = Image.Image.convert

    def convert(image, *args, **named):
        decoded.append(image.size)
        return whole(image, *args, **named)

    monkeypatch.setattr(Image.Image, "convert", convert)
    small = decode_file(path, (3, 24, 32))
    assert np.abs(small.astype(int) - exact).max() <= 4
    assert max(map(max, decoded)) <= 200


def test_a_grey_file_fills_all_channels(tmp_path):
    Image.new("L", (4, 4), 77).save(tmp_path / "grey.png")
    image = decode_file(str(tmp_path / "grey.png"), (3, 2, 2))
    assert image.shape == (3, 2, 2)
    assert (image == 77).all()


def test_a_thumbnail_keeps_its_sides_in_proportion(tmp_path):
    small = thumbnail(photo(tmp_path / "photo.jpg"), 64)
    assert small.shape == (3, 48, 64)
    Image.new("1", (3, 5), 1).save(tmp_path / "tiny.png")
    assert thumbnail(str(tmp_path / "tiny.png"), 64).shape == (1, 5, 3)


def test_a_file_that_went_is_named(tmp_path):
    path = photo(tmp_path / "żółw 亀.png", (8, 8))
    assert decode_files([path], (3, 8, 8)).shape == (1, 3, 8, 8)
    (tmp_path / "żółw 亀.png").unlink()
    with pytest.raises(UserError, match=r"żółw 亀\.png” cannot be read any more: it is gone"):
        decode_files([path], (3, 8, 8))


@pytest.mark.parametrize(
    "content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0"]
)
def test_what_is_no_image_has_a_reason(tmp_path, content):
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(UNREADABLE) as caught:
        decode_file(str(path), (3, 8, 8))
    assert explain_unreadable(caught.value)
    assert "bad.png" not in explain_unreadable(caught.value)


def test_a_name_that_is_no_text_can_be_shown():
    assert shown("caf\udce9.png") == "caf\ufffd.png"
