"""Pictures that cannot be read are None, whatever is wrong with them."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lama.training.photos import decode_grey, decode_rgb, find_photos, read_rgb
from tests.lama.training.toy import bomb, draw_photos


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_pictures_come_in_rgb_and_grey():
    pixels = np.zeros((5, 7, 3), np.uint8)
    pixels[..., 0] = 200
    assert np.array_equal(decode_rgb(png(pixels)), pixels)
    assert np.array_equal(decode_grey(png(pixels[..., 0])), pixels[..., 0])


@pytest.mark.parametrize("data", [b"", b"no", png(np.zeros((9, 9, 3), np.uint8))[:40], bomb()])
def test_what_is_empty_damaged_or_far_too_large_is_no_picture(data, tmp_path):
    assert decode_rgb(data) is None
    assert decode_grey(data) is None
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
