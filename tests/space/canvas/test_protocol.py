"""The canvas's value: exact masks both ways, and clear words for whatever is not one."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.canvas.protocol import decode, encode_mask, load_command
from space.photos import PhotoHandle, PhotoShelf


@pytest.fixture
def handle(shelf: PhotoShelf, picture: Path) -> PhotoHandle:
    return shelf.put(picture)


def one_bit_png(mask: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def value(handle: PhotoHandle, **changes: object) -> dict:
    crop = np.ones((5, 7), dtype=bool)
    mask = {"x": 3, "y": 2, "width": 7, "height": 5, "png": one_bit_png(crop)}
    return {"photo": handle.id, "mask": mask, "strokes": [], "request": 4} | changes


def test_the_crop_lands_where_it_was_drawn(shelf: PhotoShelf, handle: PhotoHandle) -> None:
    drawing = decode(value(handle, model="telea"), shelf)
    expected = np.zeros((43, 61), dtype=bool)
    expected[2:7, 3:10] = True
    assert np.array_equal(drawing.mask, expected)
    assert (drawing.request, drawing.strategy, drawing.model) == (4, "drawn", "telea")
    assert drawing.photo == handle


def test_json_text_is_the_same_as_the_mapping(shelf: PhotoShelf, handle: PhotoHandle) -> None:
    strokes = [{"tool": "brush", "points": [[1.5, 2]], "size": 9}]
    drawing = decode(json.dumps(value(handle, strokes=strokes, strategy="wide")), shelf)
    assert json.loads(drawing.strokes) == strokes
    assert drawing.strategy == "wide"


def test_what_the_page_shows_and_wants_is_read(shelf: PhotoShelf, handle: PhotoHandle) -> None:
    given = {"live": True, "shown": "abc", "shown_version": 2, "name": "/home/ann/my cat.png"}
    drawing = decode(json.dumps(value(handle, **given)), shelf)
    assert (drawing.live, drawing.shown, drawing.shown_version) == (True, "abc", 2)
    assert drawing.name == "my cat.png"
    plain = decode(value(handle, live="yes", shown=None, shown_version="x"), shelf)
    assert (plain.live, plain.shown, plain.shown_version) == (False, "", 0)
    assert plain.name == handle.name


def test_a_photo_on_its_way_is_not_asked_for_again(shelf: PhotoShelf) -> None:
    with pytest.raises(ValueError, match="on its way"):
        decode({"photo": None, "name": "cat.png"}, shelf)
    with pytest.raises(ValueError, match="Open a photo first"):
        decode({"photo": None, "name": ""}, shelf)


@pytest.mark.parametrize("seed", range(6))
def test_masks_survive_the_round_trip(shelf: PhotoShelf, handle: PhotoHandle, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((43, 61), dtype=bool)
    y, x = rng.integers(0, 30), rng.integers(0, 40)
    mask[y : y + rng.integers(1, 13), x : x + rng.integers(1, 21)] = True
    mask &= rng.random(mask.shape) > 0.3
    mask[y, x] = True
    assert np.array_equal(decode(value(handle, mask=encode_mask(mask)), shelf).mask, mask)


def test_an_empty_mask_has_no_crop() -> None:
    assert encode_mask(np.zeros((4, 5), dtype=bool)) is None


@pytest.mark.parametrize(
    ("nothing", "said"),
    [
        (None, "Open a photo first"),
        ("", "could not be read"),
        ("{", "could not be read"),
        ([1], "Open a photo first"),
        ({"photo": None}, "Open a photo first"),
        ({"photo": "0" * 64}, "Open it once more"),
    ],
)
def test_no_photo(shelf: PhotoShelf, nothing: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode(nothing, shelf)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (None, "Nothing is marked yet"),
        ({"x": 3}, "could not be read"),
        ({"x": 60, "y": 0, "width": 7, "height": 5, "png": ""}, "does not lie on the photo"),
        ({"x": -1, "y": 0, "width": 7, "height": 5, "png": ""}, "does not lie on the photo"),
        ({"x": 0, "y": 0, "width": 7, "height": 5, "png": "bm90IGEgcG5n"}, "could not be read"),
        ({"x": 0, "y": 0, "width": 7, "height": 5, "png": "***"}, "could not be read"),
        ("text", "could not be read"),
    ],
)
def test_bad_masks_are_refused_in_words(
    shelf: PhotoShelf, handle: PhotoHandle, mask: object, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        decode(value(handle, mask=mask), shelf)


def test_a_png_larger_than_it_says_is_not_decoded(shelf: PhotoShelf, handle: PhotoHandle) -> None:
    crop = {"x": 0, "y": 0, "width": 7, "height": 5}
    huge = crop | {"png": one_bit_png(np.ones((4000, 4000), dtype=bool))}
    with pytest.raises(ValueError, match="could not be read"):
        decode(value(handle, mask=huge), shelf)


def test_an_all_black_crop_is_no_hole(shelf: PhotoShelf, handle: PhotoHandle) -> None:
    crop = {"x": 0, "y": 0, "width": 7, "height": 5}
    black = crop | {"png": one_bit_png(np.zeros((5, 7), dtype=bool))}
    with pytest.raises(ValueError, match="Nothing is marked"):
        decode(value(handle, mask=black), shelf)


def test_load_command_carries_the_mask(shelf: PhotoShelf, handle: PhotoHandle) -> None:
    mask = np.zeros((43, 61), dtype=bool)
    mask[10:20, 30:40] = True
    command = load_command(handle, "file", mask, "box")
    assert (command["command"], command["width"], command["height"]) == ("load", 61, 43)
    assert np.array_equal(decode(value(handle, mask=command["mask"]), shelf).mask, mask)
