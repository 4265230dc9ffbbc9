"""The error for files that cannot be used as photos."""

from __future__ import annotations


class PhotoError(ValueError):
    """A file that cannot be used as a photo; the message is for the person who chose it."""


def too_large(width: int, height: int, max_pixels: int) -> PhotoError:
    """The error for a picture of more than `max_pixels`."""
    return PhotoError(
        f"This picture has {width * height / 1e6:.0f} megapixels ({width} x {height}); up to "
        f"{max_pixels / 1e6:.0f} can be opened. Scale it down and retry."
    )
