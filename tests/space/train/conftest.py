"""A trainer over an empty dataset."""

from pathlib import Path

import pytest

from space.photos import PhotoShelf
from space.services import Services
from space.settings import Settings
from space.store import Store
from space.train.trainer import Trainer
from tests.space.fakes import TeleaEngine


@pytest.fixture
def trainer(tmp_path: Path):
    settings = Settings(model="telea", data_dir=tmp_path / "data")
    store = Store.open(settings.data_dir)
    services = Services(
        TeleaEngine(), store, settings, PhotoShelf(settings.folders.cache / "photos")
    )
    yield Trainer(services)
    store.close()
