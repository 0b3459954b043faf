from __future__ import annotations

import os
import struct
import zlib

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
    wide_range,
)
from snip_gui.core.data.images.values import linear_scale


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
    with pytest.raises(
        UserError, match=r"żółw 亀\.png” can no longer be read: it no longer exists"
    ):
        decode_files([path], (3, 8, 8))


@pytest.mark.parametrize(
    "content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0"]
)
def test_a_file_that_is_not_an_image_has_a_reason(tmp_path, content):
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(UNREADABLE) as caught:
        decode_file(str(path), (3, 8, 8))
    assert explain_unreadable(caught.value)
    assert "bad.png" not in explain_unreadable(caught.value)


def test_a_name_that_is_not_text_can_be_shown():
    assert shown("caf\udce9.png") == "caf\ufffd.png"


EVERY_READER = (
    read_header,
    wide_range,
    lambda path: decode_file(path, (3, 8, 8)),
    lambda path: thumbnail(path, 8),
)


@pytest.mark.parametrize("read", EVERY_READER)
@pytest.mark.parametrize("name", ["picture.png", "picture.jpg", "picture.tif"])
def test_postscript_is_not_an_image_whatever_its_name(tmp_path, read, name):
    """Pillow would start Ghostscript."""
    path = tmp_path / name
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n9 setgray\n")
    with pytest.raises(UNREADABLE) as caught:
        read(str(path))
    assert explain_unreadable(caught.value) == "it is not an image in a known format"


@pytest.mark.parametrize("read", EVERY_READER)
def test_special_files_are_refused(tmp_path, read):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name, kind in (("pipe.png", "a named pipe"), ("zero.png", "a device")):
        with pytest.raises(UNREADABLE) as caught:
            read(str(tmp_path / name))
        assert explain_unreadable(caught.value) == f"it is {kind}, not a regular file"


def chunk(name, data):
    whole = name + data
    return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))


def claim(path, width, height):
    """A PNG file that claims to be of a size, of which it holds nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    ends = chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + ends)
    return str(path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("size", "is_seen_at_once"), [((13_300, 13_300), True), ((9_000, 9_000), False)]
)
def test_pixels_are_bounded_before_they_take_memory(tmp_path, size, is_seen_at_once):
    path = claim(tmp_path / "huge.png", *size)
    if is_seen_at_once:
        with pytest.raises(UNREADABLE, match=r"13,300x13,300, more than 134 million pixels"):
            read_header(path)
    for read in (lambda: decode_file(path, (3, 8, 8)), lambda: thumbnail(path, 8)):
        with pytest.raises(UNREADABLE, match=r"more than .* million pixels"):
            read()


def test_a_large_photograph_is_within_bounds(tmp_path):
    """It is decoded at a fraction of its size."""
    Image.new("L", (9_000, 9_000), 50).save(tmp_path / "photo.jpg")
    assert decode_file(str(tmp_path / "photo.jpg"), (1, 8, 8)).mean() == 50


@pytest.mark.parametrize("dtype", ["f4", "i4", "u2"])
def test_wide_values_take_the_scale_given(tmp_path, dtype):
    path = str(tmp_path / "wide.tif")
    Image.fromarray(np.array([[0, 50], [100, 400]], dtype)).save(path)
    assert read_header(path).is_wide
    assert wide_range(path) == (0, 400)
    decoded = decode_file(path, (1, 2, 2), linear_scale(0, 200))
    assert decoded.tolist() == [[[0, 64], [128, 255]]]


def test_32_bits_without_a_sign_are_read_so(tmp_path):
    path = tmp_path / "wide.tif"
    pixels = np.array([[0, 2**32 - 1]], np.uint32)
    Image.fromarray(pixels.view(np.int32)).save(path)
    signed, unsigned = (struct.pack("<HHII", 339, 3, 1, kind) for kind in (2, 1))
    path.write_bytes(path.read_bytes().replace(signed, unsigned))
    assert wide_range(str(path)) == (0, 2**32 - 1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named(tmp_path, value):
    pixels = np.zeros((3, 4), np.float32)
    pixels[2, 1] = value
    Image.fromarray(pixels).save(tmp_path / "bad.tif")
    with pytest.raises(UNREADABLE, match=rf"it holds {value} in row 2, column 1"):
        decode_file(str(tmp_path / "bad.tif"), (1, 3, 4))
