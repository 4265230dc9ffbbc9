"""Pictures from and to files, with OpenCV alone."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import cv2
import numpy as np

from masks.base import Image, Mask, check_image
from masks.ops import as_bytes, painted

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
"""Files that count as photos when a folder is looked through; case does not matter."""


def find_files(
    folder: Path, suffixes: Collection[str] = PHOTO_SUFFIXES, *, recursive: bool = False
) -> list[Path]:
    """Return the files of a folder that end in one of the suffixes, by default photos, by path.

    Files and folders below whose names begin with a dot are left out: they are a system's own, such
    as the `._photo.jpg` that a Mac writes beside each photo on a foreign disk, or a `.Trash`. A
    link to nothing is among the files, so that whoever reads it says that it is gone.

    Args:
        folder: without it nothing is found.
        suffixes: in small letters; the files' own case does not matter.
        recursive: look into the folders below as well.
    """
    if not recursive and not folder.is_dir():
        return []
    # Unlike `glob`, `iterdir` says so when it may not look.
    return sorted(
        path
        for path in (_below(folder) if recursive else folder.iterdir())
        if path.suffix.lower() in suffixes and path.name[0] != "." and not path.is_dir()
    )


def _below(folder: Path) -> Iterator[Path]:
    """Yield what lies below a folder, links to folders followed, no folder twice.

    Real folders come before those behind links, so that a link into the same tree changes no path.
    """
    seen: set[Path] = set()
    waiting = [folder]
    while waiting:
        links: list[Path] = []
        for start in waiting:
            for place, folders, names in os.walk(start):
                here = Path(place)
                if here.resolve() in seen:  # also what closes a loop
                    folders.clear()
                    continue
                seen.add(here.resolve())
                yield from map(here.joinpath, names)
                folders[:] = [name for name in folders if name[0] != "."]
                links += [here / name for name in sorted(folders) if (here / name).is_symlink()]
        waiting = links


def read_image(path: Path | str) -> Image:
    """Read a picture as uint8 (H, W, 3) in RGB, upright as its orientation tag says.

    Raises:
        ValueError: if there is no such file, or it is no picture, or too small for masks.
    """
    decoded = _decode(Path(path), _read(Path(path)), cv2.IMREAD_COLOR)
    image = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    check_image(image)
    return image


def read_mask(path: Path | str) -> Mask:
    """Read a mask as bool (H, W), True = hole: see `masks.ops.painted`. It may be empty or full.

    Raises:
        ValueError: if there is no such file, or it is no picture.
    """
    path = Path(path)
    data = _read(path)
    pixels = _decode(path, data, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 2 and data[:4] == b"\x89PNG" and b"eXIf" not in data:
        return painted(pixels[..., None])  # most masks: nothing to turn, and grey is quick
    if pixels.ndim == 3 and pixels.shape[2] == 4 and not pixels[..., 3].all():
        return painted(pixels)
    # Once more without alpha: only then OpenCV turns it as its orientation tag says.
    pixels = _decode(path, data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    return painted(pixels, is_lossy(data))


def is_lossy(data: bytes) -> bool:
    """Whether a picture file may differ from what was drawn: JPEG, AVIF, and most WebP."""
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP" and b"VP8L" not in data[:1024]
    return webp or data[:2] == b"\xff\xd8" or data[4:8] == b"ftyp"


def write_image(path: Path | str, image: Image) -> None:
    """Write uint8 (H, W, 3) in RGB; the suffix chooses the format.

    Raises:
        ValueError: if the suffix is unknown or the file cannot be written.
    """
    _write(Path(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def write_mask(path: Path | str, mask: Mask) -> None:
    """Write a mask as a grey picture, hole 255 and known 0; use a lossless suffix such as .png.

    Raises:
        ValueError: if the suffix is unknown or the file cannot be written.
    """
    _write(Path(path), as_bytes(mask) * 255)


def encode_mask(mask: Mask) -> bytes:
    """Return the PNG file of a mask, hole 255 and known 0."""
    return cv2.imencode(".png", as_bytes(mask) * 255)[1].tobytes()


def fit(image: Image, height: int, width: int) -> Image:
    """Return the middle of the image, scaled so that it just covers (height, width)."""
    factor = max(height / image.shape[0], width / image.shape[1])
    size = (
        max(width, round(image.shape[1] * factor)),
        max(height, round(image.shape[0] * factor)),
    )
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(image, size, interpolation=interpolation)
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width])


def check_new_folder(path: Path) -> None:
    """Check that masks of one run do not mix with what a folder holds.

    Raises:
        ValueError: it holds something, or is no folder.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"{path} holds something already: take a new folder for the masks")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def _decode(path: Path, data: bytes, how: int) -> np.ndarray:
    values = np.frombuffer(data, np.uint8)
    try:
        decoded = cv2.imdecode(values, how) if values.size else None
    except cv2.error:  # raised for sizes beyond OpenCV's limit
        decoded = None
    if decoded is None:
        raise ValueError(f"{path} is not a picture that can be read: PNG, JPEG, WebP and TIFF work")
    return decoded


def _write(path: Path, pixels: np.ndarray) -> None:
    try:
        data = cv2.imencode(path.suffix.lower(), pixels)[1]
    except cv2.error as error:
        raise ValueError(f"{path}: no picture format is known by this suffix; use .png") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}") from error
