"""A photo shelf, a fake engine and services in a temporary folder."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from PIL import Image

from space.photos import PhotoShelf
from space.services import Services
from space.settings import Settings
from tests.space.fakes import TeleaEngine


@pytest.fixture
def rgb() -> np.ndarray:
    """A non-square picture of odd size."""
    return np.random.default_rng(0).integers(0, 256, (43, 61, 3), dtype=np.uint8)


@pytest.fixture
def picture(tmp_path: Path, rgb: np.ndarray) -> Path:
    """The same as a PNG file."""
    path = tmp_path / "a photo.png"
    Image.fromarray(rgb).save(path)
    return path


@pytest.fixture
def shelf(tmp_path: Path) -> PhotoShelf:
    return PhotoShelf(tmp_path / "photos")


@pytest.fixture
def engine() -> TeleaEngine:
    return TeleaEngine()


@pytest.fixture
def services(tmp_path: Path, shelf: PhotoShelf, engine: TeleaEngine) -> Services:
    store = SimpleNamespace()
    settings = Settings(model="telea", data_dir=tmp_path / "data")
    return Services(engine, cast("object", store), settings, shelf)  # type: ignore[arg-type]
