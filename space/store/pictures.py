"""A photo and a mask as they are stored: readable by anyone, upright, without metadata.

JPEG, PNG and WebP keep their own bytes but for the metadata (`space.store.metadata`); every
other format becomes a PNG with the same pixels. Whatever comes out has been decoded once in
full, so nothing that cannot be read enters the dataset.
"""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from lama.exif import orientation, upright
from lama.photo import Photo, open_photo
from lama.photo_deep import TOO_DEEP, is_deep
from lama.photo_error import PhotoError
from lama.photo_heic import open_image
from lama.photo_write import encode_photo
from space.store.errors import SubmissionError
from space.store.looks import look_of
from space.store.metadata import strip_jpeg, strip_png, strip_webp

MAX_PIXELS = 100_000_000
_STRIPPERS = {"JPEG": strip_jpeg, "MPO": strip_jpeg, "PNG": strip_png, "WEBP": strip_webp}
_PNG_MODES = ("1", "L", "LA", "RGB", "RGBA")
_LOOK_SIDE = 256
_EXCHANGED_SIDES = (5, 6, 7, 8)  # orientations in which width and height change places
_UNREADABLE = (
    "This file is not a picture that can be read. PNG, JPEG, WebP, HEIC, AVIF and TIFF work."
)


@dataclass(frozen=True)
class StoredPicture:
    """A photo, ready to be stored."""

    data: bytes  # the file as it will lie on the disk
    sha256: str  # of `data`
    width: int  # of the upright photo
    height: int  # of the upright photo
    look: int  # its perceptual hash
    metadata_removed: bool  # whether there was anything besides pixels and colours to remove


def prepare_photo(data: bytes, max_pixels: int = MAX_PIXELS) -> StoredPicture:
    """Check a photo's file and take its metadata out.

    Args:
        data: The file as it was given.
        max_pixels: The size, from the header, above which it is refused before decoding.

    Raises:
        SubmissionError: It cannot be read, is animated, or too large.
    """
    try:
        return _prepare(data, max_pixels)
    except SubmissionError:
        raise
    except PhotoError as error:
        raise SubmissionError(str(error)) from error
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise SubmissionError(_UNREADABLE) from error
    except (OSError, SyntaxError, ValueError, RuntimeError, EOFError, LookupError) as error:
        raise SubmissionError(
            f"This picture is damaged and cannot be read to its end ({error})."
        ) from error


def _prepare(data: bytes, max_pixels: int) -> StoredPicture:
    with open_image(data, max_pixels) as picture:
        if picture.width * picture.height > max_pixels:
            raise SubmissionError(
                f"This picture has {picture.width * picture.height / 1e6:.0f} megapixels; "
                f"at most {max_pixels / 1e6:.0f} can be stored. Make it smaller first."
            )
        kind = picture.format or ""
        if getattr(picture, "is_animated", False) and kind != "MPO":
            raise SubmissionError("Animated pictures cannot be stored. Save one frame of it.")
        turned = orientation(picture)
        strip = _STRIPPERS.get(kind)
        stored = strip(data, turned) if strip else _as_png(picture, data, max_pixels)
    width, height, look = _decoded(stored)
    return StoredPicture(
        data=stored,
        sha256=hashlib.sha256(stored).hexdigest(),
        width=width,
        height=height,
        look=look,
        metadata_removed=len(stored) < len(data) if strip else bool(_metadata(data, max_pixels)),
    )


def _metadata(data: bytes, max_pixels: int) -> bool:
    with open_image(data, max_pixels) as picture:
        return bool(len(picture.getexif())) or bool({"comment", "xmp"} & set(picture.info))


def _as_png(picture: Image.Image, data: bytes, max_pixels: int) -> bytes:
    """The upright picture as PNG: same pixels, colour profile kept, nothing else."""
    if picture.mode == "F":
        raise SubmissionError(TOO_DEEP)
    if is_deep(picture, data):  # Pillow would cut or clip its 16 bits
        return _as_deep_png(data, max_pixels)
    turned = upright(picture)
    profile = picture.info.get("icc_profile")
    if turned.mode in ("P", "PA"):
        turned = turned.convert("RGBA" if turned.has_transparency_data else "RGB")
    if turned.mode not in _PNG_MODES:
        # CMYK, LAB, YCbCr: a profile of those colours would be wrong for RGB.
        turned, profile = turned.convert("RGB"), None
    buffer = io.BytesIO()
    # A fresh picture: Pillow would carry text and other chunks over from `info`.
    clean = Image.frombytes(turned.mode, turned.size, turned.tobytes())
    clean.save(buffer, "PNG", icc_profile=profile)
    return buffer.getvalue()


def _as_deep_png(data: bytes, max_pixels: int) -> bytes:
    try:
        photo = open_photo(data, max_pixels)
    except PhotoError as error:
        raise SubmissionError(str(error)) from error
    return encode_photo(Photo(photo.original, "PNG", photo.icc_profile), "PNG")


def _decoded(data: bytes) -> tuple[int, int, int]:
    """Decode a file to its last byte: width and height as it will be shown, and how it looks."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        width, height = picture.size
        exchanged = orientation(picture) in _EXCHANGED_SIDES
        # Small first: turning a photo of many megapixels would cost more than everything else.
        picture.thumbnail((_LOOK_SIDE, _LOOK_SIDE), Image.Resampling.BOX, reducing_gap=None)
        look = look_of(upright(picture))
        return (height, width, look) if exchanged else (width, height, look)


def encode_mask(mask: np.ndarray, width: int, height: int) -> bytes:
    """Encode a mask as 8-bit grey PNG, 0 known and 255 hole.

    Args:
        mask: bool (H, W), True = hole, of the upright photo's size.
        width: The photo's.
        height: The photo's.

    Raises:
        SubmissionError: Wrong type or size, no hole, or nothing but hole.
    """
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise SubmissionError(
            f"A mask is a bool array (height, width); got {mask.dtype} {mask.shape}."
        )
    if mask.shape != (height, width):
        raise SubmissionError(
            f"The mask is {mask.shape[1]} x {mask.shape[0]} pixels, the photo {width} x {height}. "
            "They have to be of the same size."
        )
    if not mask.any():
        raise SubmissionError("There is no hole in this mask. Paint over something first.")
    if mask.all():
        raise SubmissionError("This mask covers the whole photo. Leave some of it to learn from.")
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def decode_mask(data: bytes) -> np.ndarray:
    """The mask in the bytes of a picture, bool (H, W), True = hole.

    Raises:
        SubmissionError: It cannot be read.
    """
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return np.asarray(picture.convert("L")) > 127
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SubmissionError(f"The mask cannot be read ({error}).") from error


def hole_fraction(mask: np.ndarray) -> float:
    """Hole pixels by all pixels of a bool (H, W) mask, in the 32 bits that a shard keeps of it."""
    return float(np.float32(mask.mean()))
