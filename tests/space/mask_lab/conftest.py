"""A photo with objects on the shelf, as a JPEG and as a file OpenCV does not read alike."""

from pathlib import Path

import pytest
from PIL import Image

from space.mask_lab.scenery import Scenery
from space.photos import PhotoHandle, PhotoShelf
from tests.masks.scenes import desk


@pytest.fixture
def photo_file(tmp_path: Path) -> Path:
    path = tmp_path / "my desk.jpg"
    Image.fromarray(desk(180, 260)[0]).save(path, quality=90)
    return path


@pytest.fixture
def photo(shelf: PhotoShelf, photo_file: Path) -> PhotoHandle:
    return shelf.put(photo_file)


@pytest.fixture
def scenery(shelf: PhotoShelf) -> Scenery:
    return Scenery(shelf)
