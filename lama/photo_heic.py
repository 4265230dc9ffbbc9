"""HEIC, the format of iPhones and newer Samsungs: opened by libheif, which Pillow does not have."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from lama.photo_error import too_large

FORMAT = "HEIC"
SUFFIXES = (".heic", ".heif")
# What a file says that it is; the last two are any still pictures in this container, also AVIF.
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_DECODER = Path(__file__).with_name("heic_decoder.py")
_SECONDS = 60  # 48 megapixels take two


def open_image(data: bytes, max_pixels: int, formats: Sequence[str] | None = None) -> Image.Image:
    """`PIL.Image.open` for the bytes of a file, which may be HEIC as well.

    A HEIC comes decoded and upright, and says so whatever its EXIF said: the turn stands elsewhere
    in the file. Of several pictures it is the one that phones show. Its `format` is `FORMAT`.

    Args:
        data: the file.
        max_pixels: a larger HEIC is refused before it is decoded; other formats are decoded later,
            so that their size is the caller's to judge.
        formats: those that may be read, as Pillow calls them, and `FORMAT`; None = all.

    Raises:
        UnidentifiedImageError: It is no picture.
        OSError: A damaged HEIC.
        PhotoError: A HEIC that is too large.
    """
    others = None if formats is None else [name for name in formats if name != FORMAT]
    try:
        return Image.open(io.BytesIO(data), formats=others)
    except UnidentifiedImageError:
        wanted = formats is None or FORMAT in formats
        if not wanted or data[4:8] != b"ftyp" or data[8:12] not in _BRANDS:
            raise
    return _decoded(data, max_pixels)


def _decoded(data: bytes, max_pixels: int) -> Image.Image:
    command = [sys.executable, "-P", str(_DECODER), str(max_pixels)]
    try:
        child = subprocess.run(
            command, input=data, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"HEIC took more than {_SECONDS} seconds") from error
    if child.returncode:
        words = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise OSError(f"HEIC cannot be decoded: {words or f'died of {-child.returncode}'}")
    line, _, pixels = child.stdout.partition(b"\n")
    head = json.loads(line)
    width, height = head["size"]
    if width * height > max_pixels:
        raise too_large(width, height, max_pixels)
    image = Image.frombytes(head["mode"], (width, height), pixels)
    for name in ("exif", "icc_profile", "xmp"):
        if head[name]:
            image.info[name] = base64.b64decode(head[name])
    image.info["bit_depth"] = head["bit_depth"]
    image.format = FORMAT
    return image
