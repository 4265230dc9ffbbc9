"""Masks made visible: an overlay on the photo, and contact sheets."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from masks.base import Image, Mask
from masks.ops import as_bytes, within

RED = (229, 57, 35)
LIGHT = (255, 246, 238)
DARK = (92, 14, 6)
STRENGTH = 0.5
PAPER = 250
GAP = 6


def overlay(image: Image, mask: Mask, strength: float = STRENGTH) -> Image:
    """Return the image with the hole tinted warm red and outlined, uint8 (H, W, 3).

    The outline is light outside and dark inside, so that it shows on any colour, red included.

    Args:
        image: uint8 (H, W, 3) in RGB.
        mask: bool (H, W).
        strength: how much the red covers, 0 to 1.

    Raises:
        ValueError: if the sizes differ.
    """
    if image.shape[:2] != mask.shape:
        raise ValueError(f"the image is {image.shape[:2]}, the mask {mask.shape}: they must agree")
    hole = as_bytes(mask)
    tint = cv2.addWeighted(image, 1 - strength, np.full_like(image, RED), strength, 0)
    painted = image.copy()
    cv2.copyTo(tint, hole, painted)
    ring = max(1, round(min(mask.shape) / 320))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * ring + 1, 2 * ring + 1))
    painted[(cv2.dilate(hole, kernel) - hole).view(np.bool_)] = LIGHT
    # The border of the picture is no outline: erode as if the hole went on outside.
    inner = cv2.erode(hole, kernel, borderType=cv2.BORDER_REPLICATE)
    painted[(hole - inner).view(np.bool_)] = DARK
    return painted


def shrink_to(image: Image, mask: Mask, side: int) -> tuple[Image, Mask]:
    """Return both at a size whose longer side is at most `side`, for previews."""
    return within(image, side)[0], shrink_mask(mask, side)


def shrink_mask(mask: Mask, side: int) -> Mask:
    """Return the mask at a longer side of at most `side`.

    Holes of less than about half a new pixel vanish, but where all would, the largest share stays.
    """
    factor = side / max(mask.shape)
    if factor >= 1:
        return mask
    size = (max(1, round(mask.shape[1] * factor)), max(1, round(mask.shape[0] * factor)))
    # Every few pixels are plenty where each pixel of the preview still averages several of them.
    stride = max(1, int(0.6 / factor))
    sample = as_bytes(mask[::stride, ::stride])
    small = cv2.resize(sample * 255, size, interpolation=cv2.INTER_AREA) > 127
    if small.any() or not mask.any():
        return small
    share = cv2.resize(as_bytes(mask).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return share >= share.max()


def sheet(
    image: Image, masks: Sequence[Mask], columns: int | None = None, tile: int = 256
) -> NDArray[np.uint8]:
    """Return a contact sheet of overlays, uint8 (H, W, 3).

    Args:
        image: uint8 (H, W, 3), the picture under every mask.
        masks: one or more, each bool (H, W).
        columns: how many side by side; near a square if left out.
        tile: longer side of one overlay in pixels; smaller pictures keep their size.

    Raises:
        ValueError: without any mask, or if a size differs.
    """
    if not masks:
        raise ValueError("a sheet needs at least one mask")
    tiles = [overlay(*shrink_to(image, mask, tile)) for mask in masks]
    height, width = tiles[0].shape[:2]
    columns = min(len(tiles), columns or int(np.ceil(len(tiles) ** 0.5)))
    rows = -(-len(tiles) // columns)
    paper = np.full(
        (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), PAPER, np.uint8
    )
    for k, picture in enumerate(tiles):
        top = GAP + (k // columns) * (height + GAP)
        left = GAP + (k % columns) * (width + GAP)
        paper[top : top + height, left : left + width] = picture
    return paper
