"""Pixels to lossless pictures that the browser shows in the photo's own colours."""

import io

import cv2
import numpy as np
from PIL import Image

from lama.photo import Photo
from masks.ops import Box


def plain_png(rgb: np.ndarray) -> bytes:
    """A PNG of a picture, uint8 (H, W, 3), and nothing else; quick to make rather than small."""
    return _quick_png(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR))


def patch_png(photo: Photo, rgb: np.ndarray, box: Box | None) -> bytes:
    """A PNG of `rgb` (uint8 (h, w, 3)), quick to make rather than small.

    Args:
        photo: Whose colour profile and transparency it shares.
        rgb: The pixels.
        box: Where in the photo they lie; None for the whole photo.
    """
    alpha = _alpha(photo, box)
    if photo.icc_profile is None:
        if alpha is None:
            return plain_png(rgb)
        return _quick_png(np.dstack([cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), alpha]))
    picture = Image.fromarray(rgb if alpha is None else np.dstack([rgb, alpha]))
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1, icc_profile=photo.icc_profile)
    return stream.getvalue()


def _quick_png(bgr: np.ndarray) -> bytes:
    # Without a level of compression OpenCV takes what is quickest, one filter for all rows.
    return cv2.imencode(".png", bgr)[1].tobytes()


def _alpha(photo: Photo, box: Box | None) -> np.ndarray | None:
    """Transparency as uint8 (h, w), or None for an opaque photo."""
    original = photo.original
    if original.ndim != 3 or original.shape[2] not in (2, 4):
        return None
    alpha = original[..., -1] if box is None else original[box.slices][..., -1]
    return (alpha >> 8).astype(np.uint8) if alpha.dtype == np.uint16 else alpha
