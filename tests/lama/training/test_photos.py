"""Pictures that cannot be read are None, whatever is wrong with them."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lama.training.photos import decode_mask, decode_rgb, find_photos, has_hole, read_rgb
from masks.files import read_mask
from tests.lama.training.toy import bomb, draw_photos


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_pictures_come_in_rgb():
    pixels = np.zeros((5, 7, 3), np.uint8)
    pixels[..., 0] = 200
    assert np.array_equal(decode_rgb(png(pixels)), pixels)


HOLE = np.zeros((29, 41), bool)
HOLE[5:20, 7:30] = True


def layers(*channels):
    """A picture of HOLE in some channels: 255, 1, or 0 there, and nothing elsewhere."""
    return np.stack([HOLE * np.uint8(value) for value in channels], axis=2)


@pytest.mark.parametrize(
    "pixels",
    [
        HOLE * np.uint8(255),
        HOLE * np.uint8(1),
        HOLE * np.uint16(1),
        layers(255, 0, 0),
        layers(0, 0, 90),
        layers(0, 0, 0, 255),  # black on clear
        layers(0, 255, 0, 200),
        layers(255, 255, 255, 0) + np.array([0, 0, 0, 255], np.uint8),
    ],
    ids=["grey", "0/1", "16 bits", "red", "dark blue", "black on clear", "green", "opaque"],
)
def test_a_mask_is_what_is_not_black_or_clear(pixels, tmp_path):
    assert np.array_equal(decode_mask(png(pixels)), HOLE)
    (tmp_path / "mask.png").write_bytes(png(pixels))
    assert np.array_equal(read_mask(tmp_path / "mask.png"), HOLE), "OpenCV alone sees the same"


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("pixels", [HOLE * np.uint8(255), layers(255, 0, 0)], ids=["grey", "red"])
def test_what_lossy_files_leave_near_black_is_no_hole(kind, pixels, rng, tmp_path):
    noise = rng.integers(0, 12, pixels.shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.where(pixels > 0, 255 - noise, noise)).save(buffer, kind, quality=90)
    found = decode_mask(buffer.getvalue())
    assert (found != HOLE).mean() < 0.04
    assert not found[:3].any()
    (tmp_path / "mask").write_bytes(buffer.getvalue())
    alone = read_mask(tmp_path / "mask")
    assert (alone != found).mean() < 0.01, "decoders differ by rounding"
    assert not alone[:3].any()


def test_other_files_that_are_lossless_are_read_to_the_last_bit(tmp_path):
    for kind, options in (("WEBP", {"lossless": True}), ("TIFF", {})):
        buffer = io.BytesIO()
        Image.fromarray(layers(1, 1, 1)).save(buffer, kind, **options)
        assert np.array_equal(decode_mask(buffer.getvalue()), HOLE)
        (tmp_path / kind).write_bytes(buffer.getvalue())
        assert np.array_equal(read_mask(tmp_path / kind), HOLE)


@pytest.mark.parametrize("pixels", [HOLE * np.uint8(255), layers(255, 0, 0)], ids=["grey", "red"])
def test_masks_are_turned_as_their_tag_says(pixels, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "mask.png", exif=exif)
    assert np.array_equal(read_mask(tmp_path / "mask.png"), np.rot90(HOLE, -1))
    assert np.array_equal(decode_mask((tmp_path / "mask.png").read_bytes()), np.rot90(HOLE, -1))


def test_a_mask_can_be_used_if_it_has_some_of_both():
    assert has_hole(png(HOLE))
    assert not has_hole(png(HOLE & False))
    assert not has_hole(png(HOLE | True))
    assert not has_hole(b"no picture")


@pytest.mark.parametrize("data", [b"", b"no", png(np.zeros((9, 9, 3), np.uint8))[:40], bomb()])
def test_what_is_empty_damaged_or_far_too_large_is_no_picture(data, tmp_path):
    assert decode_rgb(data) is None
    assert decode_mask(data) is None
    (tmp_path / "a.png").write_bytes(data)
    assert read_rgb(tmp_path / "a.png") is None
    assert read_rgb(tmp_path / "b.png") is None


def test_a_photo_that_is_found_in_two_ways_comes_once(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    draw_photos(tmp_path / "a" / "b")
    monkeypatch.chdir(tmp_path / "a")
    once = find_photos([Path("b")])
    assert find_photos([Path("b"), tmp_path / "a", Path("b")]) == once
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    assert find_photos([Path("b"), tmp_path / "link"]) == once
