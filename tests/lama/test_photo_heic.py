"""The files were made with libheif's encoder: four fields of one colour, 52 x 36 pixels."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from lama import photo_heic
from lama.heic_decoder import decode
from lama.photo import PhotoError, inpaint_photo, open_photo
from lama.photo_heic import open_image
from lama.photo_write import encode_photo
from tests.lama.test_photo import check_spoilt

PICTURES = Path(__file__).parent / "pictures"
RED, GREEN, BLUE, YELLOW = (200, 40, 30), (30, 180, 60), (40, 60, 200), (230, 220, 60)


def corners(rgb: np.ndarray) -> list[tuple[int, int, int]]:
    return [tuple(rgb[y, x]) for y, x in ((3, 3), (3, -4), (-4, 3), (-4, -4))]


def close(found, wanted) -> bool:
    return bool(np.abs(np.array(found, int) - np.array(wanted)).max() <= 4)


def test_a_phone_s_photo_is_upright_and_keeps_its_exif():
    photo = open_photo(PICTURES / "turned.heic")
    assert (photo.format, photo.size, photo.notes) == ("HEIC", (36, 52), ())
    assert close(corners(photo.rgb), [BLUE, RED, YELLOW, GREEN])
    exif = Image.Exif()
    exif.load(photo.exif)
    assert exif[0x010F] == "Maker"
    assert exif.get_ifd(0x8769)[0x9003] == "2026:01:02 03:04:05"
    assert 0x0112 not in exif  # it would be turned once more


def test_ten_bits_are_rounded_and_that_is_said():
    photo = open_photo(PICTURES / "ten_bits.heic")
    assert photo.original.dtype == np.uint8
    assert close(corners(photo.rgb), [RED, GREEN, BLUE, YELLOW])
    assert photo.notes == ("Its colours were rounded to 8 bits.",)


def test_what_stands_behind_the_first_picture_is_none_of_it():
    photo = open_photo(PICTURES / "two.heic")
    assert photo.size == (52, 36)
    assert close(corners(photo.rgb), [RED, GREEN, BLUE, YELLOW])


def test_transparency_is_kept():
    assert open_photo(PICTURES / "alpha.heic").original.shape == (36, 52, 4)


def test_the_result_keeps_every_known_pixel():
    photo = open_photo(PICTURES / "turned.heic")
    hole = np.zeros((52, 36), bool)
    hole[10:20, 5:30] = True
    filled = inpaint_photo(lambda rgb, _: np.zeros_like(rgb), photo, hole)
    saved = open_photo(encode_photo(filled, "PNG"))
    assert np.array_equal(saved.original, np.where(hole[..., None], 0, photo.original))
    assert saved.exif is not None


def test_size_is_judged_before_anything_is_decoded(monkeypatch):
    def load(_):
        raise AssertionError("decoded")

    monkeypatch.setattr("pi_heif.HeifImageFile.load", load)
    data, target = (PICTURES / "turned.heic").read_bytes(), io.BytesIO()
    decode(io.BytesIO(data), target, 1000)
    assert json.loads(target.getvalue()) == {"size": [36, 52]}
    with pytest.raises(AssertionError, match="decoded"):
        decode(io.BytesIO(data), target, 36 * 52)


def test_too_large_in_words():
    data = (PICTURES / "turned.heic").read_bytes()
    assert open_photo(data, max_pixels=36 * 52).size == (36, 52)
    with pytest.raises(PhotoError, match=r"\(36 x 52\); up to"):
        open_photo(data, max_pixels=36 * 52 - 1)


def test_a_file_that_kills_its_decoder_is_damaged(monkeypatch, tmp_path):
    dies = tmp_path / "dies.py"
    dies.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(photo_heic, "_DECODER", dies)
    with pytest.raises(PhotoError, match="damaged"):
        open_photo(PICTURES / "turned.heic")


def test_one_that_never_ends_is_damaged(monkeypatch, tmp_path):
    sleeps = tmp_path / "sleeps.py"
    sleeps.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(photo_heic, "_DECODER", sleeps)
    monkeypatch.setattr(photo_heic, "_SECONDS", 0.2)
    with pytest.raises(PhotoError, match="damaged"):
        open_photo(PICTURES / "turned.heic")


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_cut_off_anywhere(share):
    data = (PICTURES / "turned.heic").read_bytes()
    with pytest.raises(PhotoError, match="damaged|not a picture"):
        open_photo(data[: int(len(data) * share)])


def test_other_formats_are_opened_as_by_pillow():
    stream = io.BytesIO()
    Image.new("RGB", (7, 5)).save(stream, "AVIF")
    assert open_image(stream.getvalue(), 100).format == "AVIF"
    with pytest.raises(UnidentifiedImageError):
        open_image(stream.getvalue(), 100, ["PNG", "HEIC"])
    with pytest.raises(UnidentifiedImageError):
        open_image((PICTURES / "turned.heic").read_bytes(), 10_000, ["PNG"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow says what it finds
def test_whatever_the_bytes_are_the_answer_is_a_photo_or_a_sentence(rng):
    check_spoilt((PICTURES / "turned.heic").read_bytes(), 40, rng)
