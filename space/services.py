"""What every tab is given: the engine, the store, the photos and the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from masks.opencv_selectors import Regions
from masks.selection import Provider
from space.engine import Engine
from space.exports import Exports
from space.pace import RateLimit
from space.photos import PhotoShelf
from space.settings import Settings

if TYPE_CHECKING:
    from space.store import Store
    from space.sync import Sync


@dataclass(frozen=True)
class Services:
    """The app's parts behind the page; tests pass fakes."""

    engine: Engine
    store: Store
    settings: Settings
    photos: PhotoShelf
    sync: Sync | None = None
    selector: Provider = field(default_factory=Regions)
    pace: RateLimit = field(default_factory=RateLimit)
    """How fast a visitor may save, on the page and over HTTP together."""

    @property
    def exports(self) -> Exports:
        """Where files go that somebody fetches within the hour."""
        return Exports(self.settings.folders.exports)
