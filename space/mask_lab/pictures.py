"""Small pictures for the page: overlays that lie on the photo, previews and strategy pictures."""

import base64
import io

import cv2
import numpy as np
from PIL import Image

import masks
from masks.base import Image as Pixels
from masks.base import Mask
from masks.ops import as_bytes
from masks.preview import DARK, LIGHT, RED, overlay, shrink_mask, shrink_to
from space.pieces import jpeg_url

SIDE = 400
"""Longer side of the gallery's pictures."""
TINT = 132
"""How much the red covers, of 255."""
# Outside, hole, outer outline, inner outline (a hole pixel: 1 + 2). Two bits a pixel: a gallery of
# 16 is 40 kB and quick to make.
_PALETTE = [0, 0, 0, *RED, *LIGHT, *DARK]
_OPACITY = bytes((0, TINT, 235, 235))
_THUMB = (256, 192)
_SEEDS = {"wide": 8, "box": 8, "segmentation": 4, "narrow": 4, "outpaint": 9, "training": 7,
          "thin": 9, "medium": 5, "thick": 4}  # fmt: skip
"""Seeds whose masks are typical of their strategy."""


def overlay_png(mask: Mask, side: int = SIDE) -> str:
    """The mask as a small see-through PNG in base64: red in the hole, light and dark outline."""
    small = shrink_mask(mask, side)
    hole = as_bytes(small)
    kernel = np.ones((3, 3), np.uint8)
    outer = cv2.dilate(hole, kernel) - hole
    inner = (hole - cv2.erode(hole, kernel, borderType=cv2.BORDER_REPLICATE)) * 2
    picture = Image.fromarray(hole + outer * 2 + inner)
    picture.putpalette(_PALETTE)
    stream = io.BytesIO()
    picture.save(stream, "PNG", bits=2, transparency=_OPACITY, compress_level=1)
    return base64.b64encode(stream.getvalue()).decode("ascii")


def preview(image: Pixels, side: int = SIDE) -> str:
    """The picture small, as a JPEG data address for the gallery's background."""
    small = shrink_to(image, np.zeros(image.shape[:2], np.bool_), side)[0]
    return jpeg_url(small)


def strategy_picture(name: str) -> str:
    """A tiny picture of what a strategy does, as a data address."""
    width, height = _THUMB
    scene = masks.scene(height, width)
    mask = masks.generate(name, scene, 1, _SEEDS.get(name, 0))[0].mask
    small = cv2.resize(
        overlay(scene, mask), (width // 2, height // 2), interpolation=cv2.INTER_AREA
    )
    return jpeg_url(small)
