"""The pictures under the masks: photos of the shelf and the drawn landscape, with their objects."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

import masks
from masks.base import Image, Labels
from masks.objects import find_objects
from space.photos import PhotoHandle, PhotoShelf

_KEPT_BYTES = 256_000_000  # of pictures, and of their objects
T = TypeVar("T")


@dataclass(frozen=True)
class View:
    """A picture that masks are drawn over."""

    key: str
    """Tells pictures apart: the photo's id, or the landscape's size."""
    image: Image
    handle: PhotoHandle | None
    """The photo; None for the landscape."""
    readable: bool
    """Whether `masks.read_image` gives these very pixels, so that printed code can."""

    @property
    def height(self) -> int:
        """Rows of the upright picture."""
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        """Columns of the upright picture."""
        return int(self.image.shape[1])


class Scenery:
    """Pictures by name; the last few stay in memory, so that a slider's redraw is quick."""

    def __init__(self, shelf: PhotoShelf) -> None:
        self.shelf = shelf
        self._views: OrderedDict[str, View] = OrderedDict()
        self._labels: OrderedDict[str, Labels] = OrderedDict()
        self._lock = threading.Lock()

    def photo(self, identity: str, name: str = "") -> View:
        """A photo of the shelf.

        Args:
            identity: Its id there.
            name: What this reader calls it; another one may have the same photo open.

        Raises:
            ValueError: It is not (or no longer) there, or too small for masks.
        """
        handle = self.shelf.get(identity)
        view = self._kept(self._views, handle.id, lambda: self._open(handle), _bytes_of_view)
        return replace(view, handle=replace(handle, name=Path(name).name or handle.name))

    def landscape(self, width: int, height: int) -> View:
        """The drawn landscape at a size."""
        key = f"{width}x{height}"
        return self._kept(
            self._views,
            key,
            lambda: View(key, masks.scene(height, width), None, True),
            _bytes_of_view,
        )

    def labels(self, view: View) -> Labels:
        """The objects of a picture, looked for once."""
        return self._kept(self._labels, view.key, lambda: find_objects(view.image), _bytes_of)

    def _open(self, handle: PhotoHandle) -> View:
        # The command line reads files with OpenCV: take the same pixels wherever it can, so that
        # the code that is printed finds the same objects.
        image = _read(handle)
        if image is not None and image.shape[:2] == (handle.height, handle.width):
            return View(handle.id, image, handle, readable=True)
        image = self.shelf.decoded(handle).rgb
        masks.check_image(image)
        return View(handle.id, image, handle, readable=False)

    def _kept(
        self,
        cache: OrderedDict[str, T],
        key: str,
        make: Callable[[], T],
        size: Callable[[T], int],
    ) -> T:
        with self._lock:
            found = cache.get(key)
        if found is None:
            found = make()
        with self._lock:
            cache[key] = found
            cache.move_to_end(key)
            while len(cache) > 1 and sum(map(size, cache.values())) > _KEPT_BYTES:
                cache.popitem(last=False)
        return found


def _bytes_of(labels: Labels) -> int:
    return labels.nbytes


def _bytes_of_view(view: View) -> int:
    return view.image.nbytes


def _read(handle: PhotoHandle) -> np.ndarray | None:
    try:
        return masks.read_image(handle.path)
    except ValueError:
        return None
