import numpy as np
import pytest
from PIL import Image

import masks
from space.mask_lab import scenery as module
from tests.masks.scenes import desk


def test_a_photo_has_the_pixels_that_printed_code_reads(scenery, photo, photo_file):
    view = scenery.photo(photo.id)
    assert view.readable
    assert np.array_equal(view.image, masks.read_image(photo_file))


def test_a_photo_that_opencv_cannot_read_is_shown_all_the_same(scenery, shelf, tmp_path):
    path = tmp_path / "still.gif"
    Image.fromarray(desk(60, 90)[0]).save(path)
    view = scenery.photo(shelf.put(path).id)
    assert view.image.shape == (60, 90, 3)
    assert view.readable == (module._read(view.handle) is not None)


def test_a_turned_photo_is_upright(scenery, shelf, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    Image.fromarray(desk(60, 90)[0]).save(path, exif=exif)
    assert scenery.photo(shelf.put(path).id).image.shape == (90, 60, 3)


def test_objects_are_looked_for_once_a_picture(scenery, monkeypatch):
    searched = []
    monkeypatch.setattr(module, "find_objects", lambda image: searched.append(1) or image[..., 0])
    view = scenery.landscape(64, 48)
    assert scenery.labels(view) is scenery.labels(view)
    assert len(searched) == 1


def test_only_the_last_few_pictures_stay_in_memory(scenery, monkeypatch):
    monkeypatch.setattr(module, "_KEPT_BYTES", 3 * 70 * 64 * 3)
    for width in (65, 66, 67, 68, 69, 70):
        scenery.landscape(width, 64)
    assert list(scenery._views) == ["68x64", "69x64", "70x64"]
    large = scenery.landscape(640, 64)
    assert list(scenery._views.values()) == [large], "the newest stays however large"


def test_a_tiny_photo_is_refused(scenery, shelf, tmp_path):
    path = tmp_path / "dot.png"
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(path)
    with pytest.raises(ValueError, match="both sides between 16"):
        scenery.photo(shelf.put(path).id)
