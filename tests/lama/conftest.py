"""EXIF that is hard to keep."""

import struct

import pytest
from PIL import Image


@pytest.fixture
def unwritable_exif() -> bytes:
    """Turned clockwise to be seen upright, with a number that Pillow reads and cannot write."""
    exif = Image.Exif()
    exif[0x0112], exif[0x0128] = 6, 1  # the unit of resolution, as a short
    block = bytearray(exif.tobytes())
    at = block.index(struct.pack(">HHL", 0x0128, 3, 1))
    block[at : at + 12] = struct.pack(">HHLL", 0x0128, 4, 1, 100_000)  # a long that no short holds
    return bytes(block)
