"""Which parts of a large photo to look at: holes that lie together, each with context around it.

Work follows the holes, not the photo. Far-apart holes get a crop each; a crop that is larger than
the network should see is filled at a smaller scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from masks.ops import Box, bounding_box, holes_together

CELL = 32  # pixels; holes closer than about two cells (`holes_together`) are filled together
# Where the photo has room, sides of crops are multiples of this: crops of one size can be filled in
# one pass, and their spectra have lengths that are quick to transform.
STEP = 64
MOST_PIXELS = 1024 * 1024  # filled in one pass


@dataclass(frozen=True)
class Group:
    """Holes filled together: `crop` is what the network sees, `hole` (crop-sized) what it fills."""

    crop: Box
    hole: np.ndarray


def hole_groups(mask: np.ndarray, context: float = 0.75, least: int = 96) -> Iterator[Group]:
    """Split a mask into groups of holes, each with its crop.

    Args:
        mask: bool (H, W), True = hole.
        context: margin around a group, as a share of its longer side.
        least: smallest margin in pixels.

    Yields:
        Groups; every hole pixel is in exactly one.
    """
    height, width = mask.shape
    outer = bounding_box(mask)
    if outer is None:
        return
    # Only the cells between the outermost holes are looked at: the rest may be very large.
    row, column = outer.top // CELL, outer.left // CELL
    corner = row * CELL, column * CELL
    numbers = holes_together(mask[corner[0] : outer.bottom, corner[1] : outer.right], CELL)
    for number in range(1, numbers.max() + 1):
        own = numbers == number
        ys, xs = np.nonzero(own)
        loose = Box(
            corner[1] + int(xs.min()) * CELL,
            corner[0] + int(ys.min()) * CELL,
            min(width, corner[1] + (int(xs.max()) + 1) * CELL),
            min(height, corner[0] + (int(ys.max()) + 1) * CELL),
        )
        # A group's cells as pixels; its neighbours' holes may lie in the same rectangle.
        mine = np.kron(
            own[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1], np.ones((CELL, CELL), bool)
        )
        hole = mask[loose.slices] & mine[: loose.height, : loose.width]
        tight = bounding_box(hole)
        assert tight is not None, "every cell has a hole pixel"
        margin = max(least, round(context * max(tight.height, tight.width)))
        yield group_at(tight.moved(loose.left, loose.top), hole[tight.slices], margin, mask.shape)


def group_at(box: Box, hole: np.ndarray, margin: int, shape: tuple[int, int]) -> Group:
    """A group from the rectangle around its hole.

    Args:
        box: in the photo.
        hole: bool, of the size of `box`, True = to fill.
        margin: of known pixels around it.
        shape: (H, W) of the photo.
    """
    crop = _grow(box, margin, shape)
    in_crop = np.zeros((crop.height, crop.width), bool)
    in_crop[box.moved(-crop.left, -crop.top).slices] = hole
    return Group(crop, in_crop)


def batches(groups: list[Group], mask: np.ndarray, longest: int, pixels: int) -> list[list[Group]]:
    """What can be filled in one pass: groups of one size that see no other group's hole.

    Args:
        groups: all groups of the mask.
        mask: bool (H, W), True = hole.
        longest: longer side above which a crop is filled alone, at a smaller scale.
        pixels: that fit in memory at once.

    Returns:
        Each group once: those that go together first, then those that go alone, so that they see
        what has been filled by then.
    """
    together: dict[tuple[int, int], list[list[Group]]] = {}
    alone: list[list[Group]] = []
    for group in groups:
        size = group.crop.height, group.crop.width
        seen = np.count_nonzero(mask[group.crop.slices])
        if max(size) > longest or seen > np.count_nonzero(group.hole):
            alone.append([group])
            continue
        most = max(1, min(pixels, MOST_PIXELS) // (size[0] * size[1]))
        same = together.setdefault(size, [[]])
        if len(same[-1]) == most:
            same.append([])
        same[-1].append(group)
    return [batch for same in together.values() for batch in same] + alone


def _grow(box: Box, margin: int, shape: tuple[int, int]) -> Box:
    """Add a margin; what the picture's edge cuts off is added on the other side."""
    height, width = shape
    top, bottom = _grow_side(box.top, box.bottom, margin, height)
    left, right = _grow_side(box.left, box.right, margin, width)
    return Box(left, top, right, bottom)


def _grow_side(low: int, high: int, margin: int, limit: int) -> tuple[int, int]:
    length = min(limit, -(-(high - low + 2 * margin) // STEP) * STEP)
    low = min(max(0, low - (length - (high - low)) // 2), limit - length)
    return low, low + length
