"""EXIF: how a photo lies, and what tells about it apart from what a TIFF says about itself."""

from __future__ import annotations

import re
import struct
from typing import Any, overload

from PIL import Image

_PARTS = {0x8769, 0x8825}  # directories of their own: the shot, the place
# Of a TIFF's first directory what tells about the photo: description, make, model, software, date,
# artist, host, copyright, Windows' title to subject. The rest says how it is stored.
_DESCRIPTIVE = {0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298}
_DESCRIPTIVE |= {*range(0x9C9B, 0x9CA0), *_PARTS}


ORIENTATION = 0x0112
_Turn = Image.Transpose
_TURNS = {
    2: _Turn.FLIP_LEFT_RIGHT,
    3: _Turn.ROTATE_180,
    4: _Turn.FLIP_TOP_BOTTOM,
    5: _Turn.TRANSPOSE,
    6: _Turn.ROTATE_270,
    7: _Turn.TRANSVERSE,
    8: _Turn.ROTATE_90,
}
XMP = "XML:com.adobe.xmp"  # what PNG calls it
_XMP = {"xmp", XMP}  # where Pillow has it
# A small picture of how the photo was: what a hole took away would still be seen in it.
_THUMBNAILS = re.compile(r"<(\w+):Thumbnails\b.*?</\1:Thumbnails>", re.DOTALL)
_XMP_ORIENTATION = re.compile(r"(tiff:Orientation(?:=[\"']|>))[1-8]")
# What Pillow raises for EXIF that is none, and for some when it is to write it.
EXIF_ERRORS = (SyntaxError, ValueError, LookupError, OSError, TypeError, struct.error)


def orientation(image: Image.Image) -> int:
    """How the file's EXIF says that its pixels lie, 1 to 8; 1, upright, where it says nothing.

    What XMP says of it counts for nothing, as in browsers: Pillow's own word would turn photos that
    a page shows as they lie.
    """
    if image.format == "TIFF":
        told = ORIENTATION in image.tag_v2  # type: ignore[attr-defined]
        # Pillow turns some as it reads them, and then says so here.
        value = image.getexif().get(ORIENTATION, 1) if told else 1
    else:
        if image.format == "PNG" and "exif" not in image.info:
            image.load()  # it may stand behind the pixels
        exif = Image.Exif()
        try:
            exif.load(image.info.get("exif") or b"")
            value = exif.get(ORIENTATION, 1)
        except EXIF_ERRORS:
            return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(image: Image.Image) -> Image.Image:
    """The picture turned as `orientation` says; itself where there is nothing to turn."""
    image.load()
    turn = _TURNS.get(orientation(image))
    return image if turn is None else image.transpose(turn)


def as_it_was(exif: Image.Exif) -> Image.Exif:
    """Let words keep their letters: Pillow reads them as Latin-1 and writes them as ASCII.

    So those in UTF-8, or Latin-1, go back as the bytes that they were.
    """
    for directory in (exif, *(exif.get_ifd(part) for part in _PARTS & set(exif))):
        for tag, value in list(directory.items()):
            if isinstance(value, str):
                directory[tag] = exact(value)
    return exif


def exact(words: str) -> str | bytes:
    """Words of EXIF as they can be written: in bytes where ASCII does not do."""
    return words if words.isascii() else words.encode("latin-1", "replace")


def without_turn(image: Image.Image) -> bytes | None:
    """A file's EXIF with its orientation taken out; None where there is nothing else.

    Raises:
        One of `EXIF_ERRORS`: It cannot be read, or not be written again.
    """
    exif = Image.Exif()  # a copy: the image still needs its orientation
    exif.load(as_it_was(image.getexif()).tobytes())
    return _upright_block(descriptive(exif) if image.format == "TIFF" else exif)


def xmp_of(image: Image.Image) -> dict[str, str]:
    """A file's XMP packet by its name in PNG, without small pictures of the photo; or nothing.

    Raises:
        UnicodeDecodeError: It is no text.
    """
    packet = image.info.get("xmp") or image.info.get(XMP) or ""
    words = packet.decode() if isinstance(packet, bytes) else str(packet)
    words = _THUMBNAILS.sub("", words.strip("\0"))
    return {XMP: words} if words else {}


def say_upright(info: dict[Any, Any]) -> None:
    """Take out of a turned picture's `info` what would have it turned once more."""
    try:
        exif = Image.Exif()
        exif.load(info.pop("exif", b""))
        if block := _upright_block(exif):
            info["exif"] = block
    except EXIF_ERRORS:
        pass  # some can be read and not written: then it goes without
    info.pop("Raw profile type exif", None)
    for key in _XMP & set(info):
        info[key] = xmp_upright(info[key])


def _upright_block(exif: Image.Exif) -> bytes | None:
    exif.pop(ORIENTATION, None)
    return as_it_was(exif).tobytes() if len(exif) else None


@overload
def xmp_upright(packet: str) -> str: ...
@overload
def xmp_upright(packet: bytes) -> bytes: ...
def xmp_upright(packet: str | bytes) -> str | bytes:
    """An XMP packet, or any other words, whose orientation is 1."""
    if isinstance(packet, bytes):
        return _XMP_ORIENTATION.sub(r"\g<1>1", packet.decode("latin-1")).encode("latin-1")
    return _XMP_ORIENTATION.sub(r"\g<1>1", packet)


def descriptive(exif: Image.Exif) -> Image.Exif:
    """Leave in EXIF what tells about the photo; how a TIFF is stored is for its writer to say."""
    for tag in set(exif) - _DESCRIPTIVE:
        del exif[tag]
    return exif


def has_parts(exif: Image.Exif) -> bool:
    """Whether it has directories below the first one."""
    return not _PARTS.isdisjoint(exif)
