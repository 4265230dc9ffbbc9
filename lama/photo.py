"""A photo as a file holds it: upright pixels in their own depth, and what else must survive.

Networks and screens see 8-bit RGB; the original keeps its alpha, its 16 bits, its colour profile,
EXIF and text, so that a result differs from the photo in the hole and nowhere else.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from lama.exif import EXIF_ERRORS, XMP, orientation, upright, without_turn, xmp_of, xmp_upright
from lama.photo_deep import TOO_DEEP, deep_pixels, is_deep
from lama.photo_error import PhotoError, too_large
from lama.photo_heic import open_image
from masks import ops
from masks.files import is_lossy

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Picture uint8 (H, W, 3) and mask bool (H, W), True = hole, to a picture uint8 (H, W, 3)."""

MAX_PIXELS = 64_000_000  # 48-megapixel phones, with room
MOST_JPEG_EXIF = 65533  # bytes in one segment, which is what Pillow writes
MOST_JPEG_XMP = 65504
READABLE = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PPM", "HEIC")
_LOSSY = ("JPEG", "MPO", "WEBP", "AVIF", "HEIC")
_MOST_DPI = 65536  # JPEG has 16 bits for it
_ROWS = 64  # converted at once


@dataclass(frozen=True)
class Photo:
    """An opened photo.

    Attributes:
        original: upright pixels, uint8 or uint16 (H, W, C); C is 1 grey, 2 grey and alpha, 3 RGB,
            4 RGB and alpha.
        format: of the file: "PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PPM"
            or "HEIC".
        icc_profile: colour profile, or None.
        exif: EXIF block with the orientation taken out (the pixels are upright), or None.
        text: textual entries of a PNG; the XMP packet of any format, as PNG names it.
        dpi: resolution, or None.
        notes: what was changed on opening, in plain words.
    """

    original: np.ndarray
    format: str
    icc_profile: bytes | None = None
    exif: bytes | None = None
    text: dict[str, str] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def rgb(self) -> np.ndarray:
        """What networks and screens see: uint8 (H, W, 3); transparency is ignored.

        Made once and shared: copy it before writing to it.
        """
        grey = self.original.shape[2] <= 2
        pixels = self.original[..., :1] if grey else self.original[..., :3]
        if pixels.dtype == np.uint16:
            pixels = eight_bits(pixels)
        return np.ascontiguousarray(np.repeat(pixels, 3, axis=2) if grey else pixels)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, upright."""
        return self.original.shape[1], self.original.shape[0]


def open_photo(source: Path | str | bytes, max_pixels: int = MAX_PIXELS) -> Photo:
    """Open a picture file upright.

    Args:
        source: a path, or the bytes of a file.
        max_pixels: larger pictures are refused, judged by the header before anything is decoded.

    Raises:
        PhotoError: Not a picture, damaged, animated, or too large; in plain words.
    """
    return _open(source, max_pixels, lambda _: None)


def _open(
    source: Path | str | bytes, max_pixels: int, check: Callable[[Image.Image], None]
) -> Photo:
    """Open a picture file upright; `check` looks at its header and may refuse it."""
    data = source if isinstance(source, bytes) else _read(Path(source))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # judged by max_pixels
        try:
            image = open_image(data, max_pixels, READABLE)
        except (UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise _refusal(error) from error
        except _DECODING_ERRORS as error:
            raise error if isinstance(error, PhotoError) else PhotoError(_DAMAGED) from error
        try:
            _check_header(image, max_pixels)
            check(image)
            if not is_deep(image, data):
                return _shallow(image)
            return Photo(deep_pixels(image, data), image.format or "PNG", **_extras(image))
        except _DECODING_ERRORS as error:
            raise error if isinstance(error, PhotoError) else PhotoError(_DAMAGED) from error


def merge(photo: Photo, filled: np.ndarray, mask: np.ndarray) -> Photo:
    """Put filled pixels into a photo's hole, in the photo's own depth and channels.

    Known pixels stay identical in every bit; alpha stays as it is everywhere.

    Args:
        photo: the photo.
        filled: uint8 (H, W, 3).
        mask: bool (H, W), True = hole.

    Returns:
        A new photo.
    """
    pixels = photo.original.copy()
    hole = filled[mask]
    if pixels.shape[2] <= 2:
        hole = (
            cv2.cvtColor(hole[None], cv2.COLOR_RGB2GRAY)[0][:, None] if len(hole) else hole[:, :1]
        )
    if pixels.dtype == np.uint16:
        hole = hole.astype(np.uint16) * 257
    colours = pixels[..., : hole.shape[1]]
    colours[mask] = hole
    return replace(photo, original=pixels)


def inpaint_photo(fill: Fill, photo: Photo, mask: np.ndarray) -> Photo:
    """Fill a photo's hole with `fill(rgb, mask)`, for example an `Inpainter`."""
    return merge(photo, fill(photo.rgb, mask), mask)


def open_mask(
    source: Path | str | bytes,
    size: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """Open a mask file, as the command line, the API, imports and training all do.

    Any pixel that is not black is hole. Where any pixel is fully transparent, alpha alone decides:
    whatever is not fully transparent is hole. Lossy files have grey noise around black; there, a
    pixel whose brightest colour is above the middle is hole (`masks.files.is_lossy`).

    Args:
        source: a path, or the bytes of a file.
        size: (width, height) that it must have; the header tells, before anything is decoded.
            None: any.
        max_pixels: larger masks are refused; give what the photo was opened with.

    Returns:
        bool (H, W), upright; may be empty or full.

    Raises:
        PhotoError: Not a picture, or of another size.
    """

    def check(image: Image.Image) -> None:
        # It may lie on its side in the file: what counts is decided when it is upright.
        if size is not None and sorted(image.size) != sorted(size):
            raise _other_size(image.size, size)

    data = source if isinstance(source, bytes) else _read(Path(source))
    photo = _open(data, max_pixels, check)
    if size is not None and photo.size != size:
        raise _other_size(photo.size, size)
    return ops.painted(photo.original, is_lossy(data))


def painted(mask: Image.Image) -> np.ndarray:
    """Which pixels of a PIL image, turned upright, are hole; by the rule of `open_mask`.

    Pillow tells the format of a picture as it came from a file, and not of what was made of it. Nor
    does it tell whether a WebP is lossless: all of them count as lossy.

    Args:
        mask: of any mode.

    Returns:
        bool (H, W).
    """
    return ops.painted(_channels(upright(mask)), mask.format in _LOSSY)


def _other_size(mask: tuple[int, int], photo: tuple[int, int]) -> PhotoError:
    return PhotoError(
        f"The mask is {mask[0]} x {mask[1]} pixels, the photo is {photo[0]} x {photo[1]}. "
        "They must be the same size."
    )


def eight_bits(pixels: np.ndarray) -> np.ndarray:
    """uint16 samples as uint8, each rounded; a few rows at a time, for a photo may be large."""
    result = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), _ROWS):
        rows = pixels[top : top + _ROWS]
        result[top : top + _ROWS] = (rows.astype(np.uint32) + 128) // 257
    return result


# What Pillow, OpenCV and tifffile raise on bytes that somebody made up.
_DECODING_ERRORS = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError),
    *(struct.error, cv2.error, RuntimeError),
)
_DAMAGED = "This picture is damaged or cut off and cannot be read. Save it again and retry."


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PhotoError(f"{path} cannot be opened: {error.strerror or error}.") from error


def _refusal(error: Exception) -> PhotoError:
    if isinstance(error, Image.DecompressionBombError):
        return PhotoError("This picture is far too large to open. Scale it down and retry.")
    return PhotoError(
        "This file is not a picture that can be read. "
        "PNG, JPEG, WebP, HEIC, AVIF, TIFF and BMP work."
    )


def _check_header(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise too_large(width, height, max_pixels)
    if image.mode == "F":
        raise PhotoError(TOO_DEEP)
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # an MPO is a phone's JPEG with a depth map behind it
        raise PhotoError(
            f"This picture has {frames} frames or pages. Save the one you want by itself and retry."
        )


def _shallow(image: Image.Image) -> Photo:
    extras = _extras(image)
    name = "JPEG" if image.format == "MPO" else image.format or "PNG"
    image.load()
    turned = upright(image)
    if turned.mode == "CMYK":
        turned = from_cmyk(turned, extras["icc_profile"])
        extras["icc_profile"] = None
        extras["notes"] += ("CMYK was converted to RGB.",)
    if turned.mode == "P":
        extras["notes"] += ("The palette was converted to full colour.",)
    if image.info.get("bit_depth", 8) > 8:  # of a HEIC
        extras["notes"] += ("Its colours were rounded to 8 bits.",)
    return Photo(np.ascontiguousarray(_channels(turned)), name, **extras)


def _channels(image: Image.Image) -> np.ndarray:
    """A picture of any mode as (H, W, C), uint8 unless its numbers are longer: see `Photo`."""
    if not image.mode.startswith(("I", "F")):
        clear = image.has_transparency_data
        grey = image.mode in ("1", "L", "LA", "La")
        image = image.convert(("LA" if clear else "L") if grey else ("RGBA" if clear else "RGB"))
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def from_cmyk(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A CMYK picture as sRGB, by its colour profile if that can be read."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # a damaged profile: the plain conversion below is what viewers do too
    return image.convert("RGB")


def _extras(image: Image.Image) -> dict[str, Any]:
    notes: tuple[str, ...] = ()
    try:
        exif = without_turn(image)
    except EXIF_ERRORS:
        exif, notes = None, ("Its EXIF is damaged and was left out.",)
    if exif and len(exif) > MOST_JPEG_EXIF and image.format in ("JPEG", "MPO"):
        notes += ("Its EXIF is longer than a JPEG can be given: save as PNG or TIFF to keep it.",)
    text = {k: str(v) for k, v in getattr(image, "text", {}).items()}
    try:
        text |= xmp_of(image)
    except UnicodeDecodeError:
        notes += ("Its XMP is damaged and was left out.",)
    if len(text.get(XMP, "").encode()) > MOST_JPEG_XMP and image.format in ("JPEG", "MPO"):
        notes += ("Its XMP is longer than a JPEG can be given: save as PNG or TIFF to keep it.",)
    if orientation(image) != 1:  # what is turned now must not be turned again
        text.pop("Raw profile type exif", None)
        text = {key: xmp_upright(value) for key, value in text.items()}
    return {
        "icc_profile": image.info.get("icc_profile"),
        "exif": exif,
        "text": text,
        "dpi": _resolution(image.info.get("dpi")),
        "notes": notes,
    }


def _resolution(dpi: Any) -> tuple[float, float] | None:  # noqa: ANN401 - whatever a file says
    """Dots an inch, where they are numbers that every format can hold."""
    try:
        across, down = float(dpi[0]), float(dpi[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
    return (across, down) if 0 < across < _MOST_DPI and 0 < down < _MOST_DPI else None
