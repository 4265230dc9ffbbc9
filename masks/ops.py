"""Small pure operations that several modules share: boxes, sizes and areas of masks and images.

A mask is bool (H, W), True = hole. Here it may well be empty or full; `masks.check_mask` tells.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from masks.base import Image, Mask

BUCKETS = 10
"""The paper sorts masks by hole area into ten equal buckets from 0 to 100 %."""


class Box(NamedTuple):
    """A rectangle in pixels; right and bottom are the first column and row outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.bottom - self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index for (H, W, ...) arrays."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def moved(self, across: int, down: int) -> "Box":
        """Return the same rectangle this many pixels further to the right and down."""
        return Box(self.left + across, self.top + down, self.right + across, self.bottom + down)

    def union(self, other: "Box") -> "Box":
        """Return the smallest rectangle that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def grown(self, margin: int, shape: tuple[int, ...]) -> "Box":
        """Return it with a margin on all sides, as far as an array of (H, W, ...) reaches."""
        return Box(
            max(self.left - margin, 0),
            max(self.top - margin, 0),
            min(self.right + margin, shape[1]),
            min(self.bottom + margin, shape[0]),
        )


def painted(picture: NDArray, noisy: bool = False) -> Mask:
    """Return which pixels of a mask picture are hole: bool (H, W).

    Hole is what is not black. If any pixel is fully transparent, alpha alone decides, and what is
    not fully transparent is hole: masks are often drawn in one colour on a clear layer.

    Args:
        picture: (H, W, C) whole numbers; C is 1 grey, 2 grey and alpha, 3 colours, 4 colours and
            alpha.
        noisy: it comes from a lossy file, which has grey noise where black was: where the colours
            decide, what is brighter than the middle is hole.
    """
    if picture.shape[2] in (2, 4):
        if (picture[..., -1] == 0).any():
            return np.asarray(picture[..., -1] != 0)
        picture = picture[..., :-1]
    if noisy:
        return np.asarray(picture.max(axis=2) > np.iinfo(picture.dtype).max // 2)
    return np.asarray((picture != 0).any(axis=2))


def bounding_box(mask: Mask) -> Box | None:
    """Return the smallest rectangle that holds every hole pixel, or None if there is none."""
    x, y, w, h = cv2.boundingRect(as_bytes(mask))
    return Box(x, y, x + w, y + h) if w and h else None


def grown(mask: Mask, pixels: int) -> Mask:
    """Return the mask with all that lies at most so many pixels from a hole, a disc around each."""
    box = bounding_box(mask)
    if box is None or not pixels:
        return mask
    result, where = mask.copy(), box.grown(pixels, mask.shape).slices
    # A dilation takes ever longer with the disc; distances do not.
    known = as_bytes(~mask[where])
    result[where] = cv2.distanceTransform(known, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= pixels
    return result


def hole_cells(mask: Mask, side: int) -> Mask:
    """Return which cells of a grid, begun in the upper left corner, hold a hole pixel.

    Args:
        mask: the last cells may reach beyond it.
        side: of a cell, in pixels, a multiple of 8.

    Returns:
        bool (rows, columns).
    """
    height, width = mask.shape
    rows, columns = -(-height // side), -(-width // side)
    padded = np.zeros((rows * side, columns * side), np.bool_)
    padded[:height, :width] = mask
    # Eight truth values are one word, which is much quicker to look at.
    words = padded.view(np.uint64).reshape(rows, side, columns, side // 8)
    return np.asarray(np.bitwise_or.reduce(words, axis=1).any(axis=2))


def holes_together(mask: Mask, side: int) -> NDArray[np.int32]:
    """Number the holes of a mask, those that lie together alike, by the cells of a grid.

    Args:
        mask: as for `hole_cells`.
        side: holes closer than about two cells of this side lie together.

    Returns:
        int32 (rows, columns): 1, 2, ... in cells with a hole, 0 in the others.
    """
    cells = hole_cells(mask, side)
    near = cv2.dilate(as_bytes(cells), np.ones((3, 3), np.uint8))
    _, numbers = cv2.connectedComponents(near, connectivity=8)
    return np.where(cells, numbers, 0).astype(np.int32, copy=False)


def area_bucket(fraction: float) -> int:
    """Return which of the paper's ten hole-area buckets a fraction falls into, 0 to 9.

    An edge belongs to the bucket above it, as in the paper's offline evaluation.

    Raises:
        ValueError: for a number that is no fraction.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"a hole fraction lies between 0 and 1, not at {fraction}")
    edges = np.arange(BUCKETS + 1) / BUCKETS  # linspace has 0.30000000000000004
    return min(int(np.searchsorted(edges, fraction, side="right")) - 1, BUCKETS - 1)


def within(image: Image, side: int, least: int = 1) -> tuple[Image, float]:
    """Return the image with its longer side at most `side` pixels, and the factor it shrank by.

    An image that is small enough comes back as it is, with the factor 1.

    Args:
        image: uint8 (H, W, 3).
        side: of the result, in pixels.
        least: pixels that its shorter side keeps, however long the image is.
    """
    factor = side / max(image.shape[:2])
    if factor >= 1:
        return image, 1.0
    height, width = (max(least, round(length * factor)) for length in image.shape[:2])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False), factor


def as_bytes(mask: Mask) -> NDArray[np.uint8]:
    """Return the mask as uint8 of 0 and 1 without copying it."""
    return np.ascontiguousarray(mask).view(np.uint8)
