"""Portable pixmaps (PPM, PGM) say themselves which number is white; elsewhere it is the type's."""

from __future__ import annotations

import re

import numpy as np

_MOST_HEADER = 1024  # bytes of a header with its comments
# Width, height, largest number, with spaces or comments between.
_HEADER = re.compile(rb"P[2356](?:(?:\s|#[^\r\n]*[\r\n])+(\d+)){3}\s")


def largest_number(data: bytes) -> int:
    """The number that is white in a PPM or PGM file.

    Raises:
        ValueError: Its first kilobyte does not say.
    """
    found = _HEADER.match(data, 0, _MOST_HEADER)
    if found is None or not 0 < int(found[1]) < 65536:
        raise ValueError("the header of this pixmap cannot be read")
    return int(found[1])


def stretched(pixels: np.ndarray, largest: int) -> np.ndarray:
    """Numbers from 0 to `largest` as uint16 from 0 to 65535, rounded."""
    if largest == 65535:
        return pixels
    wide = (pixels.astype(np.uint32) * 65535 + largest // 2) // largest
    return np.minimum(wide, 65535).astype(np.uint16)
