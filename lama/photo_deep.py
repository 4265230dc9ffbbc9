"""Pixels of more than 8 bits: 16-bit PNG, TIFF and PPM, which Pillow alone would cut down."""

from __future__ import annotations

import io

import cv2
import numpy as np
import tifffile
from PIL import Image

from lama.exif import orientation
from lama.photo_error import PhotoError
from lama.pixmap import largest_number, stretched

# Tags of TIFF.
_BITS_PER_SAMPLE, _PHOTOMETRIC, _CHANNELS, _PLANAR, _EXTRA_SAMPLES = 258, 262, 277, 284, 338
_CMYK, _NO_ALPHA, _PREMULTIPLIED_ALPHA = 5, 0, 1  # what they say
TOO_DEEP = (
    "This picture has numbers of more than 16 bits, or fractions. "
    "Save it as PNG or TIFF of 8 or 16 bits and retry."
)


def is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether a sample has 16 bits, which Pillow alone would cut to 8."""
    if image.mode.startswith("I"):
        return True
    if image.format == "PNG":
        return data[24] == 16  # the bit depth in IHDR
    if image.format == "TIFF":
        bits = image.tag_v2.get(_BITS_PER_SAMPLE, (8,))  # type: ignore[attr-defined]
        return max(bits if isinstance(bits, tuple) else (bits,)) == 16
    return image.format == "PPM" and image.mode != "1" and largest_number(data) > 255


def deep_pixels(image: Image.Image, data: bytes) -> np.ndarray:
    """The upright pixels of a picture that `is_deep`: (H, W, C), uint16 or uint8, C = 1 to 4.

    Args:
        image: opened by Pillow, for what its head says.
        data: the file.

    Raises:
        PhotoError: Its pixels are longer than 16 bits, or those of print.
    """
    tags = getattr(image, "tag_v2", {})  # a TIFF's
    if tags.get(_PHOTOMETRIC) == _CMYK:
        raise PhotoError("CMYK with 16 bits cannot be read. Save it as RGB, or with 8 bits.")
    if tags.get(_PLANAR) == 2 and tags.get(_CHANNELS, 1) > 1:  # of one channel it says nothing
        return _deep_planes(image, data)
    # OpenCV wants a space behind the last number of a PPM that is text.
    numbers = np.frombuffer(data + b"\n" if image.format == "PPM" else data, np.uint8)
    pixels = cv2.imdecode(numbers, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
        raise PhotoError(TOO_DEEP)
    if image.format == "PPM":
        pixels = stretched(pixels, largest_number(data))
    if image.format == "TIFF" and tags.get(_PHOTOMETRIC) == 0:
        pixels = 65535 - pixels  # grey where 0 is white
    if pixels.ndim == 2:
        pixels = _with_clear_grey(pixels, image)
    elif pixels.shape[2] >= 3:
        pixels = pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]]
    if image.format == "TIFF":
        pixels = _without_extras(pixels, image)
    # OpenCV turns TIFF by itself, whatever it is told, and leaves PNG as it lies.
    turned = _turn(pixels, 1 if image.format == "TIFF" else orientation(image))
    return np.ascontiguousarray(turned)


def _with_clear_grey(grey: np.ndarray, image: Image.Image) -> np.ndarray:
    """(H, W) as (H, W, 1), or with alpha where the file names a grey that is transparent.

    OpenCV minds such a colour (PNG's tRNS) in pictures of three colours only.
    """
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return grey[..., None]
    return np.stack([grey, np.where(grey == clear, 0, 65535).astype(np.uint16)], axis=2)


def _deep_planes(image: Image.Image, data: bytes) -> np.ndarray:
    """A 16-bit TIFF that keeps each colour by itself, which OpenCV would read as if it did not."""
    pixels = np.moveaxis(tifffile.imread(io.BytesIO(data)), 0, -1)
    # Pillow's size is that of the upright picture already.
    sides = sorted(pixels.shape[:2])
    if pixels.dtype != np.uint16 or sides != sorted(image.size) or pixels.shape[2] > 4:
        raise PhotoError(TOO_DEEP)
    turned = _turn(_without_extras(pixels, image), orientation(image))
    return np.ascontiguousarray(turned)


def _without_extras(pixels: np.ndarray, image: Image.Image) -> np.ndarray:
    """The colours of a 16-bit TIFF (H, W, C) and its alpha, if that is what its last channel is."""
    kind = image.tag_v2.get(_EXTRA_SAMPLES, ())  # type: ignore[attr-defined]
    kind = kind if isinstance(kind, tuple) else (kind,)
    if pixels.shape[2] not in (2, 4) or kind[:1] not in ((_NO_ALPHA,), (_PREMULTIPLIED_ALPHA,)):
        return pixels
    colours, alpha = pixels[..., :-1], pixels[..., -1:]
    if kind[0] == _NO_ALPHA:
        return colours
    whole = np.maximum(alpha, 1).astype(np.float32)
    straight = np.minimum(colours * (65535 / whole) + 0.5, 65535).astype(np.uint16)
    return np.concatenate([straight, alpha], axis=2)


def _turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1 to 8) to (H, W, C)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
