"""Photos that look alike though their bytes differ: scaled, recompressed, brightened.

Each photo has a perceptual hash of 64 bits (`imagehash.phash`); two photos are alike when few bits
differ. The hash is kept in four bands of 16 bits. If at most seven bits differ, some band differs
in at most one, so looking up 17 values in each band finds every candidate, and a save costs the
same at a hundred photos and at a hundred thousand.
"""

import imagehash
import numpy as np
from PIL import Image

DISTANCE = 6  # of 64 bits; recompressed and scaled copies are below, other photos rarely under 16
BANDS, BITS = 4, 16


def look_of(picture: Image.Image) -> int:
    """The perceptual hash of an upright picture, 64 bits."""
    return int(str(imagehash.phash(eight_bit(picture).convert("RGB"))), 16)


def eight_bit(picture: Image.Image) -> Image.Image:
    """16-bit grey by its upper byte: Pillow's own conversion clips everything to white."""
    if not picture.mode.startswith("I;16"):
        return picture
    result = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    result.info = dict(picture.info)
    return result


def bands(look: int) -> tuple[int, ...]:
    """A hash in the four parts that the index keeps."""
    return tuple(look >> (BITS * number) & 0xFFFF for number in range(BANDS))
