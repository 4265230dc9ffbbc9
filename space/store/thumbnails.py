"""Small pictures of records for the gallery, made when first looked at."""

import io
import logging

import numpy as np
from PIL import Image

import masks
from lama.exif import upright
from space.store.core import Core
from space.store.files import working, write_atomically
from space.store.records import Record

LONG_SIDE = 360
_QUALITY = 82
_log = logging.getLogger(__name__)


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
        if not core.index.get("SELECT 1 FROM records WHERE id = ?", (record.id,)):
            path.unlink(missing_ok=True)  # deleted while this was drawn
    except OSError as error:  # a full disk must not empty the gallery
        _log.warning("A thumbnail could not be kept: %s", error)
    return data


def _draw(core: Core, record: Record) -> bytes:
    scale = min(1.0, LONG_SIDE / max(record.width, record.height))
    size = (max(1, round(record.width * scale)), max(1, round(record.height * scale)))
    with Image.open(io.BytesIO(core.objects.read("originals", record.image_sha256))) as picture:
        picture.draft("RGB", (2 * LONG_SIDE, 2 * LONG_SIDE))  # JPEG: decodes at a fraction
        photo = upright(eight_bit(picture)).convert("RGB").resize(size, Image.Resampling.LANCZOS)
    with Image.open(io.BytesIO(core.objects.read("masks", record.mask_sha256))) as picture:
        # A thin stroke has to stay visible: any share of hole above a fifth counts.
        hole = np.asarray(picture.resize(size, Image.Resampling.BOX)) > 50
    overlay = Image.fromarray(masks.overlay(np.asarray(photo), hole))
    buffer = io.BytesIO()
    overlay.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def eight_bit(picture: Image.Image) -> Image.Image:
    """16-bit grey by its upper byte: Pillow's own conversion clips everything to white."""
    if not picture.mode.startswith("I;16"):
        return picture
    upper = (np.asarray(picture) >> 8).astype(np.uint8)
    result = Image.fromarray(upper)
    result.info = dict(picture.info)
    return result
