"""EXIF that tells about a photo, apart from what a TIFF keeps in the same place about itself."""

from __future__ import annotations

from PIL import Image

_PARTS = {0x8769, 0x8825}  # directories of their own: the shot, the place
# Of a TIFF's first directory what tells about the photo: description, make, model, software, date,
# artist, host, copyright, Windows' title to subject. The rest says how it is stored.
_DESCRIPTIVE = {0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298}
_DESCRIPTIVE |= {*range(0x9C9B, 0x9CA0), *_PARTS}


def descriptive(exif: Image.Exif) -> Image.Exif:
    """Leave in EXIF what tells about the photo; how a TIFF is stored is for its writer to say."""
    for tag in set(exif) - _DESCRIPTIVE:
        del exif[tag]
    return exif


def has_parts(exif: Image.Exif) -> bool:
    """Whether it has directories below the first one."""
    return not _PARTS.isdisjoint(exif)
