"""Selecting objects with networks: the small one that comes along, and others on request."""

from masks.selecting import Regions
from masks.selection import Provider


def default() -> Provider:
    """Return the best provider that needs no download: the network, or else OpenCV alone."""
    from lama.selection.clicks import WEIGHTS, Clicks  # noqa: PLC0415 - torch loads slowly

    return Clicks() if WEIGHTS.is_file() else Regions()
