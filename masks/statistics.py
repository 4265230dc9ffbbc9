"""The figures of a mask and of a set of masks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from masks.base import Mask, check_mask
from masks.ops import BUCKETS, Box, area_bucket, as_bytes, bounding_box

DOUBLED_UP_TO = 1 << 16
"""Holes whose bounding box has at most this many pixels are measured at twice their size."""

REDUCED_FROM = 1 << 20
"""From this many pixels on, holes are measured at a reduced size."""


@dataclass(frozen=True)
class MaskStatistics:
    """The figures of one mask.

    Attributes:
        area: hole share of the picture, 0 to 1.
        bucket: the paper's hole-area bucket, 0 (up to 10 %) to 9.
        components: number of separate holes (touching at a corner counts as one).
        component_areas: each hole's share of the picture, largest first.
        widest_stroke: diameter of the largest disc that fits into the hole, in pixels: right to two
            pixels, and up to 2 % smaller than that where the hole's edges are not upright.
        touches_border: whether a hole reaches the picture's border.
        bounding_box: the smallest rectangle around all holes.
    """

    area: float
    bucket: int
    components: int
    component_areas: tuple[float, ...]
    widest_stroke: int
    touches_border: bool
    bounding_box: Box

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**asdict(self), "bounding_box": self.bounding_box._asdict()}


@dataclass(frozen=True)
class SetStatistics:
    """The figures of a set of masks: hole areas and the paper's ten buckets."""

    count: int
    mean: float
    median: float
    smallest: float
    largest: float
    histogram: tuple[int, ...]


def describe(mask: Mask) -> MaskStatistics:
    """Measure one mask, bool (H, W).

    Raises:
        ValueError: if it is no mask, or empty, or full.
    """
    height, width = check_mask(mask)
    box = bounding_box(mask)
    assert box is not None, "check_mask lets no empty mask pass"
    hole = as_bytes(mask)[box.slices]
    count, _, stats, _ = cv2.connectedComponentsWithStats(hole, connectivity=8, ltype=cv2.CV_32S)
    areas = sorted(stats[1:count, cv2.CC_STAT_AREA].tolist(), reverse=True)
    size = height * width
    fraction = sum(areas) / size
    return MaskStatistics(
        area=fraction,
        bucket=area_bucket(fraction),
        components=count - 1,
        component_areas=tuple(area / size for area in areas),
        widest_stroke=_widest(hole),
        touches_border=box.left == 0 or box.top == 0 or box.right == width or box.bottom == height,
        bounding_box=box,
    )


def summarize(areas: Sequence[float]) -> SetStatistics:
    """Summarize the hole areas (0 to 1) of a set of masks.

    Raises:
        ValueError: for an empty set.
    """
    if not len(areas):
        raise ValueError("there are no masks to summarize")
    buckets = np.bincount([area_bucket(area) for area in areas], minlength=BUCKETS)
    return SetStatistics(
        count=len(areas),
        mean=float(np.mean(areas)),
        median=float(np.median(areas)),
        smallest=float(min(areas)),
        largest=float(max(areas)),
        histogram=tuple(int(n) for n in buckets),
    )


def _widest(hole: np.ndarray) -> int:
    """Return the diameter of the largest disc in a hole, uint8 (h, w) of 0 and 1.

    Small holes are doubled in size first, since the middle of an even number of pixels lies between
    two of them.
    """
    if hole.size <= DOUBLED_UP_TO:
        return max(1, round(_radius(_resize(hole, 2.0))))
    factor = min(1.0, (REDUCED_FROM / hole.size) ** 0.5)
    return max(1, round((2 * _radius(_resize(hole, factor)) - 0.5) / factor))


def _resize(hole: np.ndarray, factor: float) -> np.ndarray:
    size = (max(1, round(hole.shape[1] * factor)), max(1, round(hole.shape[0] * factor)))
    return cv2.resize(hole, size, interpolation=cv2.INTER_NEAREST)


def _radius(hole: np.ndarray) -> float:
    # The approximate distance: `fitted` draws until this width fits, and with a more exact one its
    # masks would be others for the same seed.
    framed = cv2.copyMakeBorder(hole, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return float(cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_5).max())
