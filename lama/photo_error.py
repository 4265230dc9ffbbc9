"""The error for files that cannot be used as photos."""

from __future__ import annotations


class PhotoError(ValueError):
    """A file that cannot be used as a photo; the message is for the person who chose it."""
