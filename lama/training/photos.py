"""Where training photos come from: folders here, Hugging Face datasets in `dataset_photos`.

A source says which photo a sample should take (`candidates`) and reads it (`read`). Whether a
sample is the same after an interruption, with other workers or on more machines depends on
nothing else, so both are functions of the sample's number and the run's seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from lama.files import sha256_file
from lama.photo import open_mask
from lama.photo_error import PhotoError
from masks.files import PHOTO_SUFFIXES, find_files

MOST_PIXELS = 2**30  # of a mask, about what OpenCV takes of a photo


@dataclass(frozen=True)
class Picture:
    """image uint8 (H, W, 3), upright; mask bool (H, W) if the source brings one, True = hole."""

    image: np.ndarray
    mask: np.ndarray | None = None


class Photos(Protocol):
    """What samples are cut from."""

    def candidates(self, number: int, seed: int, rng: np.random.Generator) -> Iterator[int]:
        """Which photo sample `number` takes, then which ones instead if it cannot be read."""

    def name(self, index: int) -> str:
        """What to call a photo in messages."""

    def read(self, index: int) -> Picture | None:
        """The photo, or None if it cannot be read."""


class Indexed:
    """Photos with a length: every one comes once an epoch, in an order drawn from the seed."""

    def __init__(self) -> None:
        self._order: tuple[tuple[int, int], np.ndarray] | None = None

    def __len__(self) -> int:
        raise NotImplementedError

    def name(self, index: int) -> str:
        """See `Photos.name`."""
        raise NotImplementedError

    def read(self, index: int) -> Picture | None:
        """See `Photos.read`."""
        raise NotImplementedError

    def candidates(self, number: int, seed: int, rng: np.random.Generator) -> Iterator[int]:
        """See `Photos.candidates`."""
        epoch, place = divmod(number, len(self))
        if self._order is None or self._order[0] != (seed, epoch):
            order = np.random.default_rng([seed, epoch, 1]).permutation(len(self))
            self._order = (seed, epoch), order
        yield int(self._order[1][place])
        while True:
            yield int(rng.integers(len(self)))


class PhotoFiles(Indexed):
    """Picture files."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        """The path."""
        return str(self.paths[index])

    def read(self, index: int) -> Picture | None:
        """See `Photos.read`."""
        image = read_rgb(self.paths[index])
        return None if image is None else Picture(image)


class Chosen(Indexed):
    """Some photos of a source.

    Args:
        source: where they are.
        indices: which.
    """

    def __init__(self, source: Indexed, indices: Sequence[int]) -> None:
        super().__init__()
        self.source, self.indices = source, list(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def name(self, index: int) -> str:
        """What its source calls it."""
        return self.source.name(self.indices[index])

    def read(self, index: int) -> Picture | None:
        """See `Photos.read`."""
        return self.source.read(self.indices[index])


class Joined(Indexed):
    """Several sources as one."""

    def __init__(self, parts: Sequence[Indexed]) -> None:
        super().__init__()
        self.parts = list(parts)

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def _find(self, index: int) -> tuple[Indexed, int]:
        for part in self.parts:
            if index < len(part):
                return part, index
            index -= len(part)
        raise IndexError(index)

    def name(self, index: int) -> str:
        """What its part calls it."""
        part, inside = self._find(index)
        return part.name(inside)

    def read(self, index: int) -> Picture | None:
        """See `Photos.read`."""
        part, inside = self._find(index)
        return part.read(inside)


def find_photos(folders: Sequence[Path]) -> list[Path]:
    """All pictures below the folders, sorted, so that a seed means the same photos everywhere.

    A photo that lies below several of them, or has several paths, comes once.
    """
    found: dict[Path, Path] = {}
    for folder in folders:
        for path in find_files(Path(folder), recursive=True):
            if path.is_file():  # and no link to nothing
                found.setdefault(path.resolve(), path)
    if not found:
        raise ValueError(
            f"no photos below {', '.join(map(str, folders))}; looked for {' '.join(PHOTO_SUFFIXES)}"
        )
    return list(found.values())


def twins(files: Sequence[Path]) -> list[Path]:
    """For each file the first of the same content: for most of them the file itself.

    Only files of equal size are read; one that cannot be read is like no other.
    """
    sizes = [_size(path) for path in files]
    several = {size for size, number in Counter(sizes).items() if number > 1}
    first: dict[str, Path] = {}
    return [
        first.setdefault(_digest(path), path) if size in several else path
        for path, size in zip(files, sizes, strict=True)
    ]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _digest(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError:
        return str(path)


def cell_bytes(cell: dict[str, Any] | None) -> bytes:
    """The file in an undecoded image cell, which carries it or says where it lies; b"" if not."""
    if not cell:
        return b""
    if isinstance(cell.get("bytes"), bytes):
        return cell["bytes"]
    path = str(cell.get("path") or "")
    try:
        if "://" in path:  # a stream of files on the Hub
            import fsspec  # noqa: PLC0415 - comes with datasets

            with fsspec.open(path, "rb") as file:
                return file.read()
        return Path(path).read_bytes() if path else b""
    except OSError:
        return b""


def read_rgb(path: Path) -> np.ndarray | None:
    """A picture file as upright uint8 (H, W, 3), or None if it cannot be read."""
    try:
        return decode_rgb(path.read_bytes())
    except OSError:
        return None


def decode_rgb(data: bytes) -> np.ndarray | None:
    """An encoded picture as upright uint8 (H, W, 3), or None if it cannot be decoded."""
    image = _decode(data, cv2.IMREAD_COLOR)
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def decode_mask(data: bytes) -> np.ndarray | None:
    """An encoded mask as upright bool (H, W), True = hole, or None if it cannot be decoded.

    See `lama.photo.open_mask`.
    """
    try:
        return open_mask(data, max_pixels=MOST_PIXELS)
    except PhotoError:
        return None


def has_hole(data: bytes) -> bool:
    """Whether an encoded mask can be decoded and has a hole and something around it."""
    mask = decode_mask(data)
    return mask is not None and bool(mask.any()) and not mask.all()


def none_usable(masks: str) -> ValueError:
    """What to raise where none of the `masks`, in words, has a hole."""
    return ValueError(
        f"none of {masks} can be used: a mask is black (or clear) where the "
        "photo stays and anything else in the hole, and has some of both"
    )


def _decode(data: bytes, how: int) -> np.ndarray | None:
    values = np.frombuffer(data, np.uint8)
    try:
        return cv2.imdecode(values, how) if values.size else None
    except cv2.error:  # larger than OpenCV or the memory takes: it says None to the rest
        return None
