"""Records as they are shown: photo and mask small enough for a page, and the gallery's pictures."""

import io
import logging
from dataclasses import dataclass

import numpy as np
from PIL import Image

import masks
from lama.exif import upright
from space.store.core import Core
from space.store.files import working, write_atomically
from space.store.looks import eight_bit
from space.store.pictures import decode_mask
from space.store.records import Record

LONG_SIDE = 360
_QUALITY = 82
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pair:
    """A photo and its mask as they are shown."""

    rgb: np.ndarray
    """uint8 (H, W, 3), upright."""
    mask: np.ndarray
    """bool (H, W), True = hole."""


def thumbnail(core: Core, record: Record) -> bytes:
    """A JPEG of the upright photo with its mask in red, the long side `LONG_SIDE` pixels.

    Args:
        core: The data directory.
        record: Whose.

    Raises:
        StoreError: A file of the record is missing.
    """
    path = core.thumbnails / f"{record.id}.jpg"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        data = _draw(core, record)
    try:
        # Not in `incoming`, which others sweep while they hold the lock.
        with working(core.unfinished):
            write_atomically(path, data, core.thumbnails)
        same = "SELECT 1 FROM records WHERE id = ? AND mask_sha256 = ?"
        if not core.index.get(same, (record.id, record.mask_sha256)):
            path.unlink(missing_ok=True)  # deleted, or its mask mended, while this was drawn
    except OSError as error:  # a full disk must not empty the gallery
        _log.warning("A thumbnail could not be kept: %s", error)
    return data


def pair_of(core: Core, record: Record, long_side: int) -> Pair:
    """The upright photo and the mask of a record at a size for looking at, never enlarged.

    Args:
        core: The data directory.
        record: Whose.
        long_side: In pixels, at most.

    Raises:
        StoreError: A file is missing or damaged.
    """
    scale = min(1.0, long_side / max(record.width, record.height))
    size = (max(1, round(record.width * scale)), max(1, round(record.height * scale)))
    with Image.open(io.BytesIO(core.objects.read("originals", record.image_sha256))) as picture:
        picture.draft("RGB", (2 * long_side, 2 * long_side))  # JPEG: decodes at a fraction
        photo = upright(eight_bit(picture)).convert("RGB").resize(size, Image.Resampling.LANCZOS)
    mask = decode_mask(core.objects.read("masks", record.mask_sha256))
    hole = Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
    # A thin stroke has to stay visible: any share of hole above a fifth counts.
    small = np.asarray(hole.resize(size, Image.Resampling.BOX)) > 50
    return Pair(np.asarray(photo), small)


def _draw(core: Core, record: Record) -> bytes:
    pair = pair_of(core, record, LONG_SIDE)
    buffer = io.BytesIO()
    overlay = Image.fromarray(masks.overlay(pair.rgb, pair.mask))
    overlay.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
