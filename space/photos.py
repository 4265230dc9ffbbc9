"""Photos on the server: every file is kept once, untouched, under the sha256 of its bytes."""

import hashlib
import io
import json
import os
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lama.exif import orientation
from lama.files import names_in
from lama.photo import Photo, open_photo

LOST = "The app no longer has this photo. Open it once more."
_DECODED = 3
_UNFINISHED_SECONDS = 60  # after which a file that has no name yet is a crash's leaving


class LostPhotoError(ValueError):
    """A photo is not on the shelf any more; the message is for the reader."""


@dataclass(frozen=True)
class PhotoHandle:
    """A photo on the shelf."""

    id: str
    """sha256 of the untouched bytes."""
    width: int
    """Width in pixels, upright."""
    height: int
    """Height in pixels, upright."""
    path: Path
    """The untouched file."""
    name: str
    """What the reader called it; for showing only, never a path."""
    format: str
    """Format that a download goes back to, for example `JPEG`."""
    plain: bool
    """Whether browsers show it exactly as the app decodes it."""
    origins: tuple[str, ...] = ()
    """Ids of the photos that it was made from, by going on from a result."""


class PhotoShelf:
    """Content-addressed store of the photos in use, bounded in size.

    Several processes may share one folder: files are written beside and moved into place.
    """

    def __init__(self, directory: Path, *, limit_mb: int = 1024, max_megapixels: int = 64) -> None:
        self.directory = directory
        self.max_pixels = max_megapixels * 1_000_000
        self._limit = limit_mb * 1_000_000
        self._decoded: OrderedDict[str, Photo] = OrderedDict()
        self._lock = threading.Lock()

    def put(
        self, path: Path, name: str = "", source_format: str = "", origin: PhotoHandle | None = None
    ) -> PhotoHandle:
        """Take a copy of the file at `path`.

        Args:
            path: A picture file; it is read once and not kept open.
            name: What the reader calls it; the file's own name if empty.
            source_format: Format a download goes back to; the file's own if empty.
            origin: The photo that this one is a result of: whoever has that one forgotten
                does not want this one kept either.

        Raises:
            ValueError: Not a picture that can be used; the message says why in plain words.
        """
        content = path.read_bytes()
        identity = hashlib.sha256(content).hexdigest()
        with self._lock:
            known = self._decoded.get(identity)
        photo = known or open_photo(content, max_pixels=self.max_pixels)
        width, height = photo.size
        kept = self.directory / identity
        origins = set(_origins(kept))
        if origin is not None:
            origins |= {origin.id, *origin.origins}
        handle = PhotoHandle(
            identity, width, height, kept, name or path.name, source_format or photo.format,
            _shows_plainly(photo, content), tuple(sorted(origins - {identity})),
        )  # fmt: skip
        self.directory.mkdir(parents=True, exist_ok=True)
        if kept.exists() and kept.stat().st_size == len(content):  # a power cut may leave it empty
            os.utime(kept)  # it is in use again
        else:
            _write(kept, content)
        _write(_sidecar(kept), json.dumps(asdict(handle), default=str).encode())
        self._remember(identity, photo)
        self._trim(keep=identity)
        return handle

    def get(self, identity: str) -> PhotoHandle:
        """The photo with this id.

        Raises:
            LostPhotoError: It is not (or no longer) on the shelf.
            ValueError: No photo was ever called so.
        """
        if not (len(identity) == 64 and set(identity) <= set("0123456789abcdef")):
            raise ValueError("This is not the id of a photo.")
        kept = self.directory / identity
        try:
            fields = json.loads(_sidecar(kept).read_text(encoding="utf-8"))
            os.utime(kept)
            origins = tuple(fields.get("origins", ()))
            handle = PhotoHandle(**(fields | {"path": kept, "origins": origins}))
            emptied = kept.stat().st_size == 0  # by a power cut
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise LostPhotoError(LOST) from error
        if emptied:
            raise LostPhotoError(LOST)
        return handle

    def opened(self, handle: PhotoHandle) -> PhotoHandle:
        """The photo as somebody opened it, if this one is what became of it by filling.

        What a model made is no photo to learn from. A mask on it is one on the first photo as well:
        both are of one size.

        Raises:
            LostPhotoError: It is not on the shelf any more.
        """
        if not handle.origins:
            return handle
        for identity in handle.origins:
            try:
                origin = self.get(identity)
            except LostPhotoError:
                continue
            same_size = (origin.width, origin.height) == (handle.width, handle.height)
            if not origin.origins and same_size:
                return origin
        raise LostPhotoError(
            "The app no longer has this photo as it was opened, and one that is filled in part is "
            "nothing to learn from. Open the photo once more and mark the place there."
        )

    def decoded(self, handle: PhotoHandle) -> Photo:
        """The upright photo of a handle; the last few stay in memory.

        Raises:
            LostPhotoError: Its file has been thrown away meanwhile.
        """
        with self._lock:
            photo = self._decoded.get(handle.id)
        if photo is None:
            try:
                content = handle.path.read_bytes()
            except FileNotFoundError as error:
                raise LostPhotoError(LOST) from error
            photo = open_photo(content, max_pixels=self.max_pixels)
        self._remember(handle.id, photo)
        return photo

    def forget(self, identity: str) -> None:
        """Remove a photo from the shelf; no error when it is not there."""
        with self._lock:
            self._decoded.pop(identity, None)
        for path in (self.directory / identity, _sidecar(self.directory / identity)):
            path.unlink(missing_ok=True)

    def made_from(self, identities: Collection[str]) -> set[str]:
        """Ids of the photos that are results of one of these, also over several steps."""
        wanted = set(identities)
        return {
            path.stem
            for path in names_in(self.directory)
            if path.suffix == ".json" and wanted & set(_origins(path.with_suffix("")))
        }

    def kept(self) -> list[tuple[float, int, Path]]:
        """What there is: when it was last used, how many bytes it has, and its file."""
        found = []
        for path in names_in(self.directory):
            if path.suffix == "":
                try:
                    stat = path.stat()
                except FileNotFoundError:  # another thread or process threw it away first
                    continue
                found.append((stat.st_mtime, stat.st_size, path))
        return found

    def sweep(self) -> None:
        """Remove what a crash left: files without a name, and what is said of photos not here."""
        for path in names_in(self.directory):
            if path.suffix == ".part":
                try:
                    outdated = path.stat().st_mtime < time.time() - _UNFINISHED_SECONDS
                except FileNotFoundError:
                    continue
            else:
                # A photo is written before what is said of it, so this is none in the making.
                outdated = path.suffix == ".json" and not path.with_suffix("").exists()
            if outdated:
                path.unlink(missing_ok=True)

    def _remember(self, identity: str, photo: Photo) -> None:
        with self._lock:
            self._decoded[identity] = photo
            self._decoded.move_to_end(identity)
            while len(self._decoded) > _DECODED:
                self._decoded.popitem(last=False)

    def _trim(self, keep: str) -> None:
        """Throw the files used longest ago away until the folder is within its limit."""
        kept = sorted(self.kept())
        total = sum(size for _, size, _ in kept)
        for _, size, path in kept:
            if total <= self._limit:
                break
            if path.name != keep:
                path.unlink(missing_ok=True)
                _sidecar(path).unlink(missing_ok=True)
                total -= size


def _shows_plainly(photo: Photo, content: bytes) -> bool:
    """Whether a browser decodes the file to the very pixels that the app works on."""
    if photo.format not in ("JPEG", "PNG", "WEBP") or photo.notes:
        return False
    if photo.original.dtype != np.uint8:
        return False
    # Every browser turns JPEGs upright; not every one does so with other formats.
    with Image.open(io.BytesIO(content)) as image:
        return photo.format == "JPEG" or orientation(image) == 1


def _sidecar(path: Path) -> Path:
    return path.with_suffix(".json")


def _origins(kept: Path) -> tuple[str, ...]:
    """What is known already of where a photo comes from."""
    try:
        return tuple(json.loads(_sidecar(kept).read_text(encoding="utf-8")).get("origins", ()))
    except (OSError, ValueError):
        return ()


def _write(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(temporary).replace(path)
