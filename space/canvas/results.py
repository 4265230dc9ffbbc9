"""Results the pages may still come back to: kept in memory, within a limit of bytes."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

import cv2
import numpy as np

from masks.ops import Box, as_bytes, bounding_box
from space.engine import InpaintResult

_MARGIN = 3
_MOST_PATCHES = 8
_ROWS = 128
FIRST = 1
"""Version of a result that nothing has made better yet."""
_BYTES_EACH = 2_000  # of a result apart from its pixels, about


@dataclass(frozen=True)
class KeptResult:
    """The changed rectangle of one result."""

    photo: str
    box: Box
    rgb: np.ndarray
    mask: np.ndarray
    rough: np.ndarray
    """bool, like `mask`: holes that a full run would fill at a larger scale."""
    made_by: InpaintResult
    """What made it, without the picture."""
    asked: str
    """The model as it was asked for."""
    name: str
    """What the page calls the photo."""
    version: int
    """Counts from 1 what was kept under its id: a page that shows another one is behind."""

    @property
    def bytes(self) -> int:
        """How much memory it takes, about."""
        return _BYTES_EACH + self.rgb.nbytes + self.mask.nbytes + self.rough.nbytes

    def whole(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Filled picture and mask at the full size of `rgb`, the photo's own pixels."""
        filled, mask = rgb.copy(), np.zeros(rgb.shape[:2], dtype=bool)
        filled[self.box.slices] = self.rgb
        mask[self.box.slices] = self.mask
        return filled, mask


class ResultShelf:
    """The last results, found by an unguessable id."""

    def __init__(self, limit_mb: int = 512) -> None:
        self._limit = limit_mb * 1_000_000
        self._kept: OrderedDict[str, KeptResult] = OrderedDict()
        self._bytes = 0  # of them all
        self._lock = threading.Lock()

    def put(
        self, photo: str, mask: np.ndarray, result: InpaintResult, asked: str = "", name: str = ""
    ) -> str:
        """Keep what `result` changed within `mask` (bool (H, W)) and give it an id."""
        identity = secrets.token_urlsafe(16)
        self._keep(identity, photo, mask, result, asked, name)
        return identity

    def better(self, identity: str, mask: np.ndarray, result: InpaintResult) -> KeptResult:
        """Keep `result` in the place of a coarser one of the same `mask`."""
        old = self.get(identity)
        return self._keep(identity, old.photo, mask, result, old.asked, old.name)

    def _keep(
        self,
        identity: str,
        photo: str,
        mask: np.ndarray,
        result: InpaintResult,
        asked: str,
        name: str,
    ) -> KeptResult:
        box = bounding_box(mask) or Box(0, 0, 0, 0)
        made_by = replace(result, rgb=np.zeros((0, 0, 3), np.uint8), rough=None)
        coarse = np.zeros(mask.shape, bool) if result.rough is None else result.rough
        rgb, hole, rough = (array[box.slices].copy() for array in (result.rgb, mask, coarse))
        with self._lock:
            old = self._kept.get(identity)
            version = FIRST if old is None else old.version + 1
            kept = KeptResult(photo, box, rgb, hole, rough, made_by, asked, name, version)
            self._bytes -= 0 if old is None else old.bytes
            self._kept[identity] = kept
            self._bytes += kept.bytes
            while len(self._kept) > 1 and self._bytes > self._limit:
                self._bytes -= self._kept.popitem(last=False)[1].bytes
        return kept

    def get(self, identity: str) -> KeptResult:
        """The result with this id; ValueError in words for the reader if it is gone."""
        with self._lock:
            kept = self._kept.get(identity)
        if kept is None:
            raise ValueError("The app no longer has this result. Run it once more.")
        return kept


def patches(mask: np.ndarray) -> list[Box]:
    """Few boxes that together hold every hole pixel, so that far holes travel apart."""
    outer = bounding_box(mask)
    if outer is None:
        return []
    crop = as_bytes(mask[outer.slices])
    count, _, stats, _ = cv2.connectedComponentsWithStats(crop, connectivity=8)
    if count - 1 > _MOST_PATCHES:
        return [outer.grown(_MARGIN, mask.shape)]
    merged: list[Box] = []
    for x, y, width, height in stats[1:, :4].tolist():
        tight = Box(x, y, x + width, y + height).moved(outer.left, outer.top)
        joined = tight.grown(_MARGIN, mask.shape)
        while touching := [other for other in merged if _overlap(joined, other)]:
            for other in touching:
                merged.remove(other)
                joined = joined.union(other)
        merged.append(joined)
    return merged


def untouched_outside(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> bool:
    """Whether every pixel outside the hole is the same in both uint8 (H, W, C) pictures."""
    if before.shape != after.shape:
        return False
    for top in range(0, before.shape[0], _ROWS):
        rows = slice(top, top + _ROWS)
        if np.array_equal(before[rows], after[rows]):
            continue
        # With the holes' old content put back there must be no difference.
        hole = as_bytes(mask[rows])
        if not np.array_equal(cv2.copyTo(before[rows], hole, after[rows].copy()), before[rows]):
            return False
    return True


def _overlap(one: Box, two: Box) -> bool:
    return (
        one.left < two.right
        and two.left < one.right
        and one.top < two.bottom
        and two.top < one.bottom
    )
